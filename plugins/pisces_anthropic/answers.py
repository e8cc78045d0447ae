"""Whole answers: Anthropic's message object read and written (wire.md B3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from pisces_proxy import splice
from pisces_proxy.arguments import as_object, wrap_input
from pisces_proxy.chat import Block, Choice, Citation, Media, Opaque, Reasoning, Refusal, Response, Text, ToolCall, fold
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.plugin import Reply
from pisces_proxy.refusals import complaint_in, understand
from pisces_proxy.tokens import of_text
from pisces_proxy.usage import Usage

from . import shapes
from .carriers import PART_SIGNERS, carried
from .citations import written_citation
from .counts import read_usage, written_usage
from .decoder import MessagesDecoder
from .stops import written_stop

Json = dict[str, Any]

_KEPT = ("container", "context_management", "stop_details")  # members of an answer that have no canonical place

_json = msgspec.json.Decoder().decode


# -- from an upstream --------------------------------------------------------------------------------------------------


def decode_response(body: bytes) -> Response:
    """A message is read as the stream that would have brought it."""
    seen = _read(body)
    decoder = MessagesDecoder()
    ending = shapes.MessageDelta(
        delta=shapes.MessageChange(
            stop_reason=seen.stop_reason,
            stop_sequence=seen.stop_sequence,
            stop_details=seen.stop_details,
            container=seen.container,
        ),
        context_management=seen.context_management,
    )
    frames = (shapes.MessageStart(message=seen), ending, shapes.MessageStop())
    return fold(event for frame in frames for event in decoder.read(frame))


def answer_usage(body: bytes) -> Usage | None:
    """The counts of an answer that passes through, its content unread."""
    return read_usage(shapes.said(_read(body).usage))


def _read(body: bytes) -> shapes.Answer:
    """The answer's members. Raises the error that it may be instead."""
    try:
        seen = shapes.answer.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _failure(body, f"The upstream's answer cannot be read: {error}") from None
    if seen.content is None or shapes.said(seen.error):
        raise _failure(body, "The upstream's answer has no content.")
    return seen


def _failure(body: bytes, otherwise: str) -> PiscesError:
    try:
        found = complaint_in(_json(body))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        found = None
    return UpstreamBroken(otherwise) if found is None else understand(200, {}, found)


# -- to a client -------------------------------------------------------------------------------------------------------


def encode_response(response: Response, reply: Reply) -> bytes:
    choice = response.choices[0]
    message: Json = {
        "id": message_id(response.id, reply),
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": list(_content(choice, reply)),
        **written_stop(choice.stop, refused=any(isinstance(block, Refusal) for block in choice.blocks)),
        "usage": written_usage(response.usage or _estimated(choice, reply), response.extra.get("service_tier", b"")),
        **{name: Raw(raw) for name, raw in response.extra.items() if name in _KEPT},
    }
    if reply.extension:
        message["pisces"] = Raw(reply.extension)
    return shapes.encode(message)


def message_id(id: str, reply: Reply) -> str:
    """The upstream's id in Anthropic's spelling; the request's own where it gave none."""
    id = id or reply.request_id.removeprefix("req_")
    return id if id.startswith("msg_") else f"msg_{id}"


def wants_thinking(reply: Reply) -> bool:
    """Whether this client has thinking on at all: only then may thinking blocks be shown to it (wire.md C6)."""
    asked = reply.request.thinking if reply.request else None
    return asked is not None and (asked.adaptive or asked.include or bool(asked.budget))


def shows_thinking(reply: Reply) -> bool:
    """Whether it wants to read it, too; otherwise the signatures alone go out (display omitted)."""
    asked = reply.request.thinking if reply.request else None
    return asked is not None and asked.include


def _content(choice: Choice, reply: Reply) -> Iterator[Json | Raw]:
    thinking = wants_thinking(reply)
    for block in choice.blocks:
        signature = block.signature if isinstance(block, Text | ToolCall | Media) else None
        if signature and thinking and signature.kind in PART_SIGNERS and (carrier := carried(reply.seals, signature)):
            yield {"type": "thinking", "thinking": "", "signature": carrier}
        if isinstance(block, Reasoning):
            if thinking and (written := thinking_block(block, reply)):
                yield written
        elif (part := _part(block)) is not None:
            yield part


def thinking_block(block: Reasoning, reply: Reply) -> Json | None:
    signature = carried(reply.seals, block.signature)
    if block.redacted:
        return {"type": "redacted_thinking", "data": signature} if signature else None
    text = block.text if shows_thinking(reply) else ""
    if not text and (block.signature is None or not signature):
        return None
    return {"type": "thinking", "thinking": text, "signature": signature}


def _part(block: Block) -> Json | Raw | None:
    match block:
        case Text():
            return written_text(block.text, block.citations) if block.text else None
        case Refusal():
            return {"type": "text", "text": block.text} if block.text else None
        case Media():
            return {"type": "text", "text": media_text(block)}
        case ToolCall():
            arguments, _ = as_object(wrap_input(block.arguments) if block.custom else block.arguments)
            return {"type": "tool_use", "id": block.id, "name": block.name, "input": Raw(arguments)}
        case Opaque(wire=shapes.WIRE):
            return Raw(block.raw)
    return None


def written_text(text: str, citations: tuple[Citation, ...] = ()) -> Json:
    written: Json = {"type": "text", "text": text}
    if citations:
        written["citations"] = [Raw(written_citation(one)) for one in citations]
    return written


def media_text(block: Media) -> str:
    """A generated medium as a link: Anthropic's answers hold none (wire.md C12)."""
    where = block.url or (f"data:{block.mime};base64,{block.data}" if block.data else "")
    if not where:
        return f"[{block.kind}]"
    return f"![image]({where})" if block.kind == "image" else f"[{block.kind}]({where})"


def _estimated(choice: Choice, reply: Reply) -> Usage:
    text = "".join([getattr(block, "text", "") or getattr(block, "arguments", "") for block in choice.blocks])
    return Usage(input=reply.input_estimate or 1, output=of_text(text), estimated=True)


# -- the same wire on both sides ---------------------------------------------------------------------------------------


def relay_response(body: bytes, reply: Reply) -> bytes:
    """The upstream's own bytes with the client's name of the model, and the `pisces` member."""
    return splice.edit(body, _told(reply))


def relay_frame(data: bytes, reply: Reply) -> bytes:
    """Of a stream only the message's start changes."""
    if b'"message_start"' not in data:
        return data
    try:
        frame = splice.members(data)
        return splice.edit(data, {"message": splice.edit(bytes(frame["message"]), _told(reply))})
    except (PiscesError, KeyError):
        return data


def _told(reply: Reply) -> dict[str, bytes | None]:
    changes: dict[str, bytes | None] = {"model": shapes.encode(reply.model)}
    if reply.extension:
        changes["pisces"] = reply.extension
    return changes
