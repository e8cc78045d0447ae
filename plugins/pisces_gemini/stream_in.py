"""An upstream's answer as events: chunks of a stream, or one whole body, which is a stream of one (wire.md B4, C14)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import UNSET

from pisces_proxy import refusals
from pisces_proxy.chat import PING, Event, Failed, Finish, Start, Stop
from pisces_proxy.errors import AnswerMalformed, PiscesError, ProofRefused, UpstreamBroken
from pisces_proxy.plugin import Decoder

from .answer import Chunk, PromptFeedback, chunk, elements
from .candidate import CandidateReader
from .counts import Meter
from .google import BLOCK, MALFORMED, word

_decode = msgspec.json.Decoder().decode


class AnswerDecoder(Decoder):
    """`whole`: the data is a complete answer, so that a missing finish reason is no sign of a cut.

    Stops are told at the end: text may go on behind a first finish reason, and a call may stand in an earlier chunk than
    the STOP (H04)."""

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._meter = Meter()
        self._readers: dict[int, CandidateReader] = {}
        self._blocked: PromptFeedback | None = None
        self._extra: dict[str, bytes] = {}
        self._over = False
        self.started = False

    def decode(self, event: bytes, data: bytes) -> Sequence[Event]:
        if self._over or data == b"[DONE]":  # Google never says so, those who imitate it do
            return ()
        if data[:1] == b"[":
            return self._list(data)
        try:
            read = chunk.decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return self._fail(_unreadable(data))
        if read.error is not UNSET and bytes(read.error) != b"null":
            return self._fail(_refused(data))
        return self._chunk(read)

    def _list(self, data: bytes) -> Sequence[Event]:
        """A stream as one JSON array, and errors as an array of one (wire.md D3)."""
        try:
            parts = elements.decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return self._fail(_unreadable(data))
        return [event for part in parts for event in self.decode(b"", bytes(part))]

    def _chunk(self, read: Chunk) -> Sequence[Event]:
        out: list[Event] = []
        if read.usage_metadata is not None:
            self._meter.read(read.usage_metadata)
            self.usage = self._meter.usage()
        if not self.started:
            self.started = True
            out.append(self._start(read))
        if read.prompt_feedback is not None and read.prompt_feedback.block_reason:
            self._blocked, self.done = read.prompt_feedback, True
        for candidate in read.candidates or ():
            index = candidate.index or 0
            reader = self._readers.get(index)
            if reader is None:
                reader = self._readers[index] = CandidateReader(index, self._id, self._model)
            reader.read(candidate, out)
            self._note(reader)
            if reader.empty and reader.broken:
                return self._fail(_given_up(reader))
        return out or (PING,)

    def _start(self, read: Chunk) -> Start:
        self._id, self._model = read.response_id or "", read.model_version or ""
        return Start(id=self._id, model=self._model, created=_seconds(read.create_time), usage=self.usage)

    def _note(self, reader: CandidateReader) -> None:
        if reader.finish:
            self.done = True
        if reader.searches > self._meter.searches:
            self._meter.searches = reader.searches
            self.usage = self._meter.usage()
        self._extra |= reader.extra

    def end(self) -> Sequence[Event]:
        if self._over:
            return ()
        out: list[Event] = []
        for reader in self._readers.values():
            reader.close(out)
        if error := self._broken():
            return [*out, *self._fail(error)]
        self._over = True
        out += [reader.stop() for reader in self._readers.values()]
        if not self._readers and self._blocked is not None:
            out += self._refusal(self._blocked)
        return [*out, Finish(usage=self.usage, extra=self._extra)]

    def _broken(self) -> PiscesError | None:
        if not self._readers and self._blocked is None:
            return UpstreamBroken("The upstream sent no answer.")
        if not self.done and not self._whole:
            return UpstreamBroken("The upstream broke off before it was done.")
        return None

    def _refusal(self, feedback: PromptFeedback) -> list[Event]:
        """The prompt itself was refused: an answer without candidates, with HTTP 200."""
        raw = word(feedback.block_reason, BLOCK)
        self._extra["promptFeedback"] = msgspec.json.encode({"blockReason": raw})
        return [Stop(reason="content_filter", raw=raw, detail=feedback.block_reason_message or "")]

    def _fail(self, error: PiscesError) -> Sequence[Event]:
        self._over = True
        return (Failed(error=error),)

    _id = _model = ""


def _seconds(time: str | None) -> int:
    try:
        return int(datetime.fromisoformat(time).timestamp()) if time else 0
    except ValueError:
        return 0


def _given_up(reader: CandidateReader) -> PiscesError:
    told, code = f"The model gave up: {reader.message or reader.finish}", reader.finish.lower()
    if reader.finish == "MISSING_THOUGHT_SIGNATURE":
        return ProofRefused(told, code=code)
    return AnswerMalformed(told, code=code) if reader.finish in MALFORMED else UpstreamBroken(told, code=code)


def _refused(data: bytes) -> PiscesError:
    return refusals.understand(200, {}, refusals.complaint_in(_decode(data)))


def _unreadable(data: bytes) -> PiscesError:
    found = refusals.complaint(data)
    if found is not None and found.message and not data.lstrip().startswith((b"{", b"[")):
        return refusals.understand(200, {}, found)
    return UpstreamBroken("The upstream sent something that is no answer.")
