"""ElevenLabs' own voices by name: its API knows their ids only. Any other word is taken for an id."""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT = "rachel"
_VOICES: Mapping[str, str] = {
    "rachel": "21m00Tcm4TlvDq8ikWAM",
    "aria": "9BWtsMINqrJLrRacOk9x",
    "roger": "CwhRBWXzGAP8TJoiNSbb",
    "sarah": "EXAVITQu4vr4xnSDxMaL",
    "laura": "FGY2WhTYpPnrIDTdsKH5",
    "charlie": "IKne3meq5aSn9XLyUdCD",
    "george": "JBFqnCBsd6RMkjVDRZzb",
    "callum": "N2lVS1w4EtoT3dr4eOWO",
    "river": "SAz9YHcvj6GT2YYXdXww",
    "liam": "TX3LPaxmHKxFdv7VOQHJ",
    "charlotte": "XB0fDUnXU5powFXDhCwa",
    "alice": "Xb7hH8MSUJpSbSDYk0k2",
    "matilda": "XrExE9yKIg1WjnnlVkGX",
    "jessica": "cgSgspJ2msm6clMCkdW9",
    "eric": "cjVigY5qzO86Huf0OWal",
    "chris": "iP95p4xoKVk53GoZ742B",
    "brian": "nPczCjzI2devNBz1zQrb",
    "daniel": "onwK4e9ZLuTAKqWW03F9",
    "lily": "pFZP5JQG7iQjIQuC4Bku",
    "bill": "pqHfZKP75CvOlQylNhV4",
}


def voice_id(voice: str) -> str:
    return _VOICES.get((voice or DEFAULT).lower(), voice)
