"""The wire `gemini.speech`: a text spoken by Gemini's speech models, which answer with raw samples (wire.md F5)."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.media import MIMES, Asset, Sound, Speech, wav
from pisces_proxy.plans import Plan, leaving
from pisces_proxy.plugin import Profile

from .asked import Made, asking
from .google import SPEECH
from .media_dialect import GeminiMedia

RATE = 24_000
# what clients say who know OpenAI's voices only: https://ai.google.dev/gemini-api/docs/speech-generation#voices
_VOICES = {
    "alloy": "Kore", "ash": "Charon", "ballad": "Algieba", "cedar": "Iapetus", "coral": "Aoede", "echo": "Puck",
    "fable": "Fenrir", "marin": "Sulafat", "nova": "Leda", "onyx": "Orus", "sage": "Despina", "shimmer": "Zephyr",
    "verse": "Enceladus",
}  # fmt: skip
_DEFAULT = "Kore"
_RATE = re.compile(r"rate=(\d+)")
_RAW = ("audio/l16", "audio/pcm", "audio/raw", "audio/x-raw")


class GeminiSpeech(GeminiMedia):
    """For upstreams."""

    name: ClassVar[str] = SPEECH
    kind: ClassVar[str] = "speech"

    def plan(self, request: Speech, model: str, profile: Profile) -> Plan[Sound]:
        if request.format not in ("", "wav", "pcm"):
            said = f"This model does not make {request.format}. Use one of: wav, pcm."
            raise Unsupported(said, param="response_format", code="invalid_value")
        ask = asking([{"text": _text(request)}], _config(request), profile)
        yield from leaving(_losses(request))
        made = Made((yield ask).body, "sound")
        if not made.assets:
            raise made.refusal()
        audio, seconds = _sound(made.assets, request.format)
        return Sound(audio=audio, seconds=seconds, usage=made.usage)


def _text(request: Speech) -> str:
    """How to speak is said in words, before what is to be spoken."""
    return f"{request.instructions.strip().rstrip(':')}:\n{request.text}" if request.instructions.strip() else request.text


def _config(request: Speech) -> dict[str, Any]:
    voice = _VOICES.get(request.voice.lower(), request.voice) or _DEFAULT
    spoken: dict[str, Any] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
    if request.language:
        spoken["languageCode"] = request.language
    return {"responseModalities": ["AUDIO"], "speechConfig": spoken}


def _losses(request: Speech) -> list[Loss]:
    losses = []
    if request.speed not in (None, 1.0):
        losses.append(Loss(field="speed", action="dropped", reason="say in the instructions how fast to speak"))
    if voice := _VOICES.get(request.voice.lower()):
        losses.append(Loss(field="voice", action="changed", reason=f"spoken by {voice}"))
    return losses


def _sound(assets: tuple[Asset, ...], wanted: str) -> tuple[Asset, float | None]:
    """Samples as they come, or behind a header. A long text may come in several parts."""
    first = assets[0]
    mime = first.mime.partition(";")[0].strip().lower()
    if mime not in _RAW:
        return first, None
    samples = b"".join(asset.data for asset in assets)
    found = _RATE.search(first.mime)
    rate = int(found[1]) if found else RATE
    seconds = len(samples) / 2 / rate
    if wanted == "pcm":
        return Asset(data=samples, mime=MIMES["pcm"]), seconds
    return Asset(data=wav(samples, rate), mime=MIMES["wav"]), seconds
