"""The wire `dashscope.speech`: Qwen's voices (wire.md F5, https://www.alibabacloud.com/help/en/model-studio/qwen-tts-api).

They speak WAV of 24 kHz, which is what a client gets that names no format; PCM is the same without its header.
"""

from __future__ import annotations

import base64
from typing import Any, ClassVar

import msgspec

from pisces_proxy import blobs, media
from pisces_proxy.answers import read, unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import PiscesError, Unsupported
from pisces_proxy.inputs import own_members
from pisces_proxy.media import MIMES, Asset, Sound
from pisces_proxy.plans import Ask, Plan, leaving
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import Measures
from pisces_proxy.usage import Usage

from .dialect import MULTIMODAL, DashScopeWire, collected, encode
from .sound import wave

_FORMATS = ("wav", "pcm")
_KNOWN = frozenset({"language_type", "optimize_instructions"})
_LANGUAGES = {
    "zh": "Chinese", "en": "English", "de": "German", "it": "Italian", "pt": "Portuguese", "es": "Spanish", "ja": "Japanese",
    "ko": "Korean", "fr": "French", "ru": "Russian",
}  # fmt: skip


class _Audio(msgspec.Struct):
    url: str | None = None
    data: str | None = None


class _Output(msgspec.Struct):
    audio: _Audio | None = None


class _Counts(msgspec.Struct):
    characters: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class _Answer(msgspec.Struct):
    output: _Output
    usage: _Counts | None = None


_answer = msgspec.json.Decoder(_Answer)


class Speech(DashScopeWire):
    name: ClassVar[str] = "dashscope.speech"
    kind: ClassVar[str] = "speech"

    def plan(self, request: media.Speech, model: str, profile: Profile) -> Plan[Sound]:
        if request.format and request.format not in _FORMATS:
            raise _no_format(request.format)
        spoken, losses = _input(request, model)
        yield from leaving(losses)
        got = yield Ask(path=MULTIMODAL, body=encode({"model": model, "input": spoken}))
        answer = read(_answer, got.body, "sound")
        audio = answer.output.audio or _Audio()
        if audio.url:
            file = yield from collected(audio.url)
            data = file.body
        else:
            data = _decoded(audio.data or "")
        if not data:
            raise unreadable(got.body, "sound")
        return _sound(data, request, answer.usage or _Counts())


def _no_format(wanted: str) -> PiscesError:
    message = f"This model speaks wav and pcm, not {wanted}: leave `response_format` away, or set it to one of them."
    return Unsupported(message, param="response_format", code="unsupported_value")


def _input(request: media.Speech, model: str) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    own, losses = own_members(request.extra, _KNOWN)
    spoken: dict[str, Any] = {"text": request.text, "voice": request.voice or "Cherry"}
    language = _LANGUAGES.get(request.language.lower().partition("-")[0], request.language)
    spoken["language_type"] = language or "Auto"
    told = list(losses)
    if request.instructions and "instruct" in model.lower():
        spoken["instructions"] = request.instructions
    elif request.instructions:
        told.append(Loss(field="instructions", action="dropped", reason="only the -instruct- models take them"))
    if request.speed not in (None, 1.0):
        told.append(Loss(field="speed", action="dropped", reason="this model chooses its own pace"))
    return {**spoken, **own}, tuple(told)


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        return b""


def _sound(data: bytes, request: media.Speech, counts: _Counts) -> Sound:
    samples, seconds = wave(data) or (None, None)
    if samples is not None and request.format == "pcm":
        audio = Asset(data=samples, mime=MIMES["pcm"])
    else:
        shown = blobs.sniff(base64.b64encode(data[:512]).decode())
        audio = Asset(data=data, mime=MIMES["wav"] if samples is not None else shown or MIMES["wav"])
    # Qwen3 bills by characters, of which a Chinese one counts twice; the older voices by tokens
    measures = Measures(characters=counts.characters or len(request.text), seconds=seconds or 0.0)
    return Sound(audio=audio, seconds=seconds, usage=_usage(counts), measures=measures)


def _usage(counts: _Counts) -> Usage | None:
    if counts.input_tokens is None and counts.output_tokens is None:
        return None
    spoken = counts.output_tokens or 0
    return Usage(input=counts.input_tokens or 0, output=spoken, audio_output=spoken)
