"""Multipart forms on their way through: read as they come into one temporary file, sent on from there in pieces."""

from __future__ import annotations

import io
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import BinaryIO, cast

import msgspec
from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from .errors import BadRequest, TooLarge, UnsupportedMedia
from .forms import File, Form, FormPart
from .operation import Endpoint

PIECE = 256 * 1024
IN_MEMORY = 1024 * 1024  # bytes of files from which on they lie on disk
FIELD = 1024 * 1024  # bytes of one field that is no file
PARTS = 1000
_BYTES = "application/octet-stream"


class Spool:
    """One temporary file for all files of a form; in memory while it is small, on disk without a name behind that, so that
    it is gone with the form, whatever happens."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - it lives as long as the form
        self.size = 0

    def __del__(self) -> None:
        self._file.close()  # without a word: nobody holds a part of it any more

    def add(self, data: bytes) -> None:
        self._file.seek(self.size)
        self._file.write(data)
        self.size += len(data)

    def at(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        return self._file.read(size)


class Spooled(File):
    """A part of a spool."""

    def __init__(self, spool: Spool, start: int, size: int) -> None:
        self._spool = spool
        self._start = start
        self.size = size

    def read(self) -> bytes:
        return self._spool.at(self._start, self.size)

    def chunks(self) -> Iterator[bytes]:
        for at in range(0, self.size, PIECE):
            yield self._spool.at(self._start + at, min(PIECE, self.size - at))

    def open(self) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(_Window(self._spool, self._start, self.size)))


class _Window(io.RawIOBase):
    """A reader of one file of a spool, with a place of its own."""

    def __init__(self, spool: Spool, start: int, size: int) -> None:
        self._spool, self._start, self._size, self._at = spool, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._spool.at(self._start + self._at, max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


# -- in ----------------------------------------------------------------------------------------------------------------


def sends_form(request: web.BaseRequest, endpoint: Endpoint) -> bool:
    """Whether a request comes as a form. Raises UnsupportedMedia for what is neither a form nor JSON, by its own word."""
    mime = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if mime == "multipart/form-data" and endpoint.uploads:
        return True
    if mime.startswith(("multipart/", "audio/", "image/", "video/")) or (endpoint.uploads and mime == _BYTES):
        takes = "multipart/form-data or JSON" if endpoint.uploads else "JSON"
        raise UnsupportedMedia(f"{endpoint.path} does not take {mime}. Send {takes}.")
    return False


async def read_form(request: web.BaseRequest, limit: int) -> Form:
    """A client's form, read to its end. Raises TooLarge beyond `limit` bytes, BadRequest for what is no form."""
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    try:
        return await _read(MultipartReader(request.headers, request.content), limit)
    except (HttpProcessingError, web.RequestPayloadError, ValueError, AssertionError, LookupError) as error:
        # aiohttp asserts that nobody reads on behind an end that came too soon
        reason = str(error) if isinstance(error, ValueError) else "a part is cut off or has bad headers"
        raise BadRequest(f"The multipart form cannot be read: {reason}. Check its boundary and its end.") from None


async def _read(reader: MultipartReader, limit: int) -> Form:
    spool, left = Spool(), limit
    parts: list[FormPart] = []
    async for part in reader:
        if not isinstance(part, BodyPartReader):
            raise BadRequest("The form holds another multipart body. Send its files as parts of their own.")
        if len(parts) >= PARTS:
            raise BadRequest(f"The form has more than {PARTS} parts.")
        read = await (_file(part, spool, left) if _is_file(part) else _field(part))
        left -= read.file.size if read.file is not None else len(read.value)
        if left < 0:
            raise _too_large(limit)
        parts.append(read)
    return Form(tuple(parts))


def _is_file(part: BodyPartReader) -> bool:
    if part.filename is not None:
        return True
    mime = part.headers.get("Content-Type", "text/plain").partition(";")[0].strip().lower()
    return not (mime.startswith("text/") or mime == "application/json")


async def _file(part: BodyPartReader, spool: Spool, limit: int) -> FormPart:
    start = spool.size
    while not part.at_eof():
        spool.add(await part.read_chunk(PIECE))
        if spool.size - start > limit:
            break  # the caller refuses it
    mime = part.headers.get("Content-Type", "").partition(";")[0].strip()
    file = Spooled(spool, start, spool.size - start)
    return FormPart(name=part.name or "", file=file, filename=part.filename or "", mime=mime)


async def _field(part: BodyPartReader) -> FormPart:
    name, value = part.name or "", bytearray()
    while not part.at_eof():
        value += await part.read_chunk(PIECE)
        if len(value) > FIELD:
            raise TooLarge(f"The field {name!r} is larger than {FIELD} bytes. Send it as a file.", param=name)
    try:
        return FormPart(name=name, value=value.decode())
    except UnicodeDecodeError:
        raise BadRequest(f"The field {name!r} is not UTF-8. Send bytes as a file, with a filename.", param=name) from None


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The form is larger than {limit} bytes. Send less, or raise [server] max_upload.")


# -- out ---------------------------------------------------------------------------------------------------------------


class Framed(msgspec.Struct, frozen=True):
    """A form as a request body of known length."""

    content_type: str
    length: int
    parts: tuple[tuple[bytes, FormPart], ...]
    end: bytes

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces; files are read where they lie."""
        for head, part in self.parts:
            yield head
            if part.file is None:
                yield part.value.encode()
                continue
            for piece in part.file.chunks():
                yield piece
        yield self.end


def framed(form: Form) -> Framed:
    """A form, ready to be sent."""
    boundary = "pisces-" + secrets.token_hex(16)
    parts = tuple((_head(part, boundary, first=index == 0), part) for index, part in enumerate(form.parts))
    end = f"\r\n--{boundary}--\r\n".encode() if parts else f"--{boundary}--\r\n".encode()
    length = len(end) + sum(len(head) + (part.file.size if part.file else len(part.value.encode())) for head, part in parts)
    return Framed(f"multipart/form-data; boundary={boundary}", length, parts, end)


def _head(part: FormPart, boundary: str, *, first: bool) -> bytes:
    lines = [f'Content-Disposition: form-data; name="{_quoted(part.name)}"']
    if part.file is not None:
        lines[0] += f'; filename="{_quoted(part.filename or part.name)}"'
        lines.append(f"Content-Type: {_line(part.mime) or _BYTES}")
    return (("" if first else "\r\n") + f"--{boundary}\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode()


def _quoted(text: str) -> str:
    """As browsers write it (WHATWG, multipart/form-data encoding): three characters escaped, the rest UTF-8."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")
