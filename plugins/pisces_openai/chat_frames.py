"""What an upstream's chat answer looks like: only the members that are read, typed, and a tolerant second reading."""

from __future__ import annotations

import json
from typing import Any, get_args, get_origin

import msgspec

NOTHING = msgspec.UNSET
Raw = msgspec.Raw
MaybeRaw = msgspec.Raw | msgspec.UnsetType


class InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_creation_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class ServerTools(msgspec.Struct):
    web_search_requests: int | None = None


class Counted(msgspec.Struct):
    """`usage` as OpenAI writes it, with the counters that others put beside (real-traffic.md 2)."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None
    prompt_cache_hit_tokens: int | None = None  # DeepSeek
    cached_tokens: int | None = None  # Moonshot, Together
    num_cached_tokens: int | None = None  # Mistral
    cache_read_input_tokens: int | None = None  # Databricks, Vercel
    cache_creation_input_tokens: int | None = None
    reasoning_tokens: int | None = None  # Perplexity
    num_search_queries: int | None = None  # Perplexity
    server_tool_use: ServerTools | None = None  # OpenRouter


class Function(msgspec.Struct):
    name: str | None = None
    arguments: MaybeRaw = NOTHING  # a string; an object or null from some


class Custom(msgspec.Struct):
    name: str | None = None
    input: str | None = None


class Google(msgspec.Struct):
    thought_signature: str | None = None


class ExtraContent(msgspec.Struct):
    google: Google | None = None


class Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: ExtraContent | None = None


class Thought(msgspec.Struct):
    text: str | None = None


class Part(msgspec.Struct):
    """A content part in an answer (Mistral): text, or thinking with parts of its own."""

    type: str | None = None
    text: str | None = None
    thinking: str | list[Thought] | None = None


class Detail(msgspec.Struct):
    """An entry of `reasoning_details` (OpenRouter)."""

    type: str | None = None
    text: str | None = None
    summary: str | None = None
    data: str | None = None
    signature: str | None = None
    id: str | None = None
    format: str | None = None


class Place(msgspec.Struct):
    url: str | None = None


class Image(msgspec.Struct):
    image_url: Place | str | None = None


class Audio(msgspec.Struct):
    data: str | None = None
    transcript: str | None = None


class Passage(msgspec.Struct):
    url: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None
    content: str | None = None


class Annotation(msgspec.Struct):
    type: str | None = None
    url_citation: Passage | None = None


class Message(msgspec.Struct):
    """A delta of a stream, or a whole message: the same members."""

    content: str | list[Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[Call] | None = None
    refusal: str | None = None
    reasoning_details: list[Detail] | None = None
    function_call: Function | None = None
    annotations: list[MaybeRaw] | None = None
    images: list[Image] | None = None
    audio: Audio | None = None
    citations: list[str] | None = None


class Probabilities(msgspec.Struct):
    content: MaybeRaw = NOTHING
    refusal: MaybeRaw = NOTHING


class Choice(msgspec.Struct):
    index: int | None = None
    delta: Message | None = None
    finish_reason: str | None = None
    message: Message | None = None
    text: str | None = None  # llama.cpp and old gateways answer a chat like a completion
    logprobs: Probabilities | None = None
    usage: Counted | None = None  # Moonshot
    error: MaybeRaw = NOTHING


class Chunk(msgspec.Struct):
    """A frame of a stream, or a whole answer."""

    choices: list[Choice] | None = None
    usage: Counted | None = None
    error: MaybeRaw = NOTHING
    citations: MaybeRaw = NOTHING  # Perplexity, xAI; repeated on every chunk by some
    search_results: MaybeRaw = NOTHING


class Opening(Chunk):
    """The frame that begins a stream: who answers."""

    id: str | None = None
    model: str | None = None
    created: int | float | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None


read_chunk = msgspec.json.Decoder(Chunk).decode
read_opening = msgspec.json.Decoder(Opening).decode
read_annotation = msgspec.json.Decoder(Annotation).decode
read_text = msgspec.json.Decoder(str).decode
read_any = msgspec.json.Decoder().decode


def value_of(data: bytes) -> Any:
    """Any JSON, lone surrogates included (replaced: they cannot be written again). Raises ValueError."""
    try:
        return read_any(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        text = json.dumps(json.loads(data.decode("utf-8", "replace")), ensure_ascii=False)
        return json.loads(text.encode("utf-8", "replace"))


def tolerated(value: Any, wanted: type[msgspec.Struct]) -> Any:
    """As much of `value` as has the types that are read: a member of another type counts as absent."""
    members = {}
    for field in msgspec.structs.fields(wanted):
        if isinstance(value, dict) and value.get(field.name) is not None:
            found = _tolerated_member(value[field.name], field.type)
            if found is not NOTHING:
                members[field.name] = found
    return wanted(**members)


def _tolerated_member(value: Any, wanted: Any) -> Any:
    if wanted == MaybeRaw:
        return Raw(msgspec.json.encode(value))
    if isinstance(value, list) and (item := _item_of(wanted)) is not None:
        found = [_tolerated_member(entry, item) for entry in value if entry is not None]
        return [entry for entry in found if entry is not NOTHING]
    if isinstance(value, dict) and (inner := _struct_in(wanted)) is not None:
        return tolerated(value, inner)
    try:
        return msgspec.convert(value, wanted, strict=False)
    except msgspec.ValidationError:
        return NOTHING


def _item_of(wanted: Any) -> Any:
    """The X in `list[X] | None`."""
    return next((get_args(member)[0] for member in get_args(wanted) if get_origin(member) is list), None)


def _struct_in(wanted: Any) -> type[msgspec.Struct] | None:
    """The X in `X | None` and in `str | X | None`, and X itself."""
    for member in get_args(wanted) or (wanted,):
        if isinstance(member, type) and issubclass(member, msgspec.Struct):
            return member
    return None
