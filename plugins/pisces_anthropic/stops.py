"""Why an answer ended, in Anthropic's words and in the gateway's (wire.md C9)."""

from __future__ import annotations

import msgspec

from pisces_proxy.chat import Stop, StopReason

from . import shapes

_READ: dict[str, StopReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",  # a classifier stepped in; what the model itself declines ends like any answer
    "pause_turn": "pause",
    "compaction": "pause",  # beta: the conversation was compacted, the client sends it again
    "model_context_window_exceeded": "context_full",
}
_WRITTEN: dict[StopReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "refusal": "refusal",
    "content_filter": "refusal",
    "pause": "pause_turn",
    "context_full": "model_context_window_exceeded",
    "error": "end_turn",
}


def read_stop(reason: str | None, sequence: str | None, details: bytes, *, called: bool, emulated: bool = False) -> Stop:
    """`called`: the answer holds a tool call, so a plain end is one for the tools (C9 rule 1). `emulated`: its only call was
    the gateway's own `json_output`, of which the client knows nothing (H65)."""
    raw = reason or ""
    ended = _READ.get(raw, "stop")
    if called and ended == "stop" and raw != "stop_sequence":
        ended = "tool_calls"
    if emulated and not called and ended == "tool_calls":
        ended = "stop"
    return Stop(reason=ended, raw=raw, sequence=sequence or "", detail=_explanation(details))


def _explanation(details: bytes) -> str:
    try:
        return (shapes.stop_details.decode(details).explanation or "") if details else ""
    except msgspec.MsgspecError:
        return ""


def written_stop(stop: Stop, *, refused: bool = False) -> dict[str, object]:
    """`stop_reason`, `stop_sequence` and, where there is something to explain, `stop_details`. `refused`: the answer holds a
    refusal, which other wires end like any answer (H40)."""
    reason = "refusal" if refused and stop.reason == "stop" else _WRITTEN[stop.reason]
    if reason == "end_turn" and (stop.sequence or stop.raw == "stop_sequence"):
        reason = "stop_sequence"
    if stop.reason == "pause" and stop.raw == "compaction":
        reason = "compaction"
    said: dict[str, object] = {"stop_reason": reason, "stop_sequence": stop.sequence or None}
    if stop.detail and reason == "refusal":
        said["stop_details"] = {"type": "refusal", "category": None, "explanation": stop.detail}
    return said
