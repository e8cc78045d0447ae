"""Transcripts as events (wire.md F6): written for clients, read along where they pass."""

from __future__ import annotations

from typing import Any

from pisces_proxy import media
from pisces_proxy.errors import PiscesError
from pisces_proxy.media import Transcript, Transcription
from pisces_proxy.mediawire import MediaEncoder
from pisces_proxy.plugin import Reply
from pisces_proxy.pricing import Measures

from . import transcripts_answer
from .media_events import DONE, Event, EventWatcher, event, failed
from .transcript_formats import SEGMENT, turns, usage_told


class TranscriptEncoder(MediaEncoder):
    """Segment by segment where there are some, then the whole."""

    def __init__(self, request: Transcription, reply: Reply) -> None:
        self._request = request
        self._extension = reply.extension

    def result(self, result: media.Result) -> bytes:
        assert isinstance(result, Transcript)
        told = [self._diarized(result) if self._request.format == "diarized_json" else self._deltas(result)]
        members: dict[str, Any] = {"text": result.text}
        if result.logprobs is not None:
            members["logprobs"] = result.logprobs
        if usage := usage_told(result):
            members["usage"] = usage
        told += [event("transcript.text.done", members, self._extension, named=False), DONE]
        return b"".join(told)

    def _deltas(self, result: Transcript) -> bytes:
        parts = [segment.text for segment in result.segments]
        if "".join(parts) != result.text:
            parts = [result.text]
        return b"".join(event("transcript.text.delta", {"delta": part}, self._extension, named=False) for part in parts if part)

    def _diarized(self, result: Transcript) -> bytes:
        return b"".join(event(SEGMENT, turn, self._extension, named=False) for turn in turns(result))

    def failed(self, error: PiscesError) -> bytes:
        return failed(error, self._extension)


class TranscriptWatcher(EventWatcher):
    def __init__(self, reply: Reply, seconds: float | None) -> None:
        super().__init__(reply)
        self._seconds = seconds

    def see(self, event: Event) -> None:
        if event.type == "transcript.text.done":
            self.done = True
            self.usage, heard = transcripts_answer.counts(event.usage)
            if length := heard or self._seconds:
                self.measures = Measures(seconds=length)
