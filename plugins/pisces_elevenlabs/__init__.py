"""ElevenLabs: speech and transcripts."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Dialect, Provider

from .speech import ElevenSpeech
from .transcriptions import ElevenTranscriptions


class ElevenLabs(Provider):
    name = "elevenlabs"
    base_url = "https://api.elevenlabs.io/v1"
    wires = {"elevenlabs.speech": "/text-to-speech", "elevenlabs.transcriptions": "/speech-to-text"}
    auth = "xi-api-key"
    # https://elevenlabs.io/docs/models: characters of one request
    models = {
        "eleven_v3": {"text_max": 5_000},
        "eleven_multilingual_v2": {"text_max": 10_000},
        "eleven_flash_v2": {"text_max": 30_000},
        "eleven_turbo_v2": {"text_max": 30_000},
        "eleven_flash_v2_5": {"text_max": 40_000},
        "eleven_turbo_v2_5": {"text_max": 40_000},
    }
    offers = ("eleven_v3", "eleven_multilingual_v2", "eleven_flash_v2_5", "scribe_v2", "scribe_v1")
    summary = "ElevenLabs: speech (by the name or id of a voice), transcripts"


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [ElevenSpeech(), ElevenTranscriptions()]


@hookimpl
def pisces_providers() -> list[Provider]:
    return [ElevenLabs()]
