"""A chat request whose signatures the upstream has refused, without them (wire.md C6)."""

from __future__ import annotations

import msgspec

from pisces_proxy import splice

from .chat_mending import Parts, Raw

_objects = msgspec.json.Decoder(list[dict[str, Raw]])
# accepted in place of a signature that nobody has: https://ai.google.dev/gemini-api/docs/thought-signatures
_STAND_IN = b'{"google":{"thought_signature":"skip_thought_signature_validator"}}'


def without_signatures(body: bytes) -> bytes | None:
    """No `reasoning_details` and no signed calls; the first call of a turn that had one gets the documented stand-in. None
    where nothing changes."""
    try:
        messages = _objects.decode(splice.members(body).get("messages", Raw(b"[]")))
        written = [_message(message) for message in messages]
    except msgspec.MsgspecError:
        return None
    if not any(_signed(message) for message in messages):
        return None
    return splice.edit(body, {"messages": b"[" + b",".join(written) + b"]"})


def _signed(message: dict[str, Raw]) -> bool:
    return "reasoning_details" in message or b'"thought_signature"' in bytes(message.get("tool_calls", b""))


def _message(message: dict[str, Raw]) -> bytes:
    parts: Parts = {name: value for name, value in message.items() if name != "reasoning_details"}
    if b'"thought_signature"' in bytes(message.get("tool_calls", b"")):
        calls = [_bare(call) for call in _objects.decode(message["tool_calls"])]
        calls[0] = {**calls[0], "extra_content": _STAND_IN}
        parts["tool_calls"] = b"[" + b",".join([splice.join(call) for call in calls]) + b"]"
    return splice.join(parts)


def _bare(call: dict[str, Raw]) -> Parts:
    return {name: value for name, value in call.items() if name != "extra_content"}
