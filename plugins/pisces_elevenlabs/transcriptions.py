"""The wire `elevenlabs.transcriptions` (wire.md F6, https://elevenlabs.io/docs/api-reference/speech-to-text/convert).

Scribe tells words; segments are made of them here: a sentence, a speaker's turn, or what lies between two pauses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from pisces_proxy import media
from pisces_proxy.answers import read
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.forms import Form, FormPart, Held
from pisces_proxy.inputs import lost, own_members
from pisces_proxy.media import Asset, Segment, Transcript
from pisces_proxy.plans import Ask, Plan, leaving
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import NOTHING, Measures

from .dialect import ElevenWire

_encode = msgspec.json.Encoder().encode
_OWN = frozenset(
    ("tag_audio_events", "num_speakers", "diarize", "diarization_threshold", "seed", "keyterms", "entity_detection")
)
_PAUSE = 1.0  # seconds of silence that end a segment
_ENDS = (".", "!", "?", "…", "。", "！", "？")


class _Word(msgspec.Struct):
    text: str = ""
    start: float | None = None
    end: float | None = None
    type: str = "word"
    speaker_id: str | None = None


class _Answer(msgspec.Struct):
    text: str
    language_code: str | None = None
    words: list[_Word] | None = None
    audio_duration_secs: float | None = None


_answer = msgspec.json.Decoder(_Answer)


class ElevenTranscriptions(ElevenWire):
    name: ClassVar[str] = "elevenlabs.transcriptions"
    kind: ClassVar[str] = "transcription"

    def plan(self, request: media.Transcription, model: str, profile: Profile) -> Plan[Transcript]:
        if request.translate:
            raise Unsupported("This model does not translate. Use /v1/audio/transcriptions.", param="model")
        fields, losses = _fields(request, model, profile)
        parts = tuple(FormPart(name=name, value=value) for name, value in fields)
        yield from leaving(losses)
        got = yield Ask(body=Form((*parts, _file(request.file))))
        return _told(read(_answer, got.body, "transcript"), request)


def _fields(request: media.Transcription, model: str, profile: Profile) -> tuple[list[tuple[str, str]], tuple[Loss, ...]]:
    own, strangers = own_members(request.extra, _OWN)
    named: dict[str, Any] = {
        "model_id": model,
        "tag_audio_events": False,  # they would stand in the text, as (laughter)
        "language_code": request.language or None,
        "temperature": request.temperature,
        "diarize": True if request.format == "diarized_json" else None,
        **profile.defaults,
        **own,
    }
    unheard = [name for name, value in (("prompt", request.prompt), ("include", request.include)) if value]
    fields = [
        (name, each if isinstance(each, str) else _encode(each).decode())
        for name, value in named.items()
        for each in (value if isinstance(value, list | tuple) else (value,))
        if each is not None
    ]
    return fields, (*strangers, *lost(unheard, "the model has no such choice"))


def _file(asset: Asset) -> FormPart:
    file = asset.file or Held(asset.data)
    return FormPart(name="file", file=file, filename=asset.filename or "audio", mime=asset.mime or "application/octet-stream")


# -- what was heard ----------------------------------------------------------------------------------------------------


def _told(heard: _Answer, request: media.Transcription) -> Transcript:
    spoken = [word for word in heard.words or () if word.start is not None and word.end is not None]
    words = tuple(media.Word(start=w.start or 0.0, end=w.end or 0.0, word=w.text) for w in spoken if w.type == "word")
    seconds = heard.audio_duration_secs or request.seconds or (words[-1].end if words else None)
    return Transcript(
        text=heard.text,
        language=heard.language_code or "",
        seconds=seconds,
        segments=tuple(_segments(spoken)),
        words=words if "word" in request.granularities else (),
        measures=Measures(seconds=round(seconds, 3)) if seconds else NOTHING,
    )


def _segments(words: list[_Word]) -> Iterator[Segment]:
    held: list[_Word] = []
    for word in words:
        if held and word.type != "spacing" and _breaks(held, word):
            yield _segment(held)
            held = []
        if held or word.type != "spacing":
            held.append(word)
    if held:
        yield _segment(held)


def _breaks(held: list[_Word], word: _Word) -> bool:
    spoken = [each for each in held if each.type != "spacing"]
    last = spoken[-1]
    paused = (word.start or 0.0) - (last.end or 0.0) >= _PAUSE
    return paused or word.speaker_id != last.speaker_id or last.text.endswith(_ENDS)


def _segment(held: list[_Word]) -> Segment:
    spoken = [each for each in held if each.type != "spacing"]
    text = "".join(each.text for each in held).strip()
    return Segment(start=spoken[0].start or 0.0, end=spoken[-1].end or 0.0, text=text, speaker=spoken[0].speaker_id or "")
