"""A whole answer for a chat client (wire.md B1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from pisces_proxy import arguments, chat
from pisces_proxy.chat import (
    Choice,
    Citation,
    Media,
    Reasoning,
    Refusal,
    Response,
    Signature,
    Stop,
    Text,
    ToolCall,
)
from pisces_proxy.plugin import Reply

from .chat_carriers import Signed, call_extra, sealed_detail
from .chat_choice import WIRE
from .chat_usage import encode_usage
from .parts import location

_encode = msgspec.json.Encoder().encode
Raw = msgspec.Raw
_FINISH = {"length": "length", "context_full": "length", "tool_calls": "tool_calls", "content_filter": "content_filter"}


def answer_id(upstream: str, request_id: str) -> str:
    """Ids of this shape stay; others would tell who answered."""
    return upstream if upstream.startswith("chatcmpl") else "chatcmpl-" + request_id.removeprefix("req_")


def finish_reason(stop: Stop, called: bool, refused: bool, legacy: bool) -> str:
    """The answer's end in OpenAI's words (wire.md C9)."""
    if called and stop.reason in ("stop", "tool_calls"):
        return "function_call" if legacy else "tool_calls"
    if stop.reason == "refusal" and not refused:
        return "content_filter"  # nothing else says that the model declined
    if stop.reason == "tool_calls":
        return "stop"
    return _FINISH.get(stop.reason, "stop")


def shows_thinking(request: chat.Request | None) -> bool:
    return request is None or request.thinking is None or request.thinking.include


def custom_names(request: chat.Request | None) -> frozenset[str]:
    """Tools that take free text: an upstream without such tools was given functions in their place."""
    return frozenset(tool.name for tool in request.tools if tool.custom) if request is not None else frozenset()


def url_citations(citations: Iterable[Citation], shift: int = 0) -> list[dict[str, Any] | Raw]:
    """Sources as `url_citation`s; places count from the beginning of the message's content."""
    return [
        Raw(citation.raw) if citation.wire == WIRE and citation.raw else _url_citation(citation, shift)
        for citation in citations
        if citation.url or (citation.wire == WIRE and citation.raw)
    ]


def _url_citation(citation: Citation, shift: int) -> dict[str, Any]:
    start, end = citation.start + shift, citation.end + shift
    place = {"start_index": start, "end_index": end, "title": citation.title, "url": citation.url}
    return {"type": "url_citation", "url_citation": place}


def image_object(media: Media, index: int) -> dict[str, Any]:
    """A generated image, as OpenRouter writes it (wire.md C12)."""
    return {"index": index, "type": "image_url", "image_url": {"url": location(media)}}


def encode_response(response: Response, reply: Reply) -> bytes:
    body: dict[str, Any] = {
        "id": answer_id(response.id, reply.request_id),
        "object": "chat.completion",
        "created": response.created or reply.created,
        "model": reply.model,
        "choices": [_choice(index, choice, reply) for index, choice in enumerate(response.choices)],
    }
    if response.usage is not None:
        body["usage"] = Raw(encode_usage(response.usage))
    for name in ("service_tier", "system_fingerprint"):
        if name in response.extra:
            body[name] = Raw(response.extra[name])
    if reply.extension:
        body["pisces"] = Raw(reply.extension)
    return _encode(body)


def _choice(index: int, choice: Choice, reply: Reply) -> dict[str, Any]:
    message = _Message(reply)
    for block in choice.blocks:
        message.take(block)
    legacy = bool(reply.request and reply.request.legacy_functions)
    return {
        "index": index,
        "message": message.done(legacy),
        "logprobs": {"content": Raw(choice.logprobs), "refusal": None} if choice.logprobs else None,
        "finish_reason": finish_reason(choice.stop, bool(message.calls), bool(message.refusal), legacy),
    }


class _Message:
    """One message while its blocks are taken in, in order."""

    def __init__(self, reply: Reply) -> None:
        self._seals = reply.seals
        self._custom = custom_names(reply.request)
        self._thinking = shows_thinking(reply.request)
        self.text: list[str] = []
        self.thoughts: list[str] = []
        self.refusal: list[str] = []
        self.calls: list[dict[str, Any]] = []
        self.annotations: list[Any] = []
        self.images: list[dict[str, Any]] = []
        self.audio: Media | None = None
        self.details: list[Any] = []
        self._thought: Signature | None = None  # signed, and not yet on a call
        self._length = 0

    def take(self, block: chat.Block) -> None:
        if not isinstance(block, ToolCall):
            self._settle()
        match block:
            case Text():
                self._take_text(block)
            case Reasoning():
                self._take_reasoning(block)
            case ToolCall():
                self._take_call(block)
            case Refusal():
                self.refusal.append(block.text)
            case Media(kind="image"):
                self.images.append(image_object(block, len(self.images)))
            case Media(kind="audio"):
                self.audio = block
            case _:
                pass  # what ran on another vendor's side is not the answer's text

    def _take_text(self, block: Text) -> None:
        self.annotations += url_citations(block.citations, self._length)
        self.text.append(block.text)
        self._length += len(block.text)
        self._detail(block.signature, "text")

    def _take_reasoning(self, block: Reasoning) -> None:
        if block.redacted:
            self._detail(block.signature, "redacted")
            return
        if block.text and self._thinking:
            self.thoughts.append(block.text)
        self._thought = block.signature

    def _take_call(self, call: ToolCall) -> None:
        thought, self._thought = self._thought, None
        entry = call_object(call, self._custom)
        if (extra := call_extra(self._seals, call.signature, thought)) is not None:
            entry["extra_content"] = extra
        self.calls.append(entry)

    def _settle(self) -> None:
        thought, self._thought = self._thought, None
        self._detail(thought, "thinking")

    def _detail(self, signature: Signature | None, of: Signed) -> None:
        if signature is not None and (detail := sealed_detail(self._seals, signature, len(self.details), of)) is not None:
            self.details.append(detail)

    def done(self, legacy: bool) -> dict[str, Any]:
        self._settle()
        content = "".join(self.text)
        bare = not self.text and (self.calls or self.refusal or self.images or self.audio)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": None if bare else content,
            "refusal": "".join(self.refusal) if self.refusal else None,
        }
        optional = {
            "reasoning_content": "\n\n".join(self.thoughts),
            "reasoning_details": self.details,
            "annotations": self.annotations,
            "images": self.images,
            "audio": audio_object(self.audio) if self.audio is not None else None,
        }
        message |= {name: value for name, value in optional.items() if value}
        if self.calls and legacy:
            message["function_call"] = self.calls[0].get("function")
        elif self.calls:
            message["tool_calls"] = self.calls
        return message


def call_object(call: ToolCall, custom: frozenset[str]) -> dict[str, Any]:
    """A whole tool call. Arguments that were never said are an empty object (H03)."""
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    if call.name in custom:
        said = arguments.unwrap_input(call.arguments)
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": said}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}


def audio_object(media: Media) -> dict[str, Any]:
    return {"id": "audio_0", "data": media.data, "expires_at": 0, "transcript": ""}
