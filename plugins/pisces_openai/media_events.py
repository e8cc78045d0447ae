"""Server-sent events of OpenAI's media formats: written for clients, and read along where they pass."""

from __future__ import annotations

import abc
from typing import Any

import msgspec

from pisces_proxy import splice, sse
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.mediawire import Watcher
from pisces_proxy.plugin import Reply
from pisces_proxy.refusals import complaint_in, understand

from . import errors

_encode = msgspec.json.Encoder().encode
DONE = b"data: [DONE]\n\n"


def event(type_: str, members: dict[str, Any], extension: bytes = b"", *, named: bool = True) -> bytes:
    """One event; `type` comes first in the data, and names the event where clients read that."""
    told = {"type": type_, **members}
    if extension:
        told["pisces"] = msgspec.Raw(extension)
    head = b"event: " + type_.encode() + b"\n" if named else b""
    return head + b"data: " + _encode(told) + b"\n\n"


def failed(error: PiscesError, extension: bytes = b"") -> bytes:
    """What makes the SDKs raise: data with an `error` at its top."""
    return b"event: error\ndata: " + errors.encode_error(error, extension)[1] + b"\n\n"


def failure_in(error: Any) -> PiscesError:
    """The failure that an event's `error` member tells of."""
    return understand(200, {}, complaint_in({"error": error}))


class Event(msgspec.Struct):
    """What is read of an event that passes."""

    type: str = ""
    size: str | None = None
    quality: str | None = None
    usage: msgspec.Raw = msgspec.Raw(b"")  # read on its own: vendors count in units of their own
    error: Any = None


_event = msgspec.json.Decoder(Event)


class EventWatcher(Watcher, abc.ABC):
    """Events that pass, whole ones at a time. `see` looks at each; `done` is set there once the last has come."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._cutter = sse.Cutter()

    def feed(self, data: bytes) -> bytes:
        return self._passed(self._cutter.feed(data))

    def end(self) -> bytes:
        rest = self._passed(self._cutter.rest())
        if not self.done and self.failure is None:
            self.failure = UpstreamBroken("The upstream's stream broke off before its end.")
            rest += failed(self.failure, self._reply.extension)
        return rest

    @abc.abstractmethod
    def see(self, event: Event) -> None:
        """Look at one event that is no error."""

    def _read(self, data: bytes) -> None:
        try:
            event = _event.decode(data)
        except (msgspec.MsgspecError, RecursionError):
            return
        if event.error is not None:
            self.failure = failure_in(event.error)
        else:
            self.see(event)

    def _passed(self, block: bytes) -> bytes:
        if not block:
            return b""
        told = []
        for raw in sse.split(block):
            frame = sse.parse(raw)
            if frame is not None:
                self._read(frame.data)
            told.append(self._told(raw, frame) + b"\n\n")
        return b"".join(told)

    def _told(self, raw: bytes, frame: sse.Frame | None) -> bytes:
        """A frame as it came, with the gateway's member."""
        if frame is None or not self._reply.extension or not frame.data.startswith(b"{"):
            return raw
        name = b"event: " + frame.event + b"\n" if frame.event else b""
        return name + b"data: " + splice.append(frame.data, "pisces", self._reply.extension)
