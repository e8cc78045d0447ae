"""A chat answer for a client of the same wire: the model's name, the usage frame and the `pisces` member change."""

from __future__ import annotations

import msgspec

from pisces_proxy import splice
from pisces_proxy.errors import BadRequest
from pisces_proxy.plugin import Reply

_encode = msgspec.json.Encoder().encode


def relay_response(body: bytes, reply: Reply) -> bytes:
    """Blank lines in front go too: DeepSeek sends them while a request waits."""
    body = body.strip()
    try:
        parts = splice.members(body)
    except BadRequest:
        return body
    changes = _named(parts, reply)
    if reply.extension:
        changes["pisces"] = reply.extension
    return splice.join({**parts, **changes}) if changes else body


def relay_frame(data: bytes, reply: Reply, first: bool) -> bytes | None:
    if not data.startswith(b"{"):
        return data
    if b"\n" in data:
        data = data.replace(b"\n", b" ")  # it came on several `data:` lines
    try:
        parts = splice.members(data)
    except BadRequest:
        return data
    counts = _counts(parts)
    if bytes(parts.get("choices", b"")) in (b"[]", b"null") and not (counts and reply.include_usage):
        return None  # clients index choices[0]: not asked for (H08), or Azure's opening frame (H43)
    changes = _named(parts, reply)
    if reply.extension and (first or counts):
        changes["pisces"] = reply.extension
    return splice.join({**parts, **changes}) if changes else data


def _named(parts: dict[str, msgspec.Raw], reply: Reply) -> dict[str, bytes]:
    """The model as the client called it (H44)."""
    ours = _encode(reply.model)
    return {"model": ours} if "model" in parts and bytes(parts["model"]) != ours else {}


def _counts(parts: dict[str, msgspec.Raw]) -> bool:
    return bytes(parts["usage"]).startswith(b"{") if "usage" in parts else False
