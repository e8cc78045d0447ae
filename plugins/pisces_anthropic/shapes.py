"""Anthropic's Messages format as types: what is read of requests, answers and stream events, and nothing else.

Fields are lenient where third-party servers are sloppy (null text, missing members); what has no meaning here stays raw.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from pisces_proxy.errors import BadRequest

WIRE = "anthropic.messages"
FAMILY = "anthropic"
VERSION = "2023-06-01"
NOT_ANTHROPICS = ("pisces", "api_key", "betas")  # the gateway's own members, and a header that came in the body

encode = msgspec.json.Encoder().encode
raw_list = msgspec.json.Decoder(list[Raw])
string = msgspec.json.Decoder(str)


# -- requests ----------------------------------------------------------------------------------------------------------


class CacheControl(msgspec.Struct):
    type: str = "ephemeral"
    ttl: str | None = None


class Message(msgspec.Struct):
    role: str
    content: Raw | UnsetType = UNSET


class Source(msgspec.Struct):
    """Where an image or a document comes from; `content` is that of `{"type":"content"}`."""

    type: str = ""
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    content: Raw | UnsetType = UNSET


class CitationsWanted(msgspec.Struct):
    enabled: bool | None = None


class Block(msgspec.Struct):
    """Any block of a request: the union of their members, since unknown types must not fail. `citations` is a list on text
    and an object on documents."""

    type: str = ""
    text: str | None = None
    cache_control: CacheControl | None = None
    citations: Raw | UnsetType = UNSET
    source: Raw | UnsetType = UNSET
    title: str | None = None
    context: str | None = None
    content: Raw | UnsetType = UNSET
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str = ""
    name: str = ""
    tool_name: str = ""
    tool_use_id: str = ""
    input: Raw | UnsetType = UNSET
    is_error: bool | None = None


class Thinking(msgspec.Struct):
    type: str = ""
    budget_tokens: int | None = None
    display: str | None = None


class Format(msgspec.Struct):
    type: str = ""
    schema: Raw | UnsetType = UNSET


class OutputConfig(msgspec.Struct):
    effort: str | None = None
    format: Format | None = None


class Tool(msgspec.Struct):
    type: str | None = None
    name: str = ""
    description: str | None = None
    input_schema: Raw | UnsetType = UNSET
    strict: bool | None = None
    cache_control: CacheControl | None = None


class ToolChoice(msgspec.Struct):
    type: str = "auto"
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class Metadata(msgspec.Struct):
    user_id: str | None = None


class Request(msgspec.Struct):
    model: str = ""
    messages: list[Message] = []
    max_tokens: int | None = None
    system: Raw | UnsetType = UNSET
    stream: bool | None = None
    tools: list[Raw] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: Format | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    metadata: Metadata | None = None
    service_tier: str | None = None
    cache_control: CacheControl | None = None
    container: Raw | UnsetType = UNSET
    mcp_servers: list[Raw] | None = None
    context_management: Raw | UnsetType = UNSET
    thread: Raw | UnsetType = UNSET
    speed: Raw | UnsetType = UNSET
    inference_geo: Raw | UnsetType = UNSET
    diagnostics: Raw | UnsetType = UNSET


# -- answers -----------------------------------------------------------------------------------------------------------


class CacheCreation(msgspec.Struct):
    ephemeral_1h_input_tokens: int | None = None


class OutputDetails(msgspec.Struct):
    thinking_tokens: int | None = None


class ServerToolUse(msgspec.Struct):
    web_search_requests: int | None = None


class Usage(msgspec.Struct):
    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None
    output_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None
    server_tool_use: ServerToolUse | None = None
    service_tier: str | None = None


class StopDetails(msgspec.Struct):
    explanation: str | None = None


class Answer(msgspec.Struct):
    """A whole message, or the one inside `message_start`. Usage is read apart, so that a strange count breaks nothing."""

    id: str | None = None
    type: str | None = None
    model: str | None = None
    content: list[Raw] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Raw | UnsetType = UNSET
    usage: Raw | UnsetType = UNSET
    container: Raw | UnsetType = UNSET
    context_management: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


class AnswerBlock(msgspec.Struct):
    """Any block of an answer."""

    type: str = ""
    text: str | None = None
    citations: list[Raw] | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw | UnsetType = UNSET


class Citation(msgspec.Struct):
    url: str | None = None
    title: str | None = None
    document_title: str | None = None
    source: str | None = None
    cited_text: str | None = None


# -- stream events: tagged, so that each frame is decoded once and straight into its type --------------------------------


class TextDelta(msgspec.Struct, tag="text_delta", gc=False):
    text: str | None = None


class ThinkingDelta(msgspec.Struct, tag="thinking_delta", gc=False):
    thinking: str | None = None


class InputDelta(msgspec.Struct, tag="input_json_delta", gc=False):
    partial_json: str | None = None


class SignatureDelta(msgspec.Struct, tag="signature_delta", gc=False):
    signature: str | None = None


class CitationsDelta(msgspec.Struct, tag="citations_delta"):
    citation: Raw


class CompactionDelta(msgspec.Struct, tag="compaction_delta"):
    content: Raw | UnsetType = UNSET


class BlockDelta(msgspec.Struct, tag="content_block_delta"):
    delta: TextDelta | ThinkingDelta | InputDelta | SignatureDelta | CitationsDelta | CompactionDelta
    index: int = 0


class BlockStart(msgspec.Struct, tag="content_block_start"):
    content_block: Raw
    index: int = 0


class BlockStop(msgspec.Struct, tag="content_block_stop"):
    index: int = 0


class MessageStart(msgspec.Struct, tag="message_start"):
    message: Answer


class MessageChange(msgspec.Struct):
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Raw | UnsetType = UNSET
    container: Raw | UnsetType = UNSET


class MessageDelta(msgspec.Struct, tag="message_delta"):
    delta: MessageChange | None = None
    usage: Raw | UnsetType = UNSET
    context_management: Raw | UnsetType = UNSET


class MessageStop(msgspec.Struct, tag="message_stop"):
    pass


class Ping(msgspec.Struct, tag="ping"):
    pass


Frame = BlockDelta | BlockStart | BlockStop | MessageStart | MessageDelta | MessageStop | Ping

frame = msgspec.json.Decoder(Frame)
request = msgspec.json.Decoder(Request)
block = msgspec.json.Decoder(Block)
tool = msgspec.json.Decoder(Tool)
source = msgspec.json.Decoder(Source)
wanted = msgspec.json.Decoder(CitationsWanted)
answer = msgspec.json.Decoder(Answer)
answer_block = msgspec.json.Decoder(AnswerBlock)
citation = msgspec.json.Decoder(Citation)
usage = msgspec.json.Decoder(Usage)
stop_details = msgspec.json.Decoder(StopDetails)


def said(value: Raw | UnsetType) -> bytes:
    """The JSON of a raw member, empty where it is absent or null."""
    if value is UNSET:
        return b""
    text = bytes(value)
    return b"" if text == b"null" else text


T = TypeVar("T")


def read(decoder: msgspec.json.Decoder[T], raw: Raw | bytes, path: str) -> T:
    """A part of a request; BadRequest names its place in the body."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        where = str(error).rpartition("`$")[2].rstrip("`") if "`$" in str(error) else ""
        param = (path + where).lstrip(".")
        raise BadRequest(f"{param or 'The body'}: {str(error).partition(' - at ')[0]}", param=param or None) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}", param=path or None) from None
