"""An answer written as Anthropic's stream, in the exact grammar that its SDKs insist on (wire.md B3, C14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Raw

from pisces_proxy import splice
from pisces_proxy.arguments import wrap_input
from pisces_proxy.chat import (
    Block,
    BlockEnd,
    BlockStart,
    Delta,
    Event,
    Failed,
    Finish,
    Media,
    Opaque,
    Ping,
    Reasoning,
    Refusal,
    Signature,
    Start,
    Stop,
    Text,
    ToolCall,
    UsageSoFar,
)
from pisces_proxy.plugin import Encoder, Reply
from pisces_proxy.usage import Usage

from . import shapes
from .answers import media_text, message_id, shows_thinking, thinking_block, wants_thinking
from .carriers import PART_SIGNERS, carried
from .citations import written_citation
from .counts import written_usage
from .faults import encode_error
from .stops import written_stop

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
COMMENT = b": ping\n\n"  # before message_start no event may come (H36)

_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_END = b"}}\n\n"
_CALLS_IN_PIECES = ("server_tool_use", "mcp_tool_use")

_encode = shapes.encode


class MessagesEncoder(Encoder):
    """One block is open at a time, and indices have no gap: a block is opened in the stream with the first thing it holds."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._thinking = wants_thinking(reply)
        self._shown = shows_thinking(reply)
        self._index = -1
        self._block: Block | None = None  # the canonical block that is open
        self._prefix = b""  # of its deltas; empty while the stream has not opened it, or will not
        self._unsigned = False  # thinking is still open: what comes next may sign it
        self._skip = False
        self._custom: list[str] = []
        self._started = self._over = self._refused = self._called = False
        self._stop: Stop | None = None
        self._usage: Usage | None = None
        self._letters = 0

    def encode(self, events: Sequence[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            kind = type(event)
            if kind is Delta and self._prefix and not event.choice:  # type: ignore[union-attr]
                text: str = event.text  # type: ignore[union-attr]
                self._letters += len(text)
                out.append(self._prefix + _encode(text) + _END)
            elif kind is Delta:
                out.append(self._first_delta(event))  # type: ignore[arg-type]
            elif not self._over and (writer := _WRITERS.get(kind)):
                out.append(writer(self, event))
        return b"".join(out)

    # -- the message

    def _ping(self, event: Ping) -> bytes:
        return PING if self._started else COMMENT

    def _start(self, event: Start) -> bytes:
        """Clients show the prompt's size from here: it is never zero (H34)."""
        if self._started:
            return b""
        self._started = True
        self._usage = event.usage
        known = event.usage or Usage()
        usage = written_usage(known if known.input else Usage(input=max(self._reply.input_estimate, 1), output=known.output))
        message: dict[str, Any] = {
            "id": message_id(event.id, self._reply),
            "type": "message",
            "role": "assistant",
            "model": self._reply.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**usage, "output_tokens": max(usage["output_tokens"], 1)},
        }
        if self._reply.extension:
            message["pisces"] = Raw(self._reply.extension)
        return _framed("message_start", {"message": message}) + PING

    def _usage_so_far(self, event: UsageSoFar) -> bytes:
        self._usage = event.usage
        return b""

    def _stopped(self, event: Stop) -> bytes:
        if not event.choice:
            self._stop = event
        return b""

    def _finish(self, event: Finish) -> bytes:
        """The counts are the whole answer's, cache and all: clients overwrite with them (H35)."""
        head = self._opened_message() + self._closed()
        usage = event.usage or self._usage or self._estimated()
        delta = written_stop(self._reason(), refused=self._refused)
        for name in ("container", "stop_details"):
            if raw := event.extra.get(name):
                delta[name] = Raw(raw)
        more = {"context_management": Raw(raw)} if (raw := event.extra.get("context_management")) else {}
        self._over = True
        counts = written_usage(usage, event.extra.get("service_tier", b""))
        return head + _framed("message_delta", {"delta": delta, "usage": counts, **more}) + _STOP

    def _reason(self) -> Stop:
        return self._stop or Stop(reason="tool_calls" if self._called else "stop")

    def _estimated(self) -> Usage:
        return Usage(input=max(self._reply.input_estimate, 1), output=-(-self._letters // 4), estimated=True)

    def _failed(self, event: Failed) -> bytes:
        """Terminal: no message_stop behind it, or the answer would look complete (D4)."""
        self._over = True
        self._prefix, self._block, self._skip = b"", None, True
        _, body = encode_error(event.error, self._reply.request_id, b"")
        return b"event: error\ndata: " + body + b"\n\n"

    def _opened_message(self) -> bytes:
        return b"" if self._started else self._start(Start())

    # -- blocks

    def _block_start(self, event: BlockStart) -> bytes:
        if event.choice:  # there is one answer here
            return b""
        head = self._opened_message() + self._signed_by(event.block) + self._closed()
        self._block, self._skip = event.block, False
        match event.block:
            case Text() | Refusal():
                self._refused = self._refused or isinstance(event.block, Refusal)
                return head + (self._first_text(event.block.text) if event.block.text else b"")
            case Reasoning():
                return head + self._thinking_start(event.block)
            case ToolCall():
                return head + self._call_start(event.block)
            case Media():
                return head + self._first_text(media_text(event.block))
            case Opaque(wire=shapes.WIRE):
                return head + self._opaque(event.block)
        self._skip = True
        return head

    def _signed_by(self, block: Block) -> bytes:
        """Another family signed this part: its signature travels in the thinking in front of it, in a block of its own where
        there is none (wire.md C14). Only clients with thinking on send such blocks back."""
        signature = block.signature if isinstance(block, Text | ToolCall | Media) else None
        if signature is None or signature.kind not in PART_SIGNERS or not self._thinking:
            return b""
        carrier = carried(self._reply.seals, signature)
        if not carrier:  # too large to travel
            return b""
        if self._unsigned:
            self._unsigned = False
            return self._signature(carrier) + self._stop_block()
        head = self._closed()
        return head + self._opened_thinking() + self._signature(carrier) + self._stop_block()

    def _first_delta(self, event: Delta) -> bytes:
        """A delta whose block is not open in the stream yet, or is not for this client."""
        if event.choice or self._skip or self._over or self._block is None:
            return b""
        self._letters += len(event.text)
        match self._block:
            case Text() | Refusal():
                return self._first_text(event.text)
            case ToolCall(custom=True):
                self._custom.append(event.text)
            case Reasoning() if self._shown and not self._block.redacted:
                return self._opened_thinking() + self._prefix + _encode(event.text) + _END
        return b""

    def _first_text(self, text: str) -> bytes:
        head = b"" if self._prefix else self._open({"type": "text", "text": ""})
        self._prefix = self._delta_prefix(b"text_delta", b"text")
        return head + self._prefix + _encode(text) + _END

    def _thinking_start(self, block: Reasoning) -> bytes:
        if not self._thinking:
            self._skip = True
            return b""
        if block.redacted:
            written = thinking_block(block, self._reply)
            return self._open(written) + self._stop_block() if written else b""
        if block.text and self._shown:
            return self._opened_thinking() + self._prefix + _encode(block.text) + _END
        return b""

    def _opened_thinking(self) -> bytes:
        opened = self._open({"type": "thinking", "thinking": "", "signature": ""})
        self._prefix = self._delta_prefix(b"thinking_delta", b"thinking")
        return opened

    def _call_start(self, block: ToolCall) -> bytes:
        """Arguments go out as deltas only: clients read nothing else (H02)."""
        self._called = True
        opened = self._open({"type": "tool_use", "id": block.id, "name": block.name, "input": {}})
        if block.custom:
            self._custom = [block.arguments]
            return opened
        self._prefix = self._delta_prefix(b"input_json_delta", b"partial_json")
        return opened + (self._prefix + _encode(block.arguments) + _END if block.arguments else b"")

    def _opaque(self, block: Opaque) -> bytes:
        """A server tool's block whole; what it was called with as a delta, like any call's."""
        if block.what not in _CALLS_IN_PIECES:
            return self._open(Raw(block.raw)) + self._stop_block()
        called = bytes(splice.members(block.raw).get("input", b"{}")).decode()
        opened = self._open(Raw(splice.edit(block.raw, {"input": b"{}"})))
        return opened + self._delta_prefix(b"input_json_delta", b"partial_json") + _encode(called) + _END + self._stop_block()

    def _block_end(self, event: BlockEnd) -> bytes:
        if event.choice:
            return b""
        block, self._block = self._block, None
        skipped, self._skip = self._skip, False
        if skipped or block is None:
            return b""
        match block:
            case Reasoning():
                return self._thinking_end(block, event.signature or block.signature)
            case Text():
                return self._text_end(block, event)
            case ToolCall(custom=True):
                wrapped = wrap_input("".join(self._custom))
                prefix = self._delta_prefix(b"input_json_delta", b"partial_json")
                return prefix + _encode(wrapped) + _END + self._stop_block()
        return self._stop_block() if self._prefix else b""

    def _text_end(self, block: Text, event: BlockEnd) -> bytes:
        if not self._prefix:  # nothing was said: an empty text is refused on its way back
            return b"" if block.signature else self._signed_late(event.signature)
        cited = b""
        for citation in (*block.citations, *event.citations):
            cited += self._delta_prefix(b"citations_delta", b"citation") + written_citation(citation) + _END
        return cited + self._stop_block()

    def _signed_late(self, signature: Signature | None) -> bytes:
        """A signature without any words: a block of its own, there is no other place."""
        return self._signed_by(Text(text="", signature=signature)) if signature else b""

    def _thinking_end(self, block: Reasoning, signature: Signature | None) -> bytes:
        if block.redacted:
            return b""
        if signature is None:
            self._unsigned = bool(self._prefix)
            return b""
        carrier = carried(self._reply.seals, signature)
        if not carrier and not self._prefix:
            return b""
        head = b"" if self._prefix else self._opened_thinking()
        return head + self._signature(carrier) + self._stop_block()

    def _closed(self) -> bytes:
        """What closes the block that is still open: thinking that nobody has signed, or one whose end never came."""
        if self._unsigned:
            self._unsigned = False
            return self._signature(carried(self._reply.seals, None)) + self._stop_block()
        if self._block is None or self._skip:
            return b""
        return self._block_end(BlockEnd()) + self._closed()

    # -- bytes

    def _open(self, block: Any) -> bytes:
        self._index += 1
        return _framed("content_block_start", {"index": self._index, "content_block": block})

    def _delta_prefix(self, kind: bytes, member: bytes) -> bytes:
        head = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
        return head % (self._index, kind, member)

    def _signature(self, signature: str) -> bytes:
        """Once, right before the block's end: a second one would replace it (H18)."""
        return self._delta_prefix(b"signature_delta", b"signature") + _encode(signature) + _END if signature else b""

    def _stop_block(self) -> bytes:
        self._prefix = b""
        return b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n' % self._index


_WRITERS: dict[type, Callable[[MessagesEncoder, Any], bytes]] = {
    Start: MessagesEncoder._start,
    BlockStart: MessagesEncoder._block_start,
    BlockEnd: MessagesEncoder._block_end,
    UsageSoFar: MessagesEncoder._usage_so_far,
    Stop: MessagesEncoder._stopped,
    Finish: MessagesEncoder._finish,
    Failed: MessagesEncoder._failed,
    Ping: MessagesEncoder._ping,
}


def _framed(name: str, members: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + _encode({"type": name, **members}) + b"\n\n"
