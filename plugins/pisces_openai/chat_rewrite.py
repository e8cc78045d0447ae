"""A chat request for an upstream of the same wire: the client's own bytes, but for what this upstream wants otherwise.

On the path of every request. The top level alone is taken apart; `messages` only where it holds something that upstreams do not
understand: a plain-string `image_url`, a `file_url`, an empty `tool_calls`, or what we ourselves put into an earlier answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pisces_proxy import splice
from pisces_proxy.errors import BadRequest
from pisces_proxy.plugin import Encoded, Operation, Profile

_encode = msgspec.json.Encoder().encode
_objects = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)
_EMPTY = (b"[]", b"null")
_LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
Raw = msgspec.Raw
Parts = dict[str, bytes | Raw]


def rewrite(operation: Operation, model: str, profile: Profile) -> Encoded:
    parts: Parts = dict(splice.members(operation.body))
    parts["model"] = _encode(model)
    if "extra_body" in parts:
        parts |= _merged(parts.pop("extra_body"))
    parts.pop("pisces", None)
    parts.pop("api_key", None)  # H110
    _stream(parts, operation.stream, profile)
    if profile.max_tokens_field:
        parts = _limited(parts, profile.max_tokens_field)
    if "tools" in parts and bytes(parts["tools"]).strip() in _EMPTY:
        for name in ("tools", "tool_choice", "parallel_tool_calls"):  # H142
            parts.pop(name, None)
    if _suspect(operation.body, profile):
        parts["messages"] = _messages(parts.get("messages", b"[]"), profile)
    return Encoded(body=splice.join(_adjusted(parts, profile)))


def passes(body: bytes, profile: Profile) -> bool:
    """Whether the bytes can go as they are: free-form tools have to be emulated where the target has functions only."""
    if profile.custom_tools or b'"custom"' not in body:
        return True
    raw = splice.members(body).get("tools", Raw(b"[]"))
    try:
        return all(bytes(tool.get("type", b"")) != b'"custom"' for tool in _objects.decode(raw))
    except msgspec.MsgspecError:
        return True


def _merged(extra: bytes | Raw) -> dict[str, Raw]:
    """A literal `extra_body`, from those who copy an SDK's option into a plain request."""
    try:
        return _object.decode(extra)
    except msgspec.MsgspecError:
        return {}


def _stream(parts: Parts, stream: bool, profile: Profile) -> None:
    said = parts.get("stream")
    if stream != (said is not None and bytes(said) == b"true"):
        parts["stream"] = b"true" if stream else b"false"
    if not stream or profile.stream_usage != "request":
        parts.pop("stream_options", None)  # a 400 without a stream, and at upstreams that do not know it
    elif "stream_options" not in parts or bytes(parts["stream_options"]) == b"null":
        parts["stream_options"] = b'{"include_usage":true}'
    else:
        parts["stream_options"] = splice.edit(bytes(parts["stream_options"]), {"include_usage": b"true"})


def _limited(parts: Parts, field: str) -> Parts:
    """The limit under the name that this upstream takes; where both are given the newer one wins (wire.md C7)."""
    other = _LIMITS[field]
    if other not in parts:
        return parts
    value = parts.get("max_completion_tokens", parts[other])
    if field in parts:
        parts[field] = value
        del parts[other]
        return parts
    return {field if name == other else name: given for name, given in parts.items()}


def _adjusted(parts: Parts, profile: Profile) -> Parts:
    for name, value in profile.defaults.items():
        if name not in parts:
            parts[name] = _encode(value)
    for name in profile.drop:
        parts.pop(name, None)
    if not profile.rename:
        return parts
    return {profile.rename.get(name, name): value for name, value in parts.items()}


# -- messages ----------------------------------------------------------------------------------------------------------


def _suspect(body: bytes, profile: Profile) -> bool:
    """Whether messages may have to change. Written out: every request is searched, however large."""
    if b'"UFND' in body or b'"file_url"' in body:  # a sealed signature begins so (wire.md C6)
        return True
    if b'"image_url"' in body and (b'"image_url":"' in body or b'"image_url": "' in body):
        return True
    if b'"tool_calls"' in body and (b'"tool_calls":[]' in body or b'"tool_calls": []' in body):
        return True
    return profile.reasoning_echo == "never" and b'"reasoning_content"' in body


def _messages(raw: bytes | Raw, profile: Profile) -> bytes:
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
        _change(parts, "tool_calls", _unsealed_calls)
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


def _unsealed_calls(calls: list[dict[str, Raw]]) -> list[bytes]:
    return [splice.join(_unsealed_call(call)) for call in calls]


def _unsealed_call(call: dict[str, Raw]) -> Parts:
    parts: Parts = dict(call)
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
