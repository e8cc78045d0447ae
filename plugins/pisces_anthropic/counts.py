"""Token counts, in Anthropic's way (input without what the cache gave or took) and in the gateway's (wire.md C10)."""

from __future__ import annotations

from typing import Any

import msgspec

from pisces_proxy.usage import Usage

from . import shapes


def read_usage(raw: bytes, before: Usage | None = None) -> Usage | None:
    """The counts of a `usage` object laid over those known before: cumulative, so they replace and never add (H116). A
    prompt of nothing, which some servers report at the end, leaves what was said earlier; None where nothing could be read."""
    if not raw:
        return before
    try:
        seen = shapes.usage.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return before
    return _laid_over(seen, before or Usage())


def _laid_over(seen: shapes.Usage, before: Usage) -> Usage:
    read = seen.cache_read_input_tokens or before.cached_input
    write = seen.cache_creation_input_tokens or before.cache_write
    fresh = seen.input_tokens or before.input - before.cached_input - before.cache_write
    hour = seen.cache_creation.ephemeral_1h_input_tokens if seen.cache_creation else None
    details, tools = seen.output_tokens_details, seen.server_tool_use
    return Usage(
        input=fresh + read + write,
        cached_input=read,
        cache_write=write,
        cache_write_1h=hour or before.cache_write_1h,
        output=before.output if seen.output_tokens is None else seen.output_tokens,
        reasoning=(details and details.thinking_tokens) or before.reasoning,
        searches=(tools and tools.web_search_requests) or before.searches,
    )


def read_tier(raw: bytes) -> bytes:
    """The service tier that a `usage` object names, in the words of most other wires (JSON); empty where it names none."""
    try:
        tier = shapes.usage.decode(raw).service_tier if raw else None
    except (msgspec.MsgspecError, RecursionError):
        tier = None
    return shapes.encode("priority" if tier == "priority" else "default") if tier else b""


def written_usage(usage: Usage, tier: bytes = b"") -> dict[str, Any]:
    """The `usage` object for a client: `input_tokens` excludes both cache counts (H115)."""
    counts: dict[str, Any] = {
        "input_tokens": max(usage.input - usage.cached_input - usage.cache_write, 0),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached_input,
        "output_tokens": usage.output,
    }
    if usage.cache_write:
        hour = min(usage.cache_write_1h, usage.cache_write)
        counts["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write - hour,
            "ephemeral_1h_input_tokens": hour,
        }
    if usage.reasoning:
        counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.searches:
        counts["server_tool_use"] = {"web_search_requests": usage.searches, "web_fetch_requests": 0}
    if tier:
        counts["service_tier"] = "priority" if tier == b'"priority"' else "standard"
    return counts


class _Allowed(msgspec.Struct):
    max_tokens: int | None = None


_allowed = msgspec.json.Decoder(_Allowed)


def max_output(body: bytes) -> int | None:
    """How long an answer the client allows, in tokens; None where it does not say."""
    try:
        return _allowed.decode(body).max_tokens
    except (msgspec.MsgspecError, RecursionError):
        return None
