"""What the demo can tell of a sound: how long it is, in words that have their times."""

from __future__ import annotations

import base64

from pisces_proxy.blobs import sniff
from pisces_proxy.errors import BadRequest
from pisces_proxy.media import Segment, Transcript, Transcription, Word
from pisces_proxy.pricing import Measures
from pisces_proxy.tokens import of_text
from pisces_proxy.usage import Usage

_RATE = 16_000  # bytes a second, where the file does not say how long it is
_NO_SOUND = ("image/", "application/pdf")


def listen(request: Transcription) -> Transcript:
    data = request.file.content()
    if sniff(base64.b64encode(data[:3072]).decode()).startswith(_NO_SOUND):
        raise BadRequest(
            "'file' is no sound. Send audio: wav, mp3, m4a, ogg, flac or webm.", param="file", code="invalid_value"
        )
    seconds = round(request.seconds if request.seconds is not None else len(data) / _RATE, 2)
    chinese = request.language.startswith("zh") and not request.translate
    text = f"这是一段 {seconds:.1f} 秒的录音。" if chinese else f"This is a recording of {seconds:.1f} seconds."
    heard = round(seconds * 10)
    return Transcript(
        text=text,
        language="en" if request.translate else request.language or "en",
        seconds=seconds,
        segments=(Segment(start=0.0, end=seconds, text=text),),
        words=_words(text, seconds),
        usage=Usage(input=heard, audio_input=heard, output=of_text(text)),
        measures=Measures(seconds=seconds),
    )


def _words(text: str, seconds: float) -> tuple[Word, ...]:
    """Each as long as the others."""
    words = text.split()
    each = seconds / len(words)
    return tuple(Word(start=round(at * each, 2), end=round((at + 1) * each, 2), word=word) for at, word in enumerate(words))
