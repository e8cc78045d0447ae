"""A voice of plain tones: as long as somebody would need to say it, each letter with a pitch of its own."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.media import MIMES, Asset, Sound, Speech, wav
from pisces_proxy.pricing import Measures
from pisces_proxy.tokens import of_text
from pisces_proxy.usage import Usage

from . import mp3

LONGEST = 4096  # letters, as OpenAI's models
_NARROW, _WIDE = 1 / 15, 1 / 4.5  # seconds that a letter takes
_STEP = mp3.RATE / mp3.SAMPLES  # Hz: pitches with whole waves in a frame, so that frames meet without a click
_OPENAIS = ("tts-1", "gpt-4o-mini-tts")  # these speak MP3 where nobody says what


def speak(request: Speech, model: str) -> Sound:
    if len(request.text) > LONGEST:
        said = f"'input' has {len(request.text)} characters; the demo speaks at most {LONGEST}."
        raise BadRequest(said, param="input", code="string_above_max_length")
    pitches = list(_pitches(request))
    asset = _written(pitches, request.format or ("mp3" if model.lower().startswith(_OPENAIS) else "wav"))
    seconds = round(len(pitches) * mp3.SAMPLES / mp3.RATE, 3)
    heard = round(seconds * 20)
    return Sound(
        audio=asset,
        seconds=seconds,
        usage=Usage(input=of_text(request.text), output=heard, audio_output=heard),
        measures=Measures(characters=len(request.text), seconds=seconds),
    )


def _written(pitches: list[float], format: str) -> Asset:
    match format:
        case "mp3":
            return Asset(data=mp3.write(pitches), mime=MIMES["mp3"])
        case "wav":
            return Asset(data=wav(_waves(pitches), mp3.RATE), mime=MIMES["wav"])
        case "pcm":
            return Asset(data=_waves(pitches), mime=MIMES["pcm"])
        case _:
            said = f"The demo speaks wav, pcm and mp3, not {format}."
            raise Unsupported(said, param="response_format", code="invalid_value")


def _pitches(request: Speech) -> Iterator[float]:
    """One for each frame; the voice moves them all."""
    lift = sum(request.voice.encode()) % 4
    frames, due = 0, 0.0
    for letter in request.text:
        due += (_WIDE if letter > "⺀" else _NARROW) / (request.speed or 1.0)
        while frames * mp3.SAMPLES / mp3.RATE < due:
            frames += 1
            yield _STEP * (4 + lift + ord(letter.lower()) % 9) if letter.isalnum() else 0.0


def _waves(pitches: list[float]) -> bytes:
    made: dict[float, bytes] = {0.0: bytes(2 * mp3.SAMPLES)}
    for pitch in set(pitches) - {0.0}:
        turn = 2 * math.pi * pitch / mp3.RATE
        samples = (round(6000 * math.sin(turn * at) + 2000 * math.sin(2 * turn * at)) for at in range(mp3.SAMPLES))
        made[pitch] = struct.pack(f"<{mp3.SAMPLES}h", *samples)
    return b"".join([made[pitch] for pitch in pitches])
