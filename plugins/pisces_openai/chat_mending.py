"""Messages on their way to an upstream of the same wire, where they hold what upstreams do not understand.

A plain-string `image_url`, a `file_url`, an empty `tool_calls`, ids that are too long, and what we ourselves put into an
earlier answer. Everything else in them keeps its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from pisces_proxy import names, splice
from pisces_proxy.errors import BadRequest
from pisces_proxy.plugin import Profile

_encode = msgspec.json.Encoder().encode
_objects = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)
_ID = re.compile(rb'"tool_call_id":\s*"([^"\\]*)"')

Raw = msgspec.Raw
Parts = dict[str, bytes | Raw]


def suspect(body: bytes, profile: Profile) -> bool:
    """Whether messages may have to change. Written out: every request is searched, however large."""
    if profile.tool_id != "any" and b'"tool_call_id"' in body:
        ids = {found.decode("utf-8", "replace") for found in _ID.findall(body)}
        if any(names.fitting_id(call_id, profile.tool_id) != call_id for call_id in ids):
            return True
    if b'"UFND' in body or b'"file_url"' in body:  # a sealed signature begins so (wire.md C6)
        return True
    if b'"image_url"' in body and (b'"image_url":"' in body or b'"image_url": "' in body):
        return True
    if b'"tool_calls"' in body and (b'"tool_calls":[]' in body or b'"tool_calls": []' in body):
        return True
    return profile.reasoning_echo == "never" and b'"reasoning_content"' in body


def mended(raw: bytes | Raw, profile: Profile) -> bytes:
    try:
        messages = _objects.decode(raw)
    except msgspec.ValidationError as error:
        raise BadRequest(f"`messages` is not a list of objects: {error}", param="messages", code="invalid_value") from None
    return b"[" + b",".join([_message(message, profile) for message in messages]) + b"]"


def _message(message: dict[str, Raw], profile: Profile) -> bytes:
    parts: Parts = dict(message)
    if profile.reasoning_echo == "never":
        parts.pop("reasoning_content", None)  # H90
    if b'"UFND' in bytes(message.get("reasoning_details", b"")):
        _change(parts, "reasoning_details", _unsealed_details)
    if "tool_calls" in parts:
        _change(parts, "tool_calls", lambda calls: [splice.join(_call(call, profile)) for call in calls])
    if "tool_call_id" in parts:
        parts["tool_call_id"] = _fitting(parts["tool_call_id"], profile)
    if "content" in parts and bytes(parts["content"]).startswith(b"["):
        _change(parts, "content", _content)
    return splice.join(parts)


def _change(parts: Parts, name: str, change: Callable[[list[dict[str, Raw]]], list[bytes]]) -> None:
    """Change a list in place; an empty one goes, one that is no list of objects is for the upstream to refuse."""
    raw = bytes(parts[name])
    try:
        changed = change(_objects.decode(raw))
    except (msgspec.MsgspecError, BadRequest):
        return
    if changed or name == "content":
        parts[name] = b"[" + b",".join(changed) + b"]"
    else:
        del parts[name]


def _unsealed_details(details: list[dict[str, Raw]]) -> list[bytes]:
    return [splice.join(detail) for detail in details if not bytes(detail.get("data", b"")).startswith(b'"UFND')]


def _fitting(raw: bytes | Raw, profile: Profile) -> bytes:
    """An id that another upstream gave, where this one is particular about them (wire.md C5)."""
    try:
        return _encode(names.fitting_id(_text.decode(raw), profile.tool_id))
    except msgspec.MsgspecError:
        return bytes(raw)


def _call(call: dict[str, Raw], profile: Profile) -> Parts:
    parts: Parts = dict(call)
    if "id" in call:
        parts["id"] = _fitting(call["id"], profile)
    if b'"UFND' not in bytes(call.get("extra_content", b"")):
        return parts
    extra: Parts = {
        name: value
        for name, value in _object.decode(call["extra_content"]).items()
        if name != "pisces" and b'"UFND' not in bytes(value)
    }
    if extra:
        parts["extra_content"] = splice.join(extra)
    else:
        del parts["extra_content"]
    return parts


def _content(content: list[dict[str, Raw]]) -> list[bytes]:
    return [splice.join(_part(part)) for part in content]


def _part(part: dict[str, Raw]) -> Parts:
    """`image_url` as an object, `file_url` as a `file` (H96, H98)."""
    parts: Parts = dict(part)
    if bytes(part.get("image_url", b"")).startswith(b'"'):
        parts["image_url"] = b'{"url":' + bytes(part["image_url"]) + b"}"
    if "file_url" in part:
        return _file(part)
    return parts


def _file(part: dict[str, Raw]) -> Parts:
    raw = bytes(part["file_url"])
    url = raw if raw.startswith(b'"') else bytes(_object.decode(raw).get("url", b'""'))
    name: Any = _text.decode(url).partition("?")[0].rpartition("/")[2]
    others: Parts = {key: value for key, value in part.items() if key not in ("type", "file_url")}
    file = splice.join({"filename": _encode(name if "." in name else "file.pdf"), "file_data": url})
    return {"type": b'"file"', "file": file, **others}
