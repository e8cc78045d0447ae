"""A generateContent answer as types: what is read of a chunk, and nothing else (wire.md B4)."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, UnsetType

from .counts import Counts


class FunctionCall(msgspec.Struct, rename="camel"):
    """Whole as a rule. Vertex may send the arguments in pieces: `partialArgs` while `willContinue`."""

    name: str | None = None
    id: str | None = None
    args: Raw | UnsetType = UNSET
    partial_args: list[PartialArg] | None = None
    will_continue: bool | None = None


class PartialArg(msgspec.Struct, rename="camel"):
    json_path: str = ""
    string_value: str | None = None
    number_value: Raw | UnsetType = UNSET
    bool_value: bool | None = None
    will_continue: bool | None = None


class InlineData(msgspec.Struct, rename="camel"):
    mime_type: str | None = None
    data: str | None = None


class FileData(msgspec.Struct, rename="camel"):
    mime_type: str | None = None
    file_uri: str | None = None


class Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: InlineData | None = None
    file_data: FileData | None = None
    executable_code: Raw | UnsetType = UNSET
    code_execution_result: Raw | UnsetType = UNSET
    tool_call: Raw | UnsetType = UNSET
    tool_response: Raw | UnsetType = UNSET


class Content(msgspec.Struct):
    parts: list[Part | None] | None = None


class Token(msgspec.Struct, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class TopTokens(msgspec.Struct):
    candidates: list[Token] | None = None


class LogprobsResult(msgspec.Struct, rename="camel"):
    chosen_candidates: list[Token] | None = None
    top_candidates: list[TopTokens] | None = None


class Candidate(msgspec.Struct, rename="camel"):
    content: Content | None = None
    finish_reason: str | int | None = None
    finish_message: str | None = None
    index: int | None = None
    grounding_metadata: Raw | UnsetType = UNSET
    citation_metadata: Raw | UnsetType = UNSET
    url_context_metadata: Raw | UnsetType = UNSET
    logprobs_result: LogprobsResult | None = None


class PromptFeedback(msgspec.Struct, rename="camel"):
    block_reason: str | int | None = None
    block_reason_message: str | None = None


class Chunk(msgspec.Struct, rename="camel"):
    """A whole answer, or a piece of a streamed one: both have the same shape."""

    candidates: list[Candidate] | None = None
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: Counts | None = None
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None
    error: Raw | UnsetType = UNSET


chunk = msgspec.json.Decoder(Chunk)
elements = msgspec.json.Decoder(list[Raw])
