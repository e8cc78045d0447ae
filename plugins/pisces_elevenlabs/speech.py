"""The wire `elevenlabs.speech` (wire.md F5, https://elevenlabs.io/docs/api-reference/text-to-speech/convert)."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from pisces_proxy import media
from pisces_proxy.answers import unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.inputs import lost, own_members
from pisces_proxy.media import MIMES, Asset, Sound
from pisces_proxy.plans import Ask, Got, Plan, leaving
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import NOTHING, Measures
from pisces_proxy.usage import Usage

from .dialect import ElevenWire
from .voices import voice_id

_encode = msgspec.json.Encoder().encode
_RATE = 24_000
# `wav` is made here: the plans that may ask for it are few
_FORMATS = {"mp3": "mp3_44100_128", "opus": "opus_48000_128", "pcm": f"pcm_{_RATE}", "wav": f"pcm_{_RATE}"}
_SETTINGS = frozenset(("stability", "similarity_boost", "style", "use_speaker_boost"))
_OWN = _SETTINGS | {
    "voice_settings", "seed", "previous_text", "next_text", "apply_text_normalization", "pronunciation_dictionary_locators",
}  # fmt: skip
_SLOWEST, _FASTEST = 0.7, 1.2


class ElevenSpeech(ElevenWire):
    name: ClassVar[str] = "elevenlabs.speech"
    kind: ClassVar[str] = "speech"

    def plan(self, request: media.Speech, model: str, profile: Profile) -> Plan[Sound]:
        _check_length(request.text, profile)
        format = _format(request.format)
        body, losses = _body(request, model)
        path = f"/{quote(voice_id(request.voice), safe='')}?output_format={_FORMATS[format]}"
        yield from leaving(losses)
        got = yield Ask(path=path, body=_encode({**profile.defaults, **body}))
        if not got.body or got.mime == "application/json":
            raise unreadable(got.body, "sound")
        measures = _cost(got)
        return Sound(
            audio=_audio(got.body, format),
            seconds=round(len(got.body) / (2 * _RATE), 3) if format in ("wav", "pcm") else None,
            usage=None if measures is NOTHING else Usage(),
            measures=measures,
        )


def _check_length(text: str, profile: Profile) -> None:
    if profile.text_max is not None and len(text) > profile.text_max:
        said = f"'input' has {len(text)} characters; this model speaks at most {profile.text_max} at a time. Split it."
        raise BadRequest(said, param="input", code="string_above_max_length")


def _format(wanted: str) -> str:
    if wanted and wanted not in _FORMATS:
        said = f"This model speaks {', '.join(_FORMATS)}, not {wanted}: set `response_format` to one of them."
        raise Unsupported(said, param="response_format", code="unsupported_value")
    return wanted or "mp3"


def _body(request: media.Speech, model: str) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    own, strangers = own_members(request.extra, _OWN)
    losses = [*strangers, *(lost(("instructions",), "the voice speaks its own way") if request.instructions else ())]
    given = own.pop("voice_settings", {})
    settings = {**(given if isinstance(given, dict) else {}), **{name: own.pop(name) for name in _SETTINGS & own.keys()}}
    if request.speed not in (None, 1.0):
        settings["speed"], changed = _speed(request.speed or 1.0)
        losses += changed
    body = {"text": request.text, "model_id": model, **({"voice_settings": settings} if settings else {}), **own}
    return {**body, **({"language_code": request.language} if request.language else {})}, tuple(losses)


def _speed(wanted: float) -> tuple[float, list[Loss]]:
    speed = min(max(wanted, _SLOWEST), _FASTEST)
    changed = Loss("speed", "changed", f"the model speaks at {_SLOWEST} to {_FASTEST}")
    return speed, [] if speed == wanted else [changed]


def _audio(data: bytes, format: str) -> Asset:
    return Asset(data=media.wav(data, _RATE) if format == "wav" else data, mime=MIMES[format])


def _cost(got: Got) -> Measures:
    """Characters as they are billed: the quick models count half."""
    cost = got.headers.get("character-cost", "")
    return Measures(characters=int(cost)) if cost.isdigit() and int(cost) else NOTHING
