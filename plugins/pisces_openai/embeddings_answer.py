"""Vectors as OpenAI tells them: floats, or base64 of little-endian float32, whichever was asked for (wire.md F1, H129)."""

from __future__ import annotations

import base64
import binascii
import re
import sys
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec

from pisces_proxy import answers, splice
from pisces_proxy.errors import BadRequest, UpstreamBroken
from pisces_proxy.media import Vectors
from pisces_proxy.plans import Got
from pisces_proxy.plugin import Profile, Reply
from pisces_proxy.usage import Usage

_encode = msgspec.json.Encoder().encode
_VALUE = re.compile(rb'"embedding"\s*:\s*(["\[])')


class Counts(msgspec.Struct):
    """Voyage and some servers give the total only."""

    prompt_tokens: int | None = None
    total_tokens: int | None = None

    @property
    def usage(self) -> Usage | None:
        count = self.prompt_tokens if self.prompt_tokens is not None else self.total_tokens
        return Usage(input=count) if count is not None else None


_NOTHING = msgspec.Raw()
_PLAIN = Profile()


class _Counted(msgspec.Struct):
    usage: Counts | None = None
    data: msgspec.Raw = _NOTHING


class _Row(msgspec.Struct):
    embedding: str | list[float]
    index: int | None = None


class _Told(msgspec.Struct):
    index: int
    embedding: str | Sequence[float]
    object: str = "embedding"


class _Answer(msgspec.Struct):
    data: list[_Row] | None = None
    usage: Counts | None = None


_counted = msgspec.json.Decoder(_Counted)
_answer = msgspec.json.Decoder(_Answer)
_rows = msgspec.json.Decoder(list[_Row])


# -- of an upstream ----------------------------------------------------------------------------------------------------


def decode_answer(got: Got, profile: Profile) -> Vectors:
    """Raises the error that a 200 may hold."""
    found = answers.read(_answer, got.body, "vectors")
    if found.data is None:
        raise answers.unreadable(got.body, "vectors")
    rows = sorted(enumerate(found.data), key=lambda placed: _at(placed[1], placed[0]))
    usage = found.usage.usage if found.usage else None
    return Vectors(vectors=[_floats(row.embedding, profile) for _, row in rows], usage=usage)


def usage_of(got: Got) -> Usage | None:
    """What a whole answer was worth. Raises the error that a 200 may hold."""
    found = answers.read(_counted, got.body, "vectors")
    if bytes(memoryview(found.data)[:1]) != b"[":
        raise answers.unreadable(got.body, "vectors")
    return found.usage.usage if found.usage else None


def _floats(given: str | list[float], profile: Profile) -> Sequence[float]:
    if isinstance(given, list):
        return given
    try:
        packed = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        raise UpstreamBroken("The upstream's vectors are no base64.") from None
    return array("b", packed).tolist() if profile.embedding_format == "int8" else unpacked(packed)


def unpacked(packed: bytes) -> list[float]:
    """Little-endian float32, each exactly as a double."""
    if len(packed) % 4:
        raise UpstreamBroken("The upstream's vectors are no float32.")
    numbers = array("f", packed)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def packed(vector: Sequence[float]) -> str:
    """Base64 of little-endian float32, each the nearest to the number."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()


# -- for a client ------------------------------------------------------------------------------------------------------


def encode_answer(result: Vectors, encoding: str, reply: Reply) -> bytes:
    told = [packed(vector) if encoding == "base64" else vector for vector in result.vectors]
    rows = [_Told(index, each) for index, each in enumerate(told)]
    usage = result.usage or Usage()
    parts: dict[str, bytes] = {
        "object": b'"list"',
        "data": _encode(rows),
        "model": _encode(reply.model),
        "usage": _usage(usage),
    }
    return splice.join({**parts, "pisces": reply.extension} if reply.extension else parts)


def _usage(usage: Usage) -> bytes:
    return _encode({"prompt_tokens": usage.input, "total_tokens": usage.input})


def relay_answer(got: Got, reply: Reply) -> bytes:
    """The upstream's own answer: the model's name changes, vectors in the other form than was asked for (`reply.form`), a
    count that lacks what clients read."""
    try:
        parts: dict[str, Any] = dict(splice.members(got.body))
    except BadRequest:
        return got.body
    if "data" in parts and not _as_asked(parts["data"], reply.form):
        parts["data"] = _turned(bytes(parts["data"]), reply.form)
    parts["model"] = _encode(reply.model)
    parts["usage"] = _completed(parts.get("usage"))
    if reply.extension:
        parts["pisces"] = reply.extension
    return splice.join(parts)


def _as_asked(data: msgspec.Raw, form: str) -> bool:
    """Servers that do not know `encoding_format` answer with floats, which OpenAI's SDK for JavaScript takes for base64."""
    found = _VALUE.search(memoryview(data))
    return found is None or (found[1] == b'"') == (form == "base64")


def _turned(data: bytes, form: str) -> bytes:
    try:
        rows = _rows.decode(data)
    except msgspec.MsgspecError:
        return data  # whatever it is, it is the upstream's own
    told = [packed(_floats(row.embedding, _PLAIN)) if form == "base64" else _floats(row.embedding, _PLAIN) for row in rows]
    return _encode([_Told(_at(row, place), each) for place, (row, each) in enumerate(zip(rows, told, strict=True))])


def _at(row: _Row, place: int) -> int:
    return place if row.index is None else row.index


def _completed(usage: Any) -> Any:
    try:
        counts = msgspec.json.decode(usage, type=Counts) if usage is not None else Counts()
    except msgspec.MsgspecError:
        return usage
    if counts.prompt_tokens is not None and counts.total_tokens is not None:
        return usage
    return _usage(counts.usage or Usage())
