"""What upstreams heard, read from the answers of all that speak OpenAI's format or nearly so."""

from __future__ import annotations

from typing import Any

import msgspec

from pisces_proxy import answers
from pisces_proxy.media import Segment, Transcript, Word
from pisces_proxy.mediawire import Counted
from pisces_proxy.pricing import NOTHING, Measures
from pisces_proxy.usage import Usage


class _Heard(msgspec.Struct):
    audio_tokens: int | None = None


class _Usage(msgspec.Struct):
    type: str = ""
    seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_token_details: _Heard | None = None
    prompt_tokens: int | None = None  # Mistral, with the seconds beside
    completion_tokens: int | None = None
    prompt_tokens_details: _Heard | None = None
    prompt_audio_seconds: float | None = None

    def tokens(self) -> Usage | None:
        came = self.prompt_tokens if self.input_tokens is None else self.input_tokens
        went = self.completion_tokens if self.output_tokens is None else self.output_tokens
        if self.type == "duration" or (came is None and went is None):
            return None
        details = self.input_token_details or self.prompt_tokens_details
        heard = min(details.audio_tokens or 0 if details is not None else came or 0, came or 0)
        return Usage(input=came or 0, audio_input=heard, output=went or 0)

    def length(self) -> float | None:
        return self.prompt_audio_seconds if self.seconds is None else self.seconds


class _Segment(msgspec.Struct):
    start: float = 0.0
    end: float = 0.0
    text: str = ""
    speaker: str | None = None
    speaker_id: str | None = None  # Mistral


class _Answer(msgspec.Struct):
    text: str | None = None
    language: str | None = None
    duration: float | str | None = None  # whisper-1 has said it as a string
    segments: list[msgspec.Raw] | None = None
    words: list[Word] | None = None
    logprobs: Any = None
    usage: msgspec.Raw = msgspec.Raw(b"")  # read on its own: vendors count in units of their own


_answer = msgspec.json.Decoder(_Answer)
_segment = msgspec.json.Decoder(_Segment)
_members = msgspec.json.Decoder(dict[str, Any])
_usage = msgspec.json.Decoder(_Usage)


def decode(body: bytes) -> Transcript:
    """Raises the error that a 200 may hold."""
    said = _read(body)
    usage, seconds = counts(said.usage)
    length = _number(said.duration) or seconds
    return Transcript(
        text=said.text or "",
        language=said.language or "",
        seconds=length,
        segments=tuple(_one(raw) for raw in said.segments or ()),
        words=tuple(said.words or ()),
        logprobs=said.logprobs,
        usage=usage,
        measures=Measures(seconds=seconds or length or 0.0) if seconds or length else NOTHING,
    )


def count(body: bytes, seconds: float | None) -> Counted:
    """What a JSON answer was worth; `seconds` as the file's own header has it, for those that do not say."""
    said = _read(body)
    usage, heard = counts(said.usage)
    length = heard or _number(said.duration) or seconds
    return Counted(usage=usage, measures=Measures(seconds=length) if length else NOTHING)


def counts(raw: msgspec.Raw) -> tuple[Usage | None, float | None]:
    """Tokens and seconds, as far as an upstream counts them."""
    if bytes(raw) in (b"", b"null"):
        return None, None
    try:
        usage = _usage.decode(raw)
    except msgspec.MsgspecError:
        return None, None
    return usage.tokens(), usage.length()


def _read(body: bytes) -> _Answer:
    said = answers.read(_answer, body, "transcript")
    if said.text is None and not said.segments:
        raise answers.unreadable(body, "transcript")
    return said


def _one(raw: msgspec.Raw) -> Segment:
    try:
        said = _segment.decode(raw)
        more = _members.decode(raw)
    except msgspec.MsgspecError:
        return Segment(start=0.0, end=0.0, text="")
    return Segment(start=said.start, end=said.end, text=said.text, speaker=said.speaker or said.speaker_id or "", more=more)


def _number(value: float | str | None) -> float | None:
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None
