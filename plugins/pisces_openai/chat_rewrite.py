"""A chat request for an upstream of the same wire: the client's own bytes, but for what this upstream wants otherwise.

On the path of every request: the top level alone is taken apart, `messages` only where they need mending.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec

from pisces_proxy import splice
from pisces_proxy.plugin import Encoded, Operation, Profile

from .chat_mending import Parts, Raw, mended, suspect

_encode = msgspec.json.Encoder().encode
_objects = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_EMPTY = (b"[]", b"null")
_LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}


class _Spoken(msgspec.Struct):
    role: str = ""


_spoken = msgspec.json.Decoder(list[_Spoken])


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
    if suspect(operation.body, profile):
        parts["messages"] = mended(parts.get("messages", b"[]"), profile)
    return Encoded(body=splice.join(_adjusted(parts, profile)))


def passes(body: bytes, profile: Profile) -> bool:
    """Whether the bytes can go as they are. Not so free-form tools where the target has functions only, and neighbours of one
    role where it insists on turns."""
    if (profile.alternate_roles or profile.merge_same_role) and not _alternate(body, profile.alternate_roles):
        return False
    return profile.custom_tools or b'"custom"' not in body or not _free_form(body)


def _alternate(body: bytes, strictly: bool) -> bool:
    try:
        roles = [message.role for message in _spoken.decode(splice.members(body).get("messages", Raw(b"[]")))]
    except msgspec.MsgspecError:
        return True  # for the upstream to refuse
    if strictly and next((role for role in roles if role in ("user", "assistant")), "") == "assistant":
        return False
    return not any(one == other for one, other in pairwise(roles) if one in ("user", "assistant"))


def _free_form(body: bytes) -> bool:
    raw = splice.members(body).get("tools", Raw(b"[]"))
    try:
        return any(bytes(tool.get("type", b"")) == b'"custom"' for tool in _objects.decode(raw))
    except msgspec.MsgspecError:
        return False


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
