"""A response object as the canonical answer: output, status, usage, and the errors that a 200 may hold (wire.md B2)."""

from __future__ import annotations

from typing import Any

import msgspec

from pisces_proxy import refusals
from pisces_proxy.chat import Block, Choice, Opaque, Refusal, Response, Stop, StopReason, ToolCall
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.plugin import Profile
from pisces_proxy.usage import Usage

from .responses_items import EMPTY, FAMILY, WIRE, message_parts, output_blocks, read

_FINISHED = ("completed", "complete", "incomplete", "")  # look-alikes write `complete`, or nothing


class Answer(msgspec.Struct):
    """The members of a response object that a translation needs. `output` and `usage` are read on demand."""

    id: str | None = None
    model: str | None = None
    created_at: float | None = None
    status: str | None = None
    error: Any = None
    incomplete_details: dict[str, Any] | None = None
    output: msgspec.Raw = EMPTY
    usage: dict[str, Any] | None = None
    service_tier: str | None = None


_answer = msgspec.json.Decoder(Answer)
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_any = msgspec.json.Decoder()
_json = msgspec.json.Encoder().encode


def family_of(profile: Profile) -> str:
    """Whose signatures this upstream's reasoning items carry."""
    return profile.signature or FAMILY


def read_usage(body: bytes, profile: Profile) -> Usage | None:
    """What an answer that passes through has used, its items unread. Raises the error that a 200 may hold."""
    if b'"web_search_call"' in body:  # searches are counted by their items
        return decode_response(body, profile).usage
    return usage_of(_finished(body))


def _finished(body: bytes) -> Answer:
    answer = _read(body)
    if answer.error or not answer.output:
        raise failure_in(_any.decode(body))
    if (answer.status or "") not in _FINISHED:
        raise unfinished(answer)
    return answer


def decode_response(body: bytes, profile: Profile) -> Response:
    """Raises the error that a 200 may hold."""
    answer = _finished(body)
    items, blocks = raw_items(answer), _blocks(answer, family_of(profile))
    return Response(
        id=answer.id or "",
        model=answer.model or "",
        created=int(answer.created_at or 0),
        choices=(Choice(blocks=blocks, stop=_stop(answer, blocks), logprobs=_logprobs(items)),),
        usage=usage_of(answer, sum(searched(block) for block in blocks)),
        extra=extra_of(answer),
    )


def _blocks(answer: Answer, family: str) -> tuple[Block, ...]:
    try:
        return tuple(block for raw in raw_items(answer) for block in output_blocks(raw, family))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UpstreamBroken(f"The upstream's answer holds an item that cannot be read: {error}") from None


def _read(body: bytes) -> Answer:
    try:
        return _answer.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if (found := refusals.complaint(body)) is not None:
            raise refusals.understand(200, {}, found) from None
        raise UpstreamBroken(f"The upstream's answer is no Responses object: {error}") from None


def raw_items(answer: Answer) -> list[msgspec.Raw]:
    """The output's items; none where it is null or no list."""
    try:
        return _raws.decode(answer.output) if answer.output else []
    except msgspec.MsgspecError:
        return []


def failure_in(value: Any) -> PiscesError:
    """The error in a response object, an error event or any other JSON of an upstream that failed."""
    inner = value.get("error") if isinstance(value, dict) else None
    found = refusals.complaint_in(value)
    if found is None and isinstance(inner, dict):
        found = refusals.complaint_in({"error": inner})
    if found is None:
        return UpstreamBroken("The upstream's answer failed without saying why.")
    return refusals.understand(200, {}, found)


def unfinished(answer: Answer) -> PiscesError:
    """A response that will not become an answer: failed without an error, cancelled, or still in the background."""
    return UpstreamBroken(f"The upstream's response ended with status {answer.status!r}.")


def _stop(answer: Answer, blocks: tuple[Block, ...]) -> Stop:
    called = any(isinstance(block, ToolCall) for block in blocks)
    return stop_of(answer, called, any(isinstance(block, Refusal) for block in blocks))


def stop_of(answer: Answer, called: bool, refused: bool) -> Stop:
    """Why the answer ended (C9): the upstream's own limit wins over calls that it made before."""
    reason: StopReason = "tool_calls" if called else "refusal" if refused else "stop"
    raw = str((answer.incomplete_details or {}).get("reason") or answer.status or "completed")
    if answer.status == "incomplete":
        reason = "content_filter" if raw == "content_filter" else "length"
    return Stop(reason=reason, raw=raw)


def extra_of(answer: Answer) -> dict[str, bytes]:
    return {"service_tier": _json(answer.service_tier)} if answer.service_tier else {}


def usage_of(answer: Answer, searches: int = 0) -> Usage | None:
    """What the upstream counted, None where it did not."""
    counts = answer.usage
    if not counts or _count(counts, "input_tokens") + _count(counts, "output_tokens") == 0:
        return None
    given = counts.get("input_tokens_details") or {}
    made = counts.get("output_tokens_details") or {}
    return Usage(
        input=_count(counts, "input_tokens"),
        cached_input=_count(given, "cached_tokens"),
        cache_write=_count(given, "cache_write_tokens"),
        audio_input=_count(given, "audio_tokens"),
        image_input=_count(given, "image_tokens"),
        output=_count(counts, "output_tokens"),
        reasoning=_count(made, "reasoning_tokens"),
        audio_output=_count(made, "audio_tokens"),
        image_output=_count(made, "image_tokens"),
        searches=searches,
    )


def _count(counts: Any, name: str) -> int:
    value = counts.get(name) if isinstance(counts, dict) else None
    return int(value) if isinstance(value, (int, float)) else 0


def searched(block: Block) -> int:
    """Searches that the upstream ran for this item: they are billed one by one."""
    return int(isinstance(block, Opaque) and block.wire == WIRE and block.what == "web_search_call")


def _logprobs(items: list[msgspec.Raw]) -> bytes:
    """The probabilities of all text parts as one array, empty where there are none."""
    if not any(b'"logprobs"' in bytes(raw) for raw in items):
        return b""
    parts = [part for raw in items for part in message_parts(read(raw)) if part.logprobs]
    tokens = b",".join(bytes(token) for part in parts for token in part.logprobs or ())
    return b"[" + tokens + b"]" if tokens else b""
