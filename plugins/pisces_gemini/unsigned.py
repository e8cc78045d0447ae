"""A request whose signatures Google has refused, without them (wire.md C6)."""

from __future__ import annotations

from typing import Any

import msgspec

from pisces_proxy import splice
from pisces_proxy.errors import BadRequest

from .google import SENTINEL
from .reading import Object, camel

Raw = msgspec.Raw
_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, Raw])
_ANSWERS = "functionResponse"
_CALL = "functionCall"
_SIGNATURE = "thoughtSignature"


def without_signatures(body: bytes) -> bytes | None:
    """No part keeps its signature; the first call of each step of the current turn gets the stand-in that is documented for
    signatures that nobody has. None where nothing changes."""
    try:
        request = Object(body)
        contents = [_object.decode(content) for content in request.items("contents")]
        current = _current(contents)
        written = [_written(content, current=number > current) for number, content in enumerate(contents)]
    except (BadRequest, msgspec.MsgspecError):
        return None  # Google has the better words for it
    changed = splice.edit(body, {"contents": _encode([content for content in written if content["parts"]])})
    return changed if _signatures(contents) != _signatures(written) else None


def _signatures(contents: list[dict[str, Any]]) -> list[Any]:
    return [
        [value for name, value in part.items() if camel(name) == _SIGNATURE] for content in contents for part in _parts(content)
    ]


def _parts(content: dict[str, Any]) -> list[dict[str, Any]]:
    parts = content.get("parts")
    if not isinstance(parts, Raw):
        return parts or []
    return [_object.decode(part) for part in Object(_encode(content)).items("parts")]


def _has(part: dict[str, Any], name: str) -> bool:
    return any(camel(member) == name for member in part)


def _current(contents: list[dict[str, Raw]]) -> int:
    """Where the current turn begins: the last thing that the user said and not a tool."""
    found = -1
    for number, content in enumerate(contents):
        said = [part for part in _parts(content) if not _has(part, _ANSWERS)]
        if not _is_model(content) and said:
            found = number
    return found


def _is_model(content: dict[str, Raw]) -> bool:
    return bytes(content.get("role", b"")) == b'"model"'


def _written(content: dict[str, Raw], *, current: bool) -> dict[str, Any]:
    if not _is_model(content):
        return {**content, "parts": _parts(content)}
    parts = [bare for part in _parts(content) if not _says_nothing(bare := _bare(part))]
    first = next((part for part in parts if _has(part, _CALL)), None)
    if first is not None and current:
        first[_SIGNATURE] = SENTINEL
    return {**content, "parts": parts}


def _bare(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if camel(name) != _SIGNATURE}


def _says_nothing(part: dict[str, Any]) -> bool:
    """A part that was there for its signature alone."""
    return not part or (part.keys() <= {"text", "thought"} and bytes(part.get("text", Raw(b'""'))) == b'""')
