"""Multipart forms on their way through: read as they come into one temporary file, sent on from there in pieces."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import msgspec

from .forms import Form, FormPart


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
        lines.append(f"Content-Type: {_line(part.mime) or 'application/octet-stream'}")
    return (("" if first else "\r\n") + f"--{boundary}\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode()


def _quoted(text: str) -> str:
    """As browsers write it (WHATWG, multipart/form-data encoding): three characters escaped, the rest UTF-8."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")
