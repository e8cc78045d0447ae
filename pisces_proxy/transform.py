"""Upstream bytes to client bytes, and what it cost: one object per answer, told of each chunk.

`Passthrough` where both sides speak one wire: bytes pass, the decoder reads along at the frames that matter.
`Translation` where they do not: frames, events, frames.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from . import sse
from .chat import BlockStart, Delta, Event, Failed, Finish, Response, Start, Stop, ToolCall, unfold
from .errors import PiscesError
from .plugin import Encoder, Profile, Reply, Wire
from .stops import StopScan
from .usage import Usage


class Transform(abc.ABC):
    """What the relay needs to know of a stream on its way.

    useful     an event has come that is worth showing; until then another channel may still be tried
    failure    the stream broke, by the upstream's own word or by its end; nothing follows
    finished   the upstream has said all that it has to say
    output     letters of text read so far
    """

    useful = False
    finished = False
    failure: PiscesError | None = None
    output = 0

    @property
    @abc.abstractmethod
    def usage(self) -> Usage | None:
        """What the upstream has counted so far."""

    @property
    @abc.abstractmethod
    def shrunk(self) -> bool:
        """Whether a count of it went down in between."""

    @property
    def complete(self) -> bool:
        """Whether the upstream's count is its last word."""
        return self.finished

    @property
    def letters(self) -> int:
        """Letters of text that have come so far, by our own rough count, for upstreams that do not count."""
        return self.output

    @abc.abstractmethod
    def feed(self, chunk: bytes) -> bytes:
        """What the client gets for this chunk; may be empty."""

    @abc.abstractmethod
    def end(self) -> bytes:
        """What the client gets at the end of the upstream's stream."""

    @abc.abstractmethod
    def fail(self, error: PiscesError) -> bytes:
        """What the client gets when the connection broke: a typed error in its dialect, never a clean end."""

    def _note(self, events: Iterable[Event]) -> None:
        for event in events:
            kind = type(event)
            if kind is Delta:
                self.output += len(event.text)  # type: ignore[union-attr]
                self.useful = True
            elif kind is Failed:
                self.failure = event.error  # type: ignore[union-attr]
            elif kind is Finish:
                self.useful = self.finished = True
            elif kind is BlockStart or kind is Stop:
                self.useful = True


class Translation(Transform):
    """Another wire on each side. `names` gives tools the spelling that the client knows, `stops` cuts the text."""

    def __init__(
        self,
        source: Wire,
        profile: Profile,
        encoder: Encoder,
        names: Mapping[str, str] | None = None,
        stops: StopScan | None = None,
    ) -> None:
        self._frames = sse.Reader()
        self._decoder = source.decoder(profile)
        self._encoder = encoder
        self._names = names
        self._stops = stops

    @property
    def complete(self) -> bool:
        if self._stops is not None and self._stops.ended:
            return self._decoder.done
        return self.finished or self._decoder.done

    @property
    def usage(self) -> Usage | None:
        return self._decoder.usage

    @property
    def shrunk(self) -> bool:
        return self._decoder.shrunk

    def feed(self, chunk: bytes) -> bytes:
        decode = self._decoder.decode
        events: list[Event] = []
        for event, data in self._frames.feed(chunk):
            events += decode(event, data)
        return self._encode(events) if events else b""

    def end(self) -> bytes:
        events: list[Event] = []
        for event, data in self._frames.end():
            events += self._decoder.decode(event, data)
        if not any(isinstance(event, (Finish, Failed)) for event in events) and not self.finished:
            events += self._decoder.end()
        return self._encode(events)

    def fail(self, error: PiscesError) -> bytes:
        return self._encode([Failed(error=error)])

    def whole(self, response: Response) -> bytes:
        """A stream made of an answer that came whole."""
        self._decoder.usage = response.usage
        return self._encode(list(unfold(response)))

    def _encode(self, events: Sequence[Event]) -> bytes:
        if self.failure is not None or self.finished:
            return b""
        if self._names:
            events = renamed(events, self._names)
        if self._stops is not None:
            events = self._stops.events(events)
        self._note(events)
        return self._encoder.encode(events)


class Passthrough(Transform):
    """One wire on both sides. Only the first frames and those with one of the wire's markers are read and may change;
    in all others the model's name is put back to what the client called it."""

    def __init__(self, wire: Wire, profile: Profile, reply: Reply) -> None:
        self._wire = wire
        self._reply = reply
        self._decoder = wire.decoder(profile)
        self._cutter = sse.Cutter()
        self._markers = wire.markers
        self._unread = self._frames = 0  # bytes of frames that nobody read, and how many they were
        self._around = 0  # bytes of a frame that are not text, as in the first one that has some
        self._opening = b"\n\n"
        self._own_form = reply.form != "sse"
        self._first = True
        self._reading = True  # every frame, until the first one with text is through
        self._passing = False  # frames without a mark pass unread
        self._theirs = self._ours = b""

    @property
    def complete(self) -> bool:
        return self.finished or self._decoder.done

    @property
    def usage(self) -> Usage | None:
        return self._decoder.usage

    @property
    def shrunk(self) -> bool:
        return self._decoder.shrunk

    @property
    def letters(self) -> int:
        # what is not text is of one size in the frames of one stream
        return self.output + max(self._frames, self._unread - self._frames * self._around)

    def feed(self, chunk: bytes) -> bytes:
        if self._passing and chunk.endswith(b"\n\n") and not self._cutter.holding and not self._any_marker(chunk):
            self._unread += len(chunk)  # nearly every chunk of every stream goes this way
            self._frames += chunk.count(self._opening) + 1
            return chunk.replace(self._theirs, self._ours) if self._theirs else chunk
        block = self._cutter.feed(chunk)
        return self._relay(block) if block else b""

    def end(self) -> bytes:
        rest = self._cutter.rest()
        out = self._relay(rest) if rest.strip() else b""
        if self.failure is None and not self.finished:
            self._note(events := self._decoder.end())
            for event in events:
                if isinstance(event, Failed):
                    out += self._wire.relay_failure(event.error, self._reply, self._decoder)
        if self.failure is None:
            out += self._wire.relay_end(self._reply)
        return out

    def fail(self, error: PiscesError) -> bytes:
        self.failure, self._passing = error, False
        return self._wire.relay_failure(error, self._reply, self._decoder)

    def _relay(self, block: bytes) -> bytes:
        if self._own_form or b"\r" in block:
            return b"".join([self._frame(raw) for raw in sse.split(block)])
        if not self._reading and not self._any_marker(block):
            return self._plain(block)
        out, at, marked = [], 0, _Marked(block, self._markers)
        while at < len(block):
            until = at if self._reading else marked.frame(at)
            if until > at:
                out.append(self._plain(block[at:until]))
            else:
                until = block.find(b"\n\n", at) + 2
                until = until if until > 1 else len(block)
                out.append(self._frame(block[at:until].strip(b"\n")))
            at = until
        return b"".join(out)

    def _any_marker(self, block: bytes) -> bool:
        for marker in self._markers:  # noqa: SIM110 - a generator costs more than the search
            if marker in block:
                return True
        return False

    def _plain(self, frames: bytes) -> bytes:
        """Frames that nobody has to read."""
        if self.failure is not None:
            return b""
        self._unread += len(frames)
        self._frames += frames.count(self._opening) + 1
        return frames.replace(self._theirs, self._ours) if self._theirs else frames

    def _frame(self, raw: bytes) -> bytes:
        if self.failure is not None or not raw:
            return b""
        frame = sse.parse(raw)
        if frame is None:
            # a comment: where the client's wire knows them, the upstream's heartbeat is the client's
            return raw + b"\n\n" if self._wire.heartbeat.startswith(b":") else b""
        events = self._decoder.decode(frame.event, frame.data)
        self._note(events)
        if self.failure is not None:
            self._passing = False
            return self._wire.relay_failure(self.failure, self._reply, self._decoder)
        data = self._wire.relay_frame(frame.data, self._reply, self._first)
        if data is None:
            return b""
        self._read(events, raw, frame.data)
        self._first = False
        if data is frame.data and not self._own_form:
            return raw + b"\n\n"
        return self._wire.relay_frame_bytes(frame.event, data, self._reply)

    def _read(self, events: Sequence[Event], raw: bytes, data: bytes) -> None:
        """Learn how this stream spells its model, and stop reading frame by frame once text is through."""
        for event in events:
            if isinstance(event, Start) and event.model and event.model != self._reply.model and not self._theirs:
                self._learn(event.model, data)
        text = sum(len(event.text.encode()) for event in events if isinstance(event, Delta))
        if text:
            self._reading = False
            self._passing = not self._own_form
            self._around = len(raw) + 2 - text
            self._opening = b"\n\n" + raw[:12]  # the longer, the faster it is counted
            if b'": ' in data:  # this upstream may write a space behind its colons
                spaced = [marker.replace(b'":', b'": ') for marker in self._markers if b'":' in marker]
                self._markers = (*self._markers, *spaced)

    def _learn(self, model: str, data: bytes) -> None:
        member = b'"' + self._wire.model_member + b'":'
        theirs, ours = msgspec.json.encode(model), msgspec.json.encode(self._reply.model)
        for space in (b"", b" "):
            if member + space + theirs in data:
                self._theirs, self._ours = member + space + theirs, member + space + ours


class _Marked:
    """Where in a block the frames with a marker begin; each marker is looked for once between two finds."""

    __slots__ = ("_block", "_markers", "_next")

    def __init__(self, block: bytes, markers: Sequence[bytes]) -> None:
        self._block = block
        self._markers = markers
        self._next = [-1] * len(markers)

    def frame(self, at: int) -> int:
        """The start of the first marked frame at or behind `at`, the block's end where there is none."""
        block, found = self._block, len(self._block)
        for index, marker in enumerate(self._markers):
            position = self._next[index]
            if position < at:
                position = block.find(marker, at)
                self._next[index] = position = position if position >= 0 else len(block)
            found = min(found, position)
        if found == len(block):
            return found
        before = block.rfind(b"\n\n", at, found)
        return before + 2 if before >= 0 else at


def renamed(events: Sequence[Event], names: Mapping[str, str]) -> list[Event]:
    """The same events with tool names as the client spells them."""
    return [
        msgspec.structs.replace(event, block=msgspec.structs.replace(event.block, name=names[event.block.name]))
        if isinstance(event, BlockStart) and isinstance(event.block, ToolCall) and event.block.name in names
        else event
        for event in events
    ]
