"""An Anthropic upstream's stream, read as canonical events (wire.md B3, C14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pisces_proxy.arguments import compact
from pisces_proxy.chat import (
    PING,
    BlockEnd,
    BlockStart,
    Citation,
    Delta,
    Event,
    Failed,
    Finish,
    Opaque,
    Reasoning,
    Signature,
    Start,
    Text,
    ToolCall,
    UsageSoFar,
)
from pisces_proxy.errors import UpstreamBroken
from pisces_proxy.plugin import Decoder
from pisces_proxy.refusals import complaint_in, understand

from . import shapes
from .citations import read_citation
from .counts import read_tier, read_usage
from .stops import read_stop
from .structured import RESULT, WRAPPED
from .unwrapping import ValueUnwrapper

_CUT = "The upstream's answer broke off before it was complete."
_json = msgspec.json.Decoder().decode
_NOTHING: tuple[Event, ...] = ()


class _Open:
    """The block that is being received."""

    __slots__ = ("cited", "filled", "index", "input", "kind", "length", "opening", "signature", "unwrapper")

    def __init__(self, index: int, kind: str) -> None:
        self.index = index
        self.kind = kind
        self.length = 0  # code points of text so far: a citation speaks of all of them
        self.cited: list[bytes] = []
        self.signature = ""
        self.filled = False  # whether any argument came in a delta
        self.input = ""  # a whole input that came with the start
        self.opening = b""  # a server tool's block as it was opened, its input in pieces
        self.unwrapper: ValueUnwrapper | None = None


class MessagesDecoder(Decoder):
    """Blocks that an upstream interleaves are put one behind the other: all but the first open one wait (H15)."""

    def __init__(self) -> None:
        self.done = False
        self._open: _Open | None = None
        self._waiting: dict[int, list[shapes.Frame]] = {}
        self._started = False
        self._called = False  # a tool of the client's was called
        self._emulated = False  # the gateway's own was
        self._stop: shapes.MessageChange = shapes.MessageChange()
        self._extra: dict[str, bytes] = {}
        self._pieces: list[str] = []

    def decode(self, event: bytes, data: bytes) -> Sequence[Event]:
        if self.done:
            return _NOTHING  # a second message behind the end belongs to another answer
        try:
            frame = shapes.frame.decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return self._strange(event, data)
        return _READERS[type(frame)](self, frame)

    def read(self, frame: shapes.Frame) -> Sequence[Event]:
        """The events of one frame that is decoded already."""
        return _READERS[type(frame)](self, frame)

    def end(self) -> Sequence[Event]:
        """Without `message_stop` the answer is cut, however complete it looks (H31)."""
        return _NOTHING if self.done else self._failed(UpstreamBroken(_CUT))

    # -- deltas: the hot path

    def _delta(self, frame: shapes.BlockDelta) -> Sequence[Event]:
        block, delta = self._open, frame.delta
        if block is None:
            return _NOTHING
        if frame.index != block.index and frame.index in self._waiting:
            self._waiting[frame.index].append(frame)
            return _NOTHING
        kind = type(delta)
        if kind is shapes.TextDelta:
            text = delta.text  # type: ignore[union-attr]
            if not text:
                return _NOTHING
            block.length += len(text)
            return (Delta(text=text),)
        if kind is shapes.InputDelta:
            return self._input(block, delta.partial_json or "")  # type: ignore[union-attr]
        if kind is shapes.ThinkingDelta:
            return (Delta(text=delta.thinking),) if delta.thinking else _NOTHING  # type: ignore[union-attr]
        return self._rare(block, delta)

    def _input(self, block: _Open, piece: str) -> Sequence[Event]:
        if not piece:  # the first of each call is empty
            return _NOTHING
        block.filled = True
        if block.opening:
            self._pieces.append(piece)
            return _NOTHING
        if block.unwrapper is not None:
            piece = block.unwrapper.feed(piece)
        return (Delta(text=piece),) if piece else _NOTHING

    def _rare(self, block: _Open, delta: Any) -> Sequence[Event]:
        match delta:
            case shapes.SignatureDelta():
                block.signature += delta.signature or ""
            case shapes.CitationsDelta():
                block.cited.append(bytes(delta.citation))
            case shapes.CompactionDelta():
                block.opening = _joined(block.opening, "content", shapes.said(delta.content))
        return _NOTHING

    # -- blocks

    def _block(self, frame: shapes.BlockStart) -> Sequence[Event]:
        if self._open is not None and frame.index != self._open.index:
            self._waiting[frame.index] = [frame]
            return _NOTHING
        before = self._close()  # the same index again: the upstream forgot to close it
        try:
            seen = shapes.answer_block.decode(frame.content_block)
        except msgspec.MsgspecError as error:
            return (*before, *self._failed(UpstreamBroken(f"The upstream sent a block that cannot be read: {error}")))
        return (*before, *self._opened(frame, seen))

    def _opened(self, frame: shapes.BlockStart, seen: shapes.AnswerBlock) -> Sequence[Event]:
        self._open = block = _Open(frame.index, seen.type)
        match seen.type:
            case "text":
                block.cited = [bytes(one) for one in seen.citations or ()]
                block.length = len(seen.text or "")
                return _with_text(BlockStart(block=Text(text="")), seen.text)
            case "thinking":
                block.signature = seen.signature or ""
                return _with_text(BlockStart(block=Reasoning()), seen.thinking)
            case "redacted_thinking":
                signature = Signature(kind=shapes.FAMILY, data=seen.data or "")
                return (BlockStart(block=Reasoning(redacted=True, signature=signature)),)
            case "tool_use":
                return self._opened_call(block, seen)
        block.opening = bytes(frame.content_block)
        return _NOTHING

    def _opened_call(self, block: _Open, seen: shapes.AnswerBlock) -> Sequence[Event]:
        """An input at the start is a placeholder while it is empty, and the whole of it where nothing follows (H01)."""
        block.input = compact(shapes.said(seen.input) or b"{}")
        if seen.name in (RESULT, WRAPPED):  # the gateway's own: the answer itself (H65)
            self._emulated = True
            block.unwrapper = ValueUnwrapper() if seen.name == WRAPPED else None
            return (BlockStart(block=Text(text="")),)
        self._called = True
        return (BlockStart(block=ToolCall(id=seen.id or "", name=seen.name or "")),)

    def _block_stop(self, frame: shapes.BlockStop) -> Sequence[Event]:
        block = self._open
        if block is not None and frame.index != block.index and frame.index in self._waiting:
            self._waiting[frame.index].append(frame)
            return _NOTHING
        events = list(self._close())
        while self._open is None and self._waiting:
            events += self._next_waiting()
        return events

    def _next_waiting(self) -> list[Event]:
        held = self._waiting.pop(min(self._waiting))
        return [event for frame in held for event in self.read(frame)]

    def _close(self) -> Sequence[Event]:
        block, self._open = self._open, None
        if block is None:
            return _NOTHING
        if block.opening:
            return self._closed_opaque(block)
        if block.kind == "tool_use" and not block.filled:
            whole = block.input if block.unwrapper is None else block.unwrapper.feed(block.input)
            return (Delta(text=whole), BlockEnd())
        signature = Signature(kind=shapes.FAMILY, data=block.signature) if block.signature else None
        cited: tuple[Citation, ...] = tuple([read_citation(raw, block.length) for raw in block.cited])
        return (BlockEnd(signature=signature, citations=cited),)

    def _closed_opaque(self, block: _Open) -> Sequence[Event]:
        raw = _joined(block.opening, "input", "".join(self._pieces).encode()) if self._pieces else block.opening
        self._pieces = []
        return (BlockStart(block=Opaque(wire=shapes.WIRE, raw=raw, what=block.kind)), BlockEnd())

    # -- the message

    def _message(self, frame: shapes.MessageStart) -> Sequence[Event]:
        message = frame.message
        self.usage = read_usage(shapes.said(message.usage), self.usage)
        if tier := read_tier(shapes.said(message.usage)):
            self._extra["service_tier"] = tier
        if self._started:  # some upstreams begin again after a tool of theirs; the blocks go on
            return _NOTHING
        self._started = True
        start = Start(id=message.id or "", model=message.model or "", usage=self.usage)
        events: list[Event] = [start]
        for index, raw in enumerate(message.content or ()):
            events += [*self._block(shapes.BlockStart(content_block=raw, index=index)), *self._close()]
        return events

    def _message_delta(self, frame: shapes.MessageDelta) -> Sequence[Event]:
        """There may be several; counts are cumulative and the last reason holds."""
        known = self.usage
        self.usage = read_usage(shapes.said(frame.usage), known)
        if frame.delta and frame.delta.stop_reason:
            self._stop = frame.delta
        self._keep("container", frame.delta.container if frame.delta else msgspec.UNSET)
        self._keep("context_management", frame.context_management)
        return (UsageSoFar(usage=self.usage),) if self.usage is not None and self.usage is not known else _NOTHING

    def _keep(self, name: str, value: msgspec.Raw | msgspec.UnsetType) -> None:
        if raw := shapes.said(value):
            self._extra[name] = raw

    def _message_stop(self, frame: shapes.MessageStop) -> Sequence[Event]:
        events: list[Event] = list(self._close())
        while self._waiting:
            events += [*self._next_waiting(), *self._close()]
        said = self._stop
        details = shapes.said(said.stop_details)
        stop = read_stop(said.stop_reason, said.stop_sequence, details, called=self._called, emulated=self._emulated)
        extra = {**self._extra, **({"stop_details": details} if details else {})}
        self.done = True
        return (*events, stop, Finish(usage=self.usage, extra=extra))

    # -- what is no event of this grammar

    def _strange(self, event: bytes, data: bytes) -> Sequence[Event]:
        """An error in whatever shape (H33), an event of a kind not known here, or something that cannot be read."""
        try:
            value = _json(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            if data.strip() == b"[DONE]":
                return _NOTHING
            return self._failed(UpstreamBroken("The upstream sent an event that is not JSON."))
        if (found := complaint_in(value)) is not None:
            return self._failed(understand(200, {}, found))
        if event == b"error":
            return self._failed(UpstreamBroken("The upstream broke off with an error that it did not explain."))
        return self._unknown(value)

    def _unknown(self, value: Any) -> Sequence[Event]:
        kind = value.get("type") if isinstance(value, dict) else None
        if kind in ("content_block_start", "message_start", "message_delta"):
            return self._failed(UpstreamBroken(f"The upstream sent a {kind} that cannot be read."))
        return _NOTHING

    def _failed(self, error: Any) -> Sequence[Event]:
        self.done = True
        return (Failed(error=error),)


_READERS: dict[type, Callable[[MessagesDecoder, Any], Sequence[Event]]] = {
    shapes.BlockDelta: MessagesDecoder._delta,
    shapes.BlockStart: MessagesDecoder._block,
    shapes.BlockStop: MessagesDecoder._block_stop,
    shapes.MessageStart: MessagesDecoder._message,
    shapes.MessageDelta: MessagesDecoder._message_delta,
    shapes.MessageStop: MessagesDecoder._message_stop,
    shapes.Ping: lambda decoder, frame: (PING,),
}


def _with_text(start: BlockStart, text: str | None) -> Sequence[Event]:
    """Some upstreams put the first words into the start."""
    return (start, Delta(text=text)) if text else (start,)


def _joined(block: bytes, member: str, value: bytes) -> bytes:
    """The block with this member, where it is JSON."""
    try:
        parts = msgspec.json.decode(block, type=dict[str, msgspec.Raw])
        parts[member] = msgspec.Raw(value)
        _json(value)
        return shapes.encode(parts)
    except msgspec.MsgspecError:
        return block
