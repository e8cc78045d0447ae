"""The wire `minimax.speech`: POST /t2a_v2, sound in hexadecimal (wire.md F5, H132).

https://platform.minimax.io/docs/api-reference/speech-t2a-http
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pisces_proxy import media
from pisces_proxy.answers import read, unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.inputs import own_members
from pisces_proxy.media import MIMES, Asset, Sound
from pisces_proxy.plans import Ask, Plan, leaving
from pisces_proxy.plugin import MediaWire, Profile
from pisces_proxy.pricing import Measures

from .dialect import BaseResp, bare, encode, refused

_FORMATS = ("mp3", "wav", "flac", "pcm")
_RATES = {"pcm": 24_000}  # what OpenAI's clients play raw samples at; else its own 32 kHz
_SLOWEST, _FASTEST = 0.5, 2.0
_VOICE = frozenset({"vol", "pitch", "emotion", "latex_read", "text_normalization"})
_AUDIO = frozenset({"sample_rate", "bitrate", "channel"})
_TOP = frozenset(
    {"language_boost", "pronunciation_dict", "timbre_weights", "voice_modify", "aigc_watermark", "english_normalization"}
)
_LANGUAGES = {
    "zh": "Chinese", "yue": "Chinese,Yue", "en": "English", "ar": "Arabic", "ru": "Russian", "es": "Spanish", "fr": "French",
    "pt": "Portuguese", "de": "German", "tr": "Turkish", "nl": "Dutch", "uk": "Ukrainian", "vi": "Vietnamese",
    "id": "Indonesian", "ja": "Japanese", "it": "Italian", "ko": "Korean", "th": "Thai", "pl": "Polish", "hi": "Hindi",
}  # fmt: skip


class _Data(msgspec.Struct):
    audio: str | None = None


class _Facts(msgspec.Struct):
    audio_length: float | None = None  # milliseconds
    usage_characters: int | None = None
    audio_format: str = ""


class _Answer(msgspec.Struct):
    data: _Data | None = None
    extra_info: _Facts | None = None
    base_resp: BaseResp = BaseResp()


_answer = msgspec.json.Decoder(_Answer)


class Speech(MediaWire):
    name: ClassVar[str] = "minimax.speech"
    protocol: ClassVar[str] = "minimax"
    kind: ClassVar[str] = "speech"

    def plan(self, request: media.Speech, model: str, profile: Profile) -> Plan[Sound]:
        wanted = request.format or "mp3"
        if wanted not in _FORMATS:
            message = f"This model speaks {', '.join(_FORMATS)}, not {wanted}: set `response_format` to one of them."
            raise Unsupported(message, param="response_format", code="unsupported_value")
        body, losses = _body(request, model, wanted)
        yield from leaving(losses)
        got = yield Ask(body=encode(body))
        return _read(got.body, request, wanted)


def _body(request: media.Speech, model: str, wanted: str) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    own, strangers = own_members(request.extra, _VOICE | _AUDIO | _TOP)
    losses = list(strangers)
    voice: dict[str, Any] = {"voice_id": request.voice, "speed": _speed(request, losses), "vol": 1, "pitch": 0}
    audio: dict[str, Any] = {"sample_rate": _RATES.get(wanted, 32_000), "bitrate": 128_000, "format": wanted, "channel": 1}
    body = {
        "model": bare(model),
        "text": request.text,
        "stream": False,
        "voice_setting": voice | {name: value for name, value in own.items() if name in _VOICE},
        "audio_setting": audio | {name: value for name, value in own.items() if name in _AUDIO},
        "output_format": "hex",
    }
    if request.language:
        body["language_boost"] = _LANGUAGES.get(request.language.lower().partition("-")[0], request.language)
    if request.instructions:
        losses.append(Loss(field="instructions", action="dropped", reason="the model takes an `emotion` instead"))
    return body | {name: value for name, value in own.items() if name in _TOP}, tuple(losses)


def _speed(request: media.Speech, losses: list[Loss]) -> float:
    wanted = 1.0 if request.speed is None else request.speed
    speed = min(max(wanted, _SLOWEST), _FASTEST)
    if speed != wanted:
        losses.append(Loss(field="speed", action="changed", reason=f"spoken at {speed:g}: the model goes no further"))
    return speed


def _read(body: bytes, request: media.Speech, wanted: str) -> Sound:
    answer = read(_answer, body, "sound")
    if answer.base_resp.status_code:
        raise refused(body)
    data = _decoded(answer.data.audio if answer.data else None)
    if not data:
        raise unreadable(body, "sound")
    facts = answer.extra_info or _Facts()
    seconds = facts.audio_length / 1000 if facts.audio_length else None
    measures = Measures(characters=facts.usage_characters or len(request.text), seconds=seconds or 0.0)
    mime = MIMES.get(facts.audio_format, MIMES[wanted])
    return Sound(audio=Asset(data=data, mime=mime), seconds=seconds, measures=measures)


def _decoded(audio: str | None) -> bytes:
    try:
        return bytes.fromhex(audio or "")
    except ValueError:
        return b""
