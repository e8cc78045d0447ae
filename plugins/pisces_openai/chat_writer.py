"""A streamed answer for a chat client: events in, chunks out (wire.md B1, C14).

What the SDK's accumulator wants: role, id and name said once; indices dense from 0; lists in a delta with an index in each
item; nothing behind the usage chunk but `[DONE]`; a failure as `{"error":...}` and then nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
    Ping,
    Reasoning,
    Refusal,
    Signature,
    Start,
    Stop,
    Text,
    ToolCall,
)
from pisces_proxy.plugin import Encoder, Reply
from pisces_proxy.usage import Usage

from .chat_answer import answer_id, audio_object, custom_names, finish_reason, image_object, shows_thinking, url_citations
from .chat_carriers import Signed, call_extra, sealed_detail
from .chat_usage import encode_usage
from .errors import encode_error

_encode = msgspec.json.Encoder().encode
_DONE = b"data: [DONE]\n\n"
Raw = msgspec.Raw


class _Writing:
    """One choice: how its open block is written, and what was counted."""

    __slots__ = ("annotated", "base", "behind", "calls", "details", "images", "index", "lead", "length", "pondered", "refused",
                 "signed", "thought", "unwrapper")  # fmt: skip

    def __init__(self, index: int) -> None:
        self.index = index
        self.lead: bytes | None = None  # what stands before the text of a delta; None where it is not shown
        self.behind = b""
        self.length = 0  # of the open block's text
        self.base = 0  # of the content before it: citations count from the beginning
        self.calls = self.details = self.images = self.annotated = 0
        self.refused = self.pondered = False
        self.thought: Signature | None = None  # signed thinking that has not found its call yet
        self.signed: Signature | None = None  # what the open call has already said
        self.unwrapper: InputUnwrapper | None = None


class ChatEncoder(Encoder):
    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._head = b""  # up to the choice's index
        self._tail = b',"finish_reason":null}]' + (b',"usage":null}\n\n' if reply.include_usage else b"}\n\n")
        self._choices: dict[int, _Writing] = {}
        self._custom = custom_names(reply.request)
        self._thinking = shows_thinking(reply.request)
        self._legacy = bool(reply.request and reply.request.legacy_functions)
        self._extension = b',"pisces":' + reply.extension if reply.extension else b""

    def encode(self, events: Sequence[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if type(event) is Delta:
                choice = self._choices.get(event.choice) or self._at(event.choice, out)
                if choice.lead is not None and choice.unwrapper is None:
                    choice.length += len(event.text)
                    out += (choice.lead, _encode(event.text), choice.behind)
                else:
                    self._emulated(choice, event.text, out)
            else:
                self._event(event, out)
        return b"".join(out)

    def _event(self, event: Event, out: list[bytes]) -> None:
        match event:
            case BlockStart():
                self._open(self._at(event.choice, out), event.block, out)
            case BlockEnd():
                self._close(self._at(event.choice, out), event, out)
            case Start():
                self._begin(event, out)
            case Stop():
                self._stop(self._at(event.choice, out), event, out)
            case Logprobs():
                choice = self._at(event.choice, out)
                raw = event.raw.translate(None, b"\r\n")  # from a pretty-printed body: an event is one line
                out.append(self._whole(choice, b'{},"logprobs":{"content":' + raw + b',"refusal":null}'))
            case Finish():
                self._finish(event, out)
            case Failed():
                out.append(b"data: " + encode_error(event.error, self._reply.extension)[1] + b"\n\n")
            case Ping():
                out.append(b": ping\n\n")
            case _:
                pass

    # -- chunks

    def _begin(self, start: Start, out: list[bytes]) -> None:
        reply = self._reply
        self._head = b"".join(
            (
                b'data: {"id":',
                _encode(answer_id(start.id, reply.request_id)),
                b',"object":"chat.completion.chunk","created":',
                _encode(start.created or reply.created),
                b',"model":',
                _encode(reply.model),
                b',"choices":[',
            )
        )
        self._choices[0] = choice = _Writing(0)
        first = self._whole(choice, b'{"role":"assistant","content":""}')
        out.append(first[:-3] + self._extension + b"}\n\n")

    def _at(self, index: int, out: list[bytes]) -> _Writing:
        """The choice, begun with its role where this is the first of it."""
        if not self._head:
            self._begin(Start(), out)
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Writing(index)
            out.append(self._whole(choice, b'{"role":"assistant","content":""}'))
        return choice

    def _lead(self, choice: _Writing, delta: bytes, behind: bytes = b"}") -> None:
        """From now on each delta is written as `delta` + text + `behind`."""
        choice.lead = self._head + b'{"index":%d,"delta":%s' % (choice.index, delta)
        choice.behind = behind + self._tail

    def _whole(self, choice: _Writing, delta: bytes) -> bytes:
        return self._head + b'{"index":%d,"delta":%s' % (choice.index, delta) + self._tail

    def _say(self, choice: _Writing, delta: dict[str, Any], out: list[bytes]) -> None:
        out.append(self._whole(choice, _encode(delta)))

    # -- blocks

    def _open(self, choice: _Writing, block: Block, out: list[bytes]) -> None:
        choice.length, choice.lead, choice.unwrapper = 0, None, None
        if not isinstance(block, ToolCall):
            self._settle(choice, out)
        match block:
            case Text():
                self._lead(choice, b'{"content":')
                self._more(choice, block.text, out)
            case Reasoning(redacted=True):
                self._detail(choice, block.signature, "redacted", out)
            case Reasoning():
                if self._thinking:
                    self._lead(choice, b'{"reasoning_content":')
                    self._more(choice, ("\n\n" if choice.pondered else "") + block.text, out)
                    choice.pondered = True
            case Refusal():
                choice.refused = True
                self._lead(choice, b'{"refusal":')
                self._more(choice, block.text, out)
            case ToolCall():
                self._open_call(choice, block, out)
            case Media(kind="image"):
                self._say(choice, {"images": [image_object(block, choice.images)]}, out)
                choice.images += 1
            case Media(kind="audio"):
                self._say(choice, {"audio": audio_object(block)}, out)
            case _:
                pass  # what ran on another vendor's side is not the answer's text

    def _more(self, choice: _Writing, text: str, out: list[bytes]) -> None:
        if text and choice.lead is not None:
            choice.length += len(text)
            out += (choice.lead, _encode(text), choice.behind)

    def _emulated(self, choice: _Writing, text: str, out: list[bytes]) -> None:
        """A delta that is not shown, or whose input has to be taken out of the arguments it came in."""
        if choice.unwrapper is not None:
            self._more(choice, choice.unwrapper.feed(text), out)

    def _open_call(self, choice: _Writing, call: ToolCall, out: list[bytes]) -> None:
        index, choice.calls = choice.calls, choice.calls + 1
        thought, choice.thought = choice.thought, None
        choice.signed = call.signature
        if self._legacy:
            if index == 0:  # the old form has room for one
                self._say(choice, {"function_call": {"name": call.name, "arguments": ""}}, out)
                self._lead(choice, b'{"function_call":{"arguments":', b"}}")
        else:
            self._open_tool_call(choice, call, index, thought, out)
        if call.arguments and choice.unwrapper is not None:
            self._emulated(choice, call.arguments, out)
        else:
            self._more(choice, call.arguments, out)

    def _open_tool_call(
        self, choice: _Writing, call: ToolCall, index: int, thought: Signature | None, out: list[bytes]
    ) -> None:
        form, said = ("custom", "input") if call.custom or call.name in self._custom else ("function", "arguments")
        entry: dict[str, Any] = {"index": index, "id": call.id, "type": form, form: {"name": call.name, said: ""}}
        if (extra := call_extra(self._reply.seals, call.signature, thought)) is not None:
            entry["extra_content"] = extra
        self._say(choice, {"tool_calls": [entry]}, out)
        self._lead(choice, b'{"tool_calls":[{"index":%d,"%s":{"%s":' % (index, form.encode(), said.encode()), b"}}]}")
        if form == "custom" and not call.custom:
            choice.unwrapper = InputUnwrapper()

    def _close(self, choice: _Writing, end: BlockEnd, out: list[bytes]) -> None:
        lead = choice.lead or b""
        if lead.endswith(b'"content":'):
            self._cite(choice, end, out)
            choice.base += choice.length
            self._detail(choice, end.signature, "text", out)
        elif lead.endswith(b'"arguments":'):
            if not choice.length:
                out += (lead, b'"{}"', choice.behind)  # H03
            self._sign_call(choice, end.signature, out)
        elif end.signature is not None and not choice.refused:
            choice.thought = end.signature
        choice.lead, choice.unwrapper = None, None

    def _sign_call(self, choice: _Writing, signature: Signature | None, out: list[bytes]) -> None:
        if signature is None or signature == choice.signed or self._legacy:
            return
        if (extra := call_extra(self._reply.seals, signature, None)) is not None:
            self._say(
                choice,
                {"tool_calls": [{"index": choice.calls - 1, "function": {"arguments": ""}, "extra_content": extra}]},
                out,
            )

    def _cite(self, choice: _Writing, end: BlockEnd, out: list[bytes]) -> None:
        for annotation in url_citations(end.citations, choice.base):
            given = msgspec.json.decode(annotation) if isinstance(annotation, Raw) else annotation
            self._say(choice, {"annotations": [{"index": choice.annotated, **given}]}, out)  # H41
            choice.annotated += 1

    def _settle(self, choice: _Writing, out: list[bytes]) -> None:
        """Signed thinking that no call followed."""
        thought, choice.thought = choice.thought, None
        self._detail(choice, thought, "thinking", out)

    def _detail(self, choice: _Writing, signature: Signature | None, of: Signed, out: list[bytes]) -> None:
        if signature is None:
            return
        if (detail := sealed_detail(self._reply.seals, signature, choice.details, of)) is not None:
            choice.details += 1
            self._say(choice, {"reasoning_details": [detail]}, out)

    # -- the end

    def _stop(self, choice: _Writing, stop: Stop, out: list[bytes]) -> None:
        self._settle(choice, out)
        reason = finish_reason(stop, choice.calls > 0, choice.refused, self._legacy)
        tail = self._tail.replace(b'"finish_reason":null', b'"finish_reason":' + _encode(reason), 1)
        out.append(self._head + b'{"index":%d,"delta":{}' % choice.index + tail)

    def _finish(self, finish: Finish, out: list[bytes]) -> None:
        if not self._head:
            self._begin(Start(), out)
        if self._reply.include_usage:
            usage = finish.usage or Usage(input=self._reply.input_estimate, estimated=True)
            named = [(name, finish.extra[name]) for name in ("service_tier", "system_fingerprint") if name in finish.extra]
            extra = b"".join([b',"' + name.encode() + b'":' + value for name, value in named])
            out += (self._head, b'],"usage":', encode_usage(usage), extra, self._extension, b"}\n\n")  # H09, H42
        out.append(_DONE)
