"""Change a JSON object's top level and nothing else: every other value keeps its exact bytes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .errors import BadRequest

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def members(body: bytes) -> dict[str, msgspec.Raw]:
    """The object's members, values unread. Duplicate names: the last wins (RFC 8259, section 4)."""
    try:
        return _members.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not a JSON object: {error}") from None


def join(parts: Mapping[str, bytes | msgspec.Raw]) -> bytes:
    """The object of these members, in this order; values are JSON."""
    if not parts:
        return b"{}"
    pieces: list[bytes | msgspec.Raw] = []  # values may be megabytes: each is copied once, by the join
    for name, value in parts.items():
        pieces += (b",", _encode(name), b":", value)
    pieces[0] = b"{"
    pieces.append(b"}")
    return b"".join(pieces)


def edit(body: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """The same object with `changes` made: a JSON value sets the member (in place, or at the end), None removes it."""
    parts: dict[str, bytes | msgspec.Raw] = dict(members(body))
    for name, value in changes.items():
        if value is None:
            parts.pop(name, None)
        else:
            parts[name] = value
    return join(parts)


def append(body: bytes, name: str, value: bytes) -> bytes:
    """The object with one more member at the end, without reading the rest. The caller knows that it has none so named."""
    head = body.rstrip()
    if not head.endswith(b"}"):
        return body
    comma = b"" if head[:-1].rstrip().endswith(b"{") else b","
    return head[:-1] + comma + _encode(name) + b":" + value + b"}"
