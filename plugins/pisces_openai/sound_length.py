"""How long a sound file is, by its own header: what transcriptions are billed by, whoever says otherwise."""

from __future__ import annotations

import io
import math
from typing import BinaryIO

from tinytag import TinyTag

from pisces_proxy.media import Asset

LONGEST = 48 * 3600.0  # a header that claims more is not believed


def seconds_of(asset: Asset) -> float | None:
    """None where the container does not say (a raw stream, WebM), or where nothing is here yet (a URL)."""
    if asset.file is not None:
        with asset.file.open() as file:
            return _told(file)
    return _told(io.BytesIO(asset.data)) if asset.data else None


def _told(file: BinaryIO) -> float | None:
    plain = file.read(4) == b"RIFF"
    file.seek(0)
    try:
        tag = TinyTag.get(file_obj=file, tags=False, duration=True)
    except Exception:  # whatever a broken file makes of the parser, it is no more than a length unknown
        return None
    return _believed(tag.duration, _room(tag) if plain else None)


def _room(tag: TinyTag) -> float | None:
    """The seconds that there are bytes for; of other containers than WAV the rate is a guess."""
    return tag.filesize * 8 / (tag.bitrate * 1000) if tag.bitrate and tag.filesize else None


def _believed(seconds: float | None, room: float | None) -> float | None:
    """A header written before the end was known says nothing, or four gigabytes (OpenAI's own WAV): then the bytes count."""
    if not seconds or not math.isfinite(seconds) or seconds < 0:
        seconds = room
    elif room is not None:
        seconds = min(seconds, room)
    return round(seconds, 3) if seconds is not None and 0 < seconds <= LONGEST else None
