"""Sound as upstreams give it, and what can be made of it here: WAV is PCM behind a header, and the other way round."""

from __future__ import annotations

import base64

import msgspec

from pisces_proxy import answers, blobs
from pisces_proxy.errors import Unsupported
from pisces_proxy.media import MIMES, Asset, wav
from pisces_proxy.mediawire import Watcher
from pisces_proxy.plans import Got
from pisces_proxy.plugin import Profile

RATE = 24_000  # of OpenAI's raw PCM: 16 bits, one channel
_TWINS = {"wav": "pcm", "pcm": "wav"}
_PCM = ("audio/pcm", "audio/l16", "audio/x-pcm", "audio/raw")
_WAV = ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")


_APOLOGY = 64 * 1024  # bytes in which an error has told itself


class SoundWatcher(Watcher):
    """Bare bytes as they come. What begins like JSON is an error under a 200 (S3-82: never told as sound)."""

    def __init__(self) -> None:
        self._held: bytes | None = b""

    def feed(self, data: bytes) -> bytes:
        if self._held is None:
            return data
        self._held += data
        if not b'{"'.startswith(self._held[:2]) or len(self._held) > _APOLOGY:
            return self._released()
        if _is_json(self._held):
            self.failure = answers.unreadable(self._held, "sound")
        return b""

    def end(self) -> bytes:
        return b"" if self.failure is not None else self._released()

    def _released(self) -> bytes:
        held, self._held = self._held or b"", None
        return held


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


class _Spoken(msgspec.Struct):
    audio_data: str | None = None
    audio: str | None = None


_spoken = msgspec.json.Decoder(_Spoken)


def format_for(wanted: str, profile: Profile) -> str:
    """The format to ask an upstream for; empty for its own. Raises Unsupported for what it does not make."""
    known = profile.speech_formats
    if not wanted or known is None or wanted in known:
        return wanted
    if _TWINS.get(wanted) in known:
        return _TWINS[wanted]
    raise Unsupported(
        f"This model does not make {wanted}. Use one of: {', '.join(known)}.", param="response_format", code="invalid_value"
    )


def read(got: Got, asked: str) -> Asset:
    """The sound of an answer: bytes, or base64 in JSON (Mistral). Raises the error that a 200 may hold."""
    if got.mime.endswith("json") or got.body[:1] == b"{":
        return _in_json(got.body, asked)
    if not got.body or got.mime.startswith("text/"):
        raise answers.unreadable(got.body, "sound")
    return Asset(data=got.body, mime=got.headers["content-type"] if got.mime.startswith("audio/") else MIMES[asked])


def _in_json(body: bytes, asked: str) -> Asset:
    try:
        said = _spoken.decode(body)
        data = base64.b64decode(said.audio_data or said.audio or "", validate=True)
    except (msgspec.MsgspecError, RecursionError, ValueError):  # no JSON, no UTF-8, no base64
        data = b""
    if not data:
        raise answers.unreadable(body, "sound")
    shown = blobs.sniff(base64.b64encode(data[:512]).decode())
    return Asset(data=data, mime=shown or MIMES[asked])


def as_format(audio: Asset, wanted: str) -> Asset:
    """The same sound as WAV or PCM where that was wanted; else as it is, under its true name."""
    mime = audio.mime.partition(";")[0].strip().lower()
    if wanted == "wav" and mime in _PCM:
        return Asset(data=wav(audio.content(), _rate(audio.mime)), mime=MIMES["wav"])
    if wanted == "pcm" and mime in _WAV:
        return Asset(data=samples(audio.content()), mime=MIMES["pcm"])
    return audio


def _rate(mime: str) -> int:
    """`audio/L16;rate=16000` says its rate."""
    said = mime.lower().partition("rate=")[2].partition(";")[0].strip()
    return int(said) if said.isdigit() else RATE


def samples(data: bytes) -> bytes:
    """What lies behind a RIFF header; chunks may stand before it, and a streamed header does not know the length."""
    at = 12
    while data[:4] == b"RIFF" and at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return data
