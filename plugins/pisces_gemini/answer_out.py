"""An answer for a client of Google's API: whole, as server-sent events or as a growing JSON array (wire.md B4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pisces_proxy import chat
from pisces_proxy.chat import BlockEnd, BlockStart, Delta, Event, Failed, Finish, Logprobs, Start, Stop
from pisces_proxy.plugin import Encoder, Reply
from pisces_proxy.usage import Usage

from . import failures, grounding, logprobs, pictures
from .counts import usage_metadata
from .google import finish_word
from .parts_out import PartsWriter

_encode = msgspec.json.Encoder().encode


def encode_response(response: chat.Response, reply: Reply) -> bytes:
    writers: dict[int, PartsWriter] = {}
    parts: dict[int, list[bytes]] = {}
    for number, choice in enumerate(response.choices):
        writer = writers[number] = _writer(reply, sources=True)
        parts[number] = [part for block in choice.blocks for event in _events(block) for part in writer.parts(event)]
        closing = writer.last()
        if b"thoughtSignature" in closing or not parts[number]:
            parts[number].append(closing)
    candidates = [
        _candidate(parts[number], choice.stop, number, writers[number], response.extra, choice.logprobs)
        for number, choice in enumerate(response.choices)
    ]
    body = escaped(_last(candidates, response.usage, response.extra, _identity(reply, response.id), reply.extension))
    return pictures.as_text(body) if reply.images_as_text else body


def _events(block: chat.Block) -> Iterable[Event]:
    whole = chat.Response(choices=(chat.Choice(blocks=(block,)),))
    return (event for event in chat.unfold(whole) if isinstance(event, (BlockStart, Delta, BlockEnd)))


class AnswerEncoder(Encoder):
    """One chunk for each piece of text, calls whole. No comments, event names, `[DONE]`: the SDK fails on them (H13)."""

    __slots__ = ("_array", "_identity", "_open", "_over", "_reply", "_stops", "_writers", "_wrote")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._array = reply.form == "array"
        self._identity = _identity(reply, "")
        self._writers: dict[int, PartsWriter] = {}
        self._stops: dict[int, Stop] = {}
        self._wrote = self._over = False

    def encode(self, events: Sequence[Event]) -> bytes:
        out = [self._event(event) for event in events if not self._over]
        body = escaped(b"".join(out))
        return pictures.as_text(body) if self._reply.images_as_text else body

    def _event(self, event: Event) -> bytes:
        match event:
            case Delta() | BlockStart() | BlockEnd():
                parts = self._writer(event.choice).parts(event)
                return b"".join([self._chunk(_content(part, event.choice)) for part in parts])
            case Start():
                self._identity = _identity(self._reply, event.id)
            case Logprobs():
                return self._chunk(_encode({"logprobsResult": logprobs.write(event.raw), "index": event.choice}))
            case Stop():
                self._stops[event.choice] = event
            case Finish():
                return self._finish(event)
            case Failed():
                self._over = True
                body = failures.body(event.error, self._reply.request_id, self._reply.extension)
                return self._framed(body) + (b"]" if self._array else b"")
        return b""

    def _writer(self, choice: int) -> PartsWriter:
        writer = self._writers.get(choice)
        if writer is None:
            request = self._reply.request
            sources = request is not None and bool(request.server_tools)
            writer = self._writers[choice] = _writer(self._reply, sources=sources)
        return writer

    def _chunk(self, candidate: bytes) -> bytes:
        body = b'{"candidates":[' + candidate + b"]," + self._identity
        if not self._wrote and self._reply.extension:
            body += b',"pisces":' + self._reply.extension
        return self._framed(body + b"}")

    def _framed(self, body: bytes) -> bytes:
        first, self._wrote = not self._wrote, True
        if self._array:
            return (b"[" if first else b",\r\n") + body
        return sse_frame(body)

    def _finish(self, finish: Finish) -> bytes:
        self._over = True
        stops = self._stops or {0: Stop(reason="stop")}
        candidates = []
        for index, stop in sorted(stops.items()):
            writer = self._writer(index)
            candidates.append(_candidate([writer.last()], stop, index, writer, finish.extra))
        body = _last(candidates, finish.usage, finish.extra, self._identity, self._reply.extension)
        return self._framed(body) + (b"]" if self._array else b"")


def _writer(reply: Reply, *, sources: bool) -> PartsWriter:
    thinking = reply.request.thinking if reply.request else None
    return PartsWriter(reply.seals, thoughts=thinking is not None and thinking.include, sources=sources)


def _identity(reply: Reply, id: str) -> bytes:
    return b'"modelVersion":' + _encode(reply.model) + b',"responseId":' + _encode(id or reply.request_id)


def _content(part: bytes, index: int) -> bytes:
    return b'{"content":{"parts":[' + part + b'],"role":"model"},"index":%d}' % index


def _candidate(
    parts: list[bytes], stop: Stop, index: int, writer: PartsWriter, extra: dict[str, bytes], tokens: bytes = b""
) -> dict[str, Any]:
    out: dict[str, Any] = {
        "content": {"parts": [msgspec.Raw(part) for part in parts], "role": "model"},
        "finishReason": finish_word(stop.reason, stop.raw),
        "index": index,
    }
    if stop.detail:
        out["finishMessage"] = stop.detail
    if tokens:
        out["logprobsResult"] = logprobs.write(tokens)
    if "grounding" in extra:
        out["groundingMetadata"] = msgspec.Raw(extra["grounding"])
    elif writer.cited:
        out["groundingMetadata"] = grounding.metadata(writer.cited)
    return out


def _last(
    candidates: list[dict[str, Any]], usage: Usage | None, extra: dict[str, bytes], identity: bytes, extension: bytes
) -> bytes:
    """A refused prompt has no candidates, and says why."""
    refused = extra.get("promptFeedback")
    body = b'{"promptFeedback":' + refused if refused else b'{"candidates":' + _encode(candidates)
    if usage is not None:
        body += b',"usageMetadata":' + _encode(usage_metadata(usage))
    body += b"," + identity
    return body + (b',"pisces":' + extension if extension else b"") + b"}"


def sse_frame(body: bytes) -> bytes:
    """In one line: JSON that came from elsewhere may be spread over several."""
    if b"\n" in body or b"\r" in body:
        body = body.replace(b"\r", b" ").replace(b"\n", b" ")
    return b"data: " + body + b"\r\n\r\n"


def escaped(body: bytes) -> bytes:
    """Without raw U+2028 and U+2029 (in JSON they stand in strings only): clients that split lines at them would break."""
    if b"\xe2\x80" not in body:
        return body
    return body.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
