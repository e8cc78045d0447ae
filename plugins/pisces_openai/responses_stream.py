"""The canonical answer as a Responses stream, in the grammar that the SDK's accumulator insists on (wire.md B2, C14)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pisces_proxy.arguments import InputUnwrapper
from pisces_proxy.chat import (
    Block,
    BlockEnd,
    BlockStart,
    Delta,
    Event,
    Failed,
    Finish,
    Logprobs,
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
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.names import minted_id
from pisces_proxy.plugin import Encoder, Reply
from pisces_proxy.usage import Usage

from . import responses_object as written
from .responses_growing import Growing
from .responses_history import ON_CALL, ON_TEXT, REDACTED
from .responses_items import FAMILY, WIRE
from .responses_object import quoted
from .responses_relay import OWN_REASONING

_PING = b": ping\n\n"
_DONE, _CUT, _GOING = b"completed", b"incomplete", b"in_progress"


def response_id(reply: Reply) -> str:
    return "resp_" + reply.request_id.removeprefix("req_")


class ResponsesEncoder(Encoder):
    """`answer` is the response object as it was last written: of a finished stream, the whole answer."""

    def __init__(self, reply: Reply, id: str = "", sequence: int = 0) -> None:
        self.answer = b""
        self._reply = reply
        self._tail = reply.request_id.removeprefix("req_")
        self._id = id or response_id(reply)
        self._sequence = sequence
        self._started = bool(id)  # the response has begun under that id, elsewhere
        self._over = False
        self._out: list[bytes] = []
        self._output: list[bytes] = []
        self._index = -1  # of the item that was opened last
        self._message: tuple[bytes, list[bytes], str] | None = None  # the open message: id, finished parts, phase
        self._block: Block | None = None  # open, but nothing of it is worth writing yet
        self._growing: Growing | None = None
        self._stop = Stop(reason="stop")
        self._usage: Usage | None = None
        request = reply.request
        self._custom = frozenset(tool.name for tool in request.tools if tool.custom) if request else frozenset[str]()
        self._summaries = request is None or (request.thinking is not None and request.thinking.include)
        self._logprobs = request is None or request.logprobs
        # The gateway keeps no state, so the client gets what it takes to keep it, unless it counts on a store (C6)
        kept = request.losses if request else ()
        self._sealing = not any(loss.field == "store" and loss.action == "dropped" for loss in kept)

    def encode(self, events: Sequence[Event]) -> bytes:
        for event in events:
            if type(event) is Delta:
                if event.choice == 0:
                    self._delta(event.text)
            elif not self._over:
                self._other(event)
        out, self._out = b"".join(self._out), []
        return out

    def _delta(self, text: str) -> None:
        growing = self._growing or self._begun()
        if growing is None:
            return
        if growing.unwrap is not None:
            text = growing.unwrap.feed(text)
        if text:
            growing.pieces.append(text)
            self._out.append(b"%b%b%b%d}\n\n" % (growing.head, quoted(text), growing.tail, self._sequence))
            self._sequence += 1

    def _other(self, event: Event) -> None:
        match event:
            case Start():
                self._start()
                self._usage = event.usage or self._usage
            case BlockStart(choice=0):
                self._open(event.block)
            case BlockEnd(choice=0):
                self._close(event)
            case Logprobs(choice=0) if self._logprobs and self._growing is not None:
                self._growing.logprobs.append(event.raw.strip()[1:-1])
            case Stop(choice=0):
                self._stop = event
            case UsageSoFar():
                self._usage = event.usage
            case Finish():
                self._finish(event)
            case Failed():
                self._fail(event.error)
            case Ping():
                self._out.append(_PING)

    def _frame(self, event: bytes, members: bytes) -> None:
        self._out.append(
            b'event: %b\ndata: {"type":"%b",%b,"sequence_number":%d}\n\n' % (event, event, members, self._sequence)
        )
        self._sequence += 1

    # -- the response

    def _start(self) -> None:
        if self._started:
            return
        self._started = True
        self.answer = written.response_object(self._reply, self._id, "in_progress")
        for event in (b"response.created", b"response.in_progress"):
            self._frame(event, b'"response":' + self.answer)

    def _finish(self, finish: Finish) -> None:
        self._start()
        if self._stop.reason == "error":
            return self._fail(UpstreamBroken(self._stop.detail or f"The model stopped with {self._stop.raw!r}."))
        reason = {
            "length": b"max_output_tokens",
            "context_full": b"max_output_tokens",
            "content_filter": b"content_filter",
        }.get(self._stop.reason)
        self._close_all(_CUT if reason else _DONE)
        status, details = ("incomplete", b'{"reason":"%b"}' % reason) if reason else ("completed", b"null")
        self._end(status, finish.usage, incomplete=details, extra=finish.extra.get("service_tier", b""))

    def _fail(self, error: PiscesError) -> None:
        if not self._started:
            self._over = True
            self._out.append(written.error_event(error, self._sequence))
            return
        # what is there belongs to the response, but an item that broke off is not announced as done
        mark, sequence = len(self._out), self._sequence
        self._close_all(_CUT)
        del self._out[mark:]
        self._sequence = sequence
        self._end("failed", None, error=written.failure(error))

    def _end(
        self, status: str, usage: Usage | None, error: bytes = b"null", incomplete: bytes = b"null", extra: bytes = b""
    ) -> None:
        self._over = True
        counted = usage or self._usage
        if counted is None and status != "failed":
            counted = Usage(input=self._reply.input_estimate)  # clients need the object (H120)
        told = written.usage_object(counted) if counted is not None else b"null"
        self.answer = written.response_object(self._reply, self._id, status, self._output, told, error, incomplete, extra)
        self._frame(b"response." + status.encode(), b'"response":' + self.answer)

    def _close_all(self, status: bytes) -> None:
        if self._block is not None:
            self._close(BlockEnd(), status)
        self._close_message(status)

    # -- blocks

    def _open(self, block: Block) -> None:
        self._start()
        if self._block is not None:
            self._close(BlockEnd())
        if not isinstance(block, (Text, Refusal)):
            self._close_message(_DONE)
        match block:
            case Text() | Refusal() | Reasoning():
                self._block = block
                if block.text:
                    self._delta(block.text)
            case ToolCall():
                self._block = block
                self._carry(block.signature, ON_CALL)
                self._begun()
                if block.arguments:
                    self._delta(block.arguments)
            case Media():
                self._media(block)
            case Opaque() if block.wire == WIRE:
                self._whole(block.raw)
            case _:
                return  # another wire's own: nothing here could show it

    def _begun(self) -> Growing | None:
        """The open block, on the wire: its item (and part) is announced with the first thing to say."""
        match self._block:
            case Text() | Refusal():
                self._growing = self._begin_part(self._block)
            case Reasoning() if self._shown(self._block):
                self._growing = self._begin_thinking(self._block)
            case ToolCall():
                self._growing = self._begin_call(self._block)
        return self._growing

    def _close(self, end: BlockEnd, status: bytes = _DONE) -> None:
        block, growing = self._block, self._growing
        match block:
            case Text() | Refusal():
                self._end_part(block, growing, end)
            case Reasoning():
                self._end_thinking(block, growing, end.signature or block.signature)
            case ToolCall() if growing is not None:
                self._end_call(block, growing, status)
        self._block = self._growing = None

    def _item(self, prefix: str) -> bytes:
        """The place of the next item: its id, as JSON."""
        self._index += 1
        return quoted(f"{prefix}{self._tail}_{self._index}")

    def _added(self, item: bytes) -> None:
        self._frame(b"response.output_item.added", b'"output_index":%d,"item":%b' % (self._index, item))

    def _done(self, item: bytes) -> None:
        self._frame(b"response.output_item.done", b'"output_index":%d,"item":%b' % (self._index, item))
        self._output.append(item)

    # -- messages

    def _begin_part(self, block: Text | Refusal) -> Growing:
        phase = block.phase if isinstance(block, Text) else ""
        if self._message is not None and self._message[2] != phase:
            self._close_message(_DONE)
        if self._message is None:
            self._message = (self._item("msg_"), [], phase)
            self._added(written.message_item(self._message[0], _GOING, (), phase))
        id, parts, _ = self._message
        place = b'"item_id":%b,"output_index":%d,"content_index":%d' % (id, self._index, len(parts))
        refused = isinstance(block, Refusal)
        empty = written.refusal_part(b'""') if refused else written.text_part(b'""', (), b"[]")
        self._frame(b"response.content_part.added", b'%b,"part":%b' % (place, empty))
        if refused:
            return Growing(block, id, b"response.refusal.delta", place)
        return Growing(block, id, b"response.output_text.delta", place, b',"logprobs":[]')

    def _end_part(self, block: Text | Refusal, growing: Growing | None, end: BlockEnd) -> None:
        if growing is not None and self._message is not None:
            text = quoted("".join(growing.pieces))
            part = self._said(growing, text, end) if isinstance(block, Text) else self._refused(growing, text)
            self._frame(b"response.content_part.done", b'%b,"part":%b' % (growing.place, part))
            self._message[1].append(part)
        if isinstance(block, Text) and (end.signature or block.signature) is not None:
            self._close_message(_DONE)
            self._carry(end.signature or block.signature, ON_TEXT)

    def _said(self, growing: Growing, text: bytes, end: BlockEnd) -> bytes:
        sources = growing.block.citations if isinstance(growing.block, Text) else ()
        annotations = [written.annotation(source) for source in (*sources, *end.citations) if written.citable(source)]
        for number, annotation in enumerate(annotations):
            placed = b'%b,"annotation_index":%d,"annotation":%b' % (growing.place, number, annotation)
            self._frame(b"response.output_text.annotation.added", placed)
        logprobs = b"[" + b",".join(growing.logprobs) + b"]"
        self._frame(b"response.output_text.done", b'%b,"text":%b,"logprobs":%b' % (growing.place, text, logprobs))
        return written.text_part(text, annotations, logprobs)

    def _refused(self, growing: Growing, text: bytes) -> bytes:
        self._frame(b"response.refusal.done", b'%b,"refusal":%b' % (growing.place, text))
        return written.refusal_part(text)

    def _close_message(self, status: bytes) -> None:
        if self._message is not None:
            id, parts, phase = self._message
            self._done(written.message_item(id, status, parts, phase))
            self._message = None

    # -- thinking

    def _shown(self, block: Reasoning) -> bool:
        """Summaries are for those who ask; raw thinking, which models without summaries have, for everybody (C6)."""
        return not block.redacted and (self._summaries or not block.summary)

    def _begin_thinking(self, block: Reasoning) -> Growing:
        id = self._item(OWN_REASONING)
        self._added(written.reasoning_item(id))
        place = b'"item_id":%b,"output_index":%d' % (id, self._index)
        if self._summaries:
            place += b',"summary_index":0'
            self._frame(b"response.reasoning_summary_part.added", place + b',"part":{"type":"summary_text","text":""}')
            return Growing(block, id, b"response.reasoning_summary_text.delta", place)
        place += b',"content_index":0'
        self._frame(b"response.content_part.added", place + b',"part":{"type":"reasoning_text","text":""}')
        return Growing(block, id, b"response.reasoning_text.delta", place)

    def _end_thinking(self, block: Reasoning, growing: Growing | None, signature: Signature | None) -> None:
        sealed = self._sealed(signature, REDACTED if block.redacted else "")
        if growing is None:
            if sealed:
                self._silent(sealed)
            return
        text = quoted("".join(growing.pieces))
        kind, done, part_done = (
            (b"summary_text", b"response.reasoning_summary_text.done", b"response.reasoning_summary_part.done")
            if self._summaries
            else (b"reasoning_text", b"response.reasoning_text.done", b"response.content_part.done")
        )
        part = b'{"type":"%b","text":%b}' % (kind, text)
        self._frame(done, b'%b,"text":%b' % (growing.place, text))
        self._frame(part_done, b'%b,"part":%b' % (growing.place, part))
        summary, content = (part, b"") if self._summaries else (b"", part)
        self._done(written.reasoning_item(growing.id, summary, content, sealed))

    def _silent(self, sealed: bytes) -> None:
        """A reasoning item that holds nothing but its proof."""
        id = self._item(OWN_REASONING)
        self._added(written.reasoning_item(id))
        self._done(written.reasoning_item(id, encrypted=sealed))

    def _carry(self, signature: Signature | None, where: str) -> None:
        """A proof that stands on a call or a text gets an item of its own: they have no place for it here (C6)."""
        if signature is not None and (sealed := self._sealed(signature, where)):
            self._silent(sealed)

    def _sealed(self, signature: Signature | None, where: str) -> bytes:
        """What goes into `encrypted_content`: OpenAI's own as it is, another family's sealed. `where` marks the seal."""
        if signature is None or not self._sealing:
            return b""
        if signature.kind == FAMILY:
            return quoted(signature.data)
        marked = msgspec.structs.replace(signature, id=where) if where else signature
        carrier = self._reply.seals.seal(marked)
        return quoted(carrier) if carrier else b""

    # -- calls

    def _begin_call(self, block: ToolCall) -> Growing:
        custom = block.custom or block.name in self._custom
        id = self._item("ctc_" if custom else "fc_")
        call_id = block.id or minted_id(self._reply.request_id, self._index)
        name = written.named(call_id, block.name, self._reply.request)
        item = written.custom_item if custom else written.call_item
        self._added(item(id, _GOING, name, b'""'))
        place = b'"item_id":%b,"output_index":%d' % (id, self._index)
        event = b"response.custom_tool_call_input.delta" if custom else b"response.function_call_arguments.delta"
        growing = Growing(block, id, event, place)
        growing.named = name
        if custom and not block.custom:  # its input comes wrapped, as the argument of a function
            growing.unwrap = InputUnwrapper()
        return growing

    def _end_call(self, block: ToolCall, growing: Growing, status: bytes) -> None:
        custom = block.custom or growing.unwrap is not None
        if growing.unwrap is not None and (rest := growing.unwrap.end()):
            growing.unwrap = None
            self._delta(rest)
        if not growing.pieces and not custom and status == _DONE:
            self._delta("{}")  # a call without arguments still has an object of them
        text = quoted("".join(growing.pieces))
        if custom:
            self._frame(b"response.custom_tool_call_input.done", b'%b,"input":%b' % (growing.place, text))
            self._done(written.custom_item(growing.id, status, growing.named, text))
        else:
            members = b'%b,"name":%b,"arguments":%b' % (growing.place, quoted(block.name), text)
            self._frame(b"response.function_call_arguments.done", members)
            self._done(written.call_item(growing.id, status, growing.named, text))

    # -- what comes whole

    def _media(self, block: Media) -> None:
        if block.kind == "image" and block.data:
            self._image(quoted(block.data))
        elif block.url or block.text:
            self._block = Text(text="")
            self._delta(block.text or f"[{block.kind}]({block.url})")

    def _image(self, data: bytes) -> None:
        id = self._item("ig_")
        self._added(written.image_item(id, _GOING))
        place = b'"item_id":%b,"output_index":%d' % (id, self._index)
        for step in (b"in_progress", b"generating", b"completed"):
            self._frame(b"response.image_generation_call." + step, place)
        self._done(written.image_item(id, _DONE, data))

    def _whole(self, item: bytes) -> None:
        self._index += 1
        self._added(item)
        self._done(item)
