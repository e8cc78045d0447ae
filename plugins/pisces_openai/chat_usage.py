"""Token counts in OpenAI's words, and in those of everyone who speaks them a little differently (wire.md C10)."""

from __future__ import annotations

import msgspec

from pisces_proxy.usage import Usage

from .chat_frames import Counted, InputDetails, OutputDetails

_encode = msgspec.json.Encoder().encode


def decode_usage(counted: Counted | None) -> Usage | None:
    """What was counted, None where it holds no count at all (Together sends an empty object)."""
    if counted is None:
        return None
    given = counted.prompt_tokens if counted.prompt_tokens is not None else counted.input_tokens
    made = counted.completion_tokens if counted.completion_tokens is not None else counted.output_tokens
    if given is None and made is None and counted.total_tokens is None:
        return None
    asked, said = counted.prompt_tokens_details or InputDetails(), counted.completion_tokens_details or OutputDetails()
    reasoning = said.reasoning_tokens or counted.reasoning_tokens or 0
    given, made = given or 0, made or 0
    beside = (counted.total_tokens or 0) - given - made
    if beside > 0 and beside == asked.audio_tokens:
        given += beside  # Mistral: the audio of the prompt stands in the total only
    output, reasoning = _outside(counted, beside, made, reasoning)
    return Usage(
        input=given,
        cached_input=_cached(counted, asked),
        cache_write=asked.cache_write_tokens or asked.cache_creation_tokens or counted.cache_creation_input_tokens or 0,
        audio_input=asked.audio_tokens or 0,
        image_input=asked.image_tokens or 0,
        output=output,
        reasoning=reasoning,
        audio_output=said.audio_tokens or 0,
        image_output=said.image_tokens or 0,
        searches=_searches(counted),
    )


def _cached(counted: Counted, asked: InputDetails) -> int:
    return (
        asked.cached_tokens
        or counted.prompt_cache_hit_tokens
        or counted.cached_tokens
        or counted.num_cached_tokens
        or counted.cache_read_input_tokens
        or 0
    )


def _searches(counted: Counted) -> int:
    served = counted.server_tool_use.web_search_requests if counted.server_tool_use else None
    return counted.num_search_queries or served or 0


def _outside(counted: Counted, beside: int, made: int, reasoning: int) -> tuple[int, int]:
    """Output and reasoning, where reasoning is counted beside the completion: the total tells."""
    if 0 < beside == reasoning:  # xAI
        return made + reasoning, reasoning
    if beside > 0 and not reasoning and counted.completion_tokens_details is None and counted.prompt_tokens_details is None:
        return made + beside, beside  # Gemini's OpenAI-compatible door: thoughts stand in the total only
    return made, reasoning


class _AskedDetails(msgspec.Struct):
    cached_tokens: int
    cache_write_tokens: int
    audio_tokens: int


class _SaidDetails(msgspec.Struct):
    reasoning_tokens: int
    audio_tokens: int
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class _Written(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _AskedDetails
    completion_tokens_details: _SaidDetails


def encode_usage(usage: Usage) -> bytes:
    """The `usage` object. Input and output include their parts, as with OpenAI (H115, H117, H118)."""
    return _encode(
        _Written(
            usage.input,
            usage.output,
            usage.total,
            _AskedDetails(usage.cached_input, usage.cache_write, usage.audio_input),
            _SaidDetails(usage.reasoning, usage.audio_output),
        )
    )
