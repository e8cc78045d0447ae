"""A Responses stream, read: items that may interleave become blocks that follow each other (wire.md B2, B5, C14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pisces_proxy.chat import (
    PING,
    BlockEnd,
    Event,
    Failed,
    Finish,
    Logprobs,
    Reasoning,
    Refusal,
    Start,
    Text,
    ToolCall,
)
from pisces_proxy.errors import UpstreamBroken
from pisces_proxy.plugin import Decoder, Profile
from pisces_proxy.usage import Usage

from . import responses_items as items
from .chat_frames import value_of
from .responses_answer import (
    Answer,
    extra_of,
    failure_in,
    family_of,
    raw_items,
    searched,
    stop_of,
    unfinished,
    usage_of,
)
from .responses_items import EMPTY, Item
from .responses_lanes import Lane, Lanes, Place


class _Head(msgspec.Struct, gc=False):
    """What tells a frame's place, and its delta. `Any`: a look-alike's odd type must not cost the stream."""

    type: str = ""
    delta: Any = None
    output_index: int | str | float | None = 0
    content_index: Any = 0
    summary_index: Any = 0
    sequence_number: Any = None
    logprobs: msgspec.Raw = EMPTY


class _Rest(msgspec.Struct):
    """The members of the frames that are not deltas."""

    item: msgspec.Raw = EMPTY
    response: msgspec.Raw = EMPTY
    annotation: msgspec.Raw = EMPTY
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    input: Any = None


_head = msgspec.json.Decoder(_Head)
_rest = msgspec.json.Decoder(_Rest)
_answer = msgspec.json.Decoder(Answer)
_any = msgspec.json.Decoder()
_json = msgspec.json.Encoder().encode

_NOTHING: tuple[Event, ...] = ()
# Frames that only say again what others say.
_QUIET = frozenset(
    f"response.{name}"
    for name in (
        "content_part.added", "content_part.done", "reasoning_part.added", "reasoning_part.done",
        "reasoning_summary_part.added", "reasoning_summary_part.done",
    )
)  # fmt: skip


def _mended(data: bytes) -> bytes | None:
    """The frame without half characters: some upstreams cut a surrogate pair in two. None where it is broken otherwise."""
    try:
        mended = _json(value_of(data))
        _head.decode(mended)
    except (ValueError, RecursionError):
        return None
    return mended


class ResponsesDecoder(Decoder):
    """`id` and `sequence` are the last seen, for whoever has to end the stream in the upstream's place."""

    def __init__(self, profile: Profile) -> None:
        self.id = ""
        self.sequence = -1
        self._family = family_of(profile)
        self._started = False
        self._failed = False
        self._called = self._refused = False
        self._searches = 0
        self._items: dict[Any, Place] = {}
        self._lanes = Lanes()
        self._deltas: dict[str, Callable[[_Head], None]] = {
            "response.output_text.delta": self._text_delta,
            "response.refusal.delta": self._refusal_delta,
            "response.function_call_arguments.delta": self._call_delta,
            "response.custom_tool_call_input.delta": self._call_delta,
            "response.reasoning_summary_text.delta": self._summary_delta,
            "response.reasoning_text.delta": self._thinking_delta,
        }

    def decode(self, event: bytes, data: bytes) -> Sequence[Event]:
        try:
            head = _head.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._unreadable(event, data)
        delta = self._deltas.get(head.type)
        if delta is None or not isinstance(head.delta, str):
            return self._other(head, event, data)
        if self._failed or self.done or not head.delta:
            return _NOTHING
        if not self._started:
            self._start(Answer())
        delta(head)
        return self._lanes.flushed()

    def end(self) -> Sequence[Event]:
        if self.done or self._failed:
            return _NOTHING
        message = "The upstream ended its stream before the response was complete."
        self._fail(UpstreamBroken(message, code="upstream_disconnected"))
        return self._lanes.flushed()

    def _unreadable(self, event: bytes, data: bytes) -> Sequence[Event]:
        if data.strip() in (b"", b"[DONE]") or self._failed or self.done:
            return _NOTHING
        if (mended := _mended(data)) is not None:
            return self.decode(event, mended)
        self._fail(UpstreamBroken("The upstream sent an event that is no JSON object."))
        return self._lanes.flushed()

    # -- deltas

    def _text_delta(self, head: _Head) -> None:
        lane = self._lane(head.output_index, Text, head.content_index)
        self._lanes.speak(lane, head.delta)
        if len(bytes(head.logprobs)) > 2:
            self._lanes.push(lane, Logprobs(raw=bytes(head.logprobs)))

    def _refusal_delta(self, head: _Head) -> None:
        self._lanes.speak(self._lane(head.output_index, Refusal, head.content_index), head.delta)

    def _call_delta(self, head: _Head) -> None:
        item = self._items.get(head.output_index)
        if item is not None and item.lane is not None and not item.lane.closed:
            self._lanes.speak(item.lane, head.delta)  # else the finished item has all of it, and the name

    def _summary_delta(self, head: _Head) -> None:
        self._think(head, head.summary_index, True)

    def _thinking_delta(self, head: _Head) -> None:
        self._think(head, head.content_index, False)

    def _think(self, head: _Head, part: Any, summary: bool) -> None:
        """Parts are paragraphs of one block. Where an upstream tells both, the one that came first stays."""
        item = self._item(head.output_index)
        lane = item.lane
        if lane is None:
            lane = self._lanes.open(item, Reasoning(summary=summary), part)
            lane.summary = summary
        if lane.closed or lane.summary != summary:
            return
        if lane.part != part:
            lane.part = part
            self._lanes.speak(lane, "\n\n")
        self._lanes.speak(lane, head.delta)

    # -- lanes

    def _item(self, index: Any) -> Place:
        item = self._items.get(index)
        if item is None:
            item = self._items[index] = Place()
        return item

    def _lane(self, index: Any, kind: type[Text] | type[Refusal], part: Any) -> Lane:
        """The open block of a message's part; a new part closes the one before."""
        item = self._item(index)
        lane = item.lane
        if lane is not None and lane.part == part and lane.kind is kind and not lane.closed:
            return lane
        if lane is not None:
            self._lanes.close_message(item)
        self._refused = self._refused or kind is Refusal
        block = Refusal(text="") if kind is Refusal else Text(text="", phase=item.phase)
        return self._lanes.open(item, block, part)

    # -- the other frames

    def _other(self, head: _Head, event: bytes, data: bytes) -> Sequence[Event]:
        kind = head.type or event.decode("utf-8", "replace")
        if isinstance(head.sequence_number, int):
            self.sequence = head.sequence_number
        if kind in _QUIET:
            return _NOTHING
        try:
            self._read(kind, head, _rest.decode(data), data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._fail(UpstreamBroken(f"The upstream sent an event that cannot be read: {error}"))
        return self._lanes.flushed()

    def _read(self, kind: str, head: _Head, rest: _Rest, data: bytes) -> None:
        match kind:
            case "response.completed" | "response.incomplete" | "response.done":
                self._finish(kind, rest.response)
            case "response.failed" | "response.cancelled" | "error":
                self._broken(rest.response, data)
            case _ if self._failed or self.done:
                return
            case "response.created" | "response.in_progress" | "response.queued":
                self._start(_answer.decode(rest.response) if rest.response else Answer())
            case "response.output_item.added":
                self._added(head.output_index, rest.item)
            case "response.output_item.done":
                self._item_done(head.output_index, rest.item)
            case "response.output_text.done":
                self._part_done(head, Text, rest.text)
            case "response.refusal.done":
                self._part_done(head, Refusal, rest.refusal)
            case "response.function_call_arguments.done":
                self._call_done(head.output_index, rest.arguments)
            case "response.custom_tool_call_input.done":
                self._call_done(head.output_index, rest.input)
            case "response.output_text.annotation.added":
                self._item(head.output_index).citations.append(items.citation(rest.annotation))
            case "" if (error := _any.decode(data)) and error.get("error"):  # the bare shape of other APIs
                self._broken(EMPTY, data)
            case _ if self._started:
                self._lanes.out.append(PING)  # a hosted tool at work (B5)

    def _start(self, answer: Answer) -> None:
        self.id = answer.id or self.id
        if self._started:
            return
        self._started = True
        created = int(answer.created_at or 0)
        self._lanes.out.append(Start(id=answer.id or "", model=answer.model or "", created=created, usage=usage_of(answer)))

    def _added(self, index: Any, raw: msgspec.Raw) -> None:
        """A call opens its block with its name; what else an item is shows when it says something, or is done."""
        if not raw or bytes(raw) == b"null":
            return
        self._start(Answer())
        item = items.read(raw)
        state = self._item(index)
        state.phase = item.phase or ""
        if item.type in ("function_call", "custom_tool_call") and item.name and item.call_id and state.lane is None:
            self._open_call(state, item)

    def _open_call(self, state: Place, item: Item) -> Lane:
        self._called = True
        call = items.call_of(item)
        return self._lanes.open(state, msgspec.structs.replace(call, arguments=""))

    def _part_done(self, head: _Head, kind: type[Text] | type[Refusal], text: Any) -> None:
        if not isinstance(text, str) or not text:
            return
        self._start(Answer())
        item = self._item(head.output_index)
        if item.done:
            return
        lane = self._lane(head.output_index, kind, head.content_index)
        if not lane.spoke:
            self._lanes.speak(lane, text)
        item.said = True

    def _call_done(self, index: Any, text: Any) -> None:
        """Some upstreams send the arguments here and nowhere before."""
        item = self._items.get(index)
        if item is None or item.lane is None or item.lane.closed:
            return
        if not item.lane.spoke and isinstance(text, str) and text:
            self._lanes.speak(item.lane, text)
        self._lanes.close(item.lane, BlockEnd())

    def _item_done(self, index: Any, raw: msgspec.Raw) -> None:
        state = self._item(index)
        if state.done or not raw or bytes(raw) == b"null":
            return
        self._start(Answer())
        state.done = True
        if state.lane is None:
            self._whole(state, raw)
            return
        item = items.read(raw)
        match item.type:
            case "function_call" | "custom_tool_call":
                self._call_done(index, item.input if item.type == "custom_tool_call" else items.arguments_of(item))
            case "reasoning":
                self._lanes.close(state.lane, BlockEnd(signature=items.signature_of(item, self._family)))
            case _:
                self._message_done(state, item)

    def _message_done(self, state: Place, item: Item) -> None:
        """The finished item has the annotations, and the text where no delta told it."""
        parts, lane = items.message_parts(item), state.lane
        if lane is None or lane.closed:
            return
        part = parts[min(lane.part, len(parts) - 1)] if parts and isinstance(lane.part, int) else items.Part()
        if part.annotations:
            state.citations = list(items.citations_of(part.annotations))
        if not lane.spoke and (text := part.refusal or part.text):
            self._lanes.speak(lane, text)
        self._lanes.close_message(state)

    def _whole(self, state: Place, raw: msgspec.Raw) -> None:
        """An item of which nothing was heard before it was done."""
        for block in items.output_blocks(raw, self._family):
            text, end = "", BlockEnd()
            match block:
                case Text():
                    text, end = block.text, BlockEnd(citations=block.citations)
                    block = Text(text="", phase=block.phase)
                case Reasoning():
                    text, end = block.text, BlockEnd(signature=block.signature)
                    block = Reasoning(summary=block.summary)
                case ToolCall():
                    self._called = True
                    text, block = block.arguments, msgspec.structs.replace(block, arguments="")
                case Refusal():
                    self._refused = True
                    text, block = block.text, Refusal(text="")
                case _:
                    self._searches += searched(block)
            lane = self._lanes.open(state, block)
            if text:
                self._lanes.speak(lane, text)
            self._lanes.close(lane, end)

    # -- the end

    def _finish(self, kind: str, raw: msgspec.Raw) -> None:
        answer = _answer.decode(raw) if raw else Answer()
        if kind == "response.incomplete":
            answer.status = "incomplete"
        if self._failed or self.done:
            return
        self._start(answer)
        self._complete(answer)
        self.done = True
        self.usage = self._usage(answer)
        self._lanes.out.append(stop_of(answer, self._called, self._refused))
        self._lanes.out.append(Finish(usage=self.usage, extra=extra_of(answer)))

    def _complete(self, answer: Answer) -> None:
        """What was never said to be done is taken from the whole output at the end, or closed as it is."""
        if not self._items or any(not item.done for item in self._items.values()):
            output = raw_items(answer)
            for index in list(self._items) or range(len(output)):
                if isinstance(index, int) and index < len(output):
                    self._item_done(index, output[index])
        self._lanes.close_all()

    def _usage(self, answer: Answer) -> Usage | None:
        usage = usage_of(answer)
        if usage is not None and self._searches:
            return msgspec.structs.replace(usage, searches=self._searches)
        return usage

    def _broken(self, raw: msgspec.Raw, data: bytes) -> None:
        """`response.failed`, or an error event in either of its shapes; the usage of a failed response counts (H119)."""
        answer = _answer.decode(raw) if raw and bytes(raw) != b"null" else Answer()
        self.usage = self._usage(answer) or self.usage
        if answer.error:
            self._fail(failure_in({"error": answer.error}))
        elif answer.status == "cancelled":
            self._fail(unfinished(answer))
        else:
            self._fail(failure_in(_any.decode(data)))

    def _fail(self, error: Any) -> None:
        if not self._failed and not self.done:
            self._lanes.out.append(Failed(error=error))
        self._failed = True
