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
    try:
        seconds = TinyTag.get(file_obj=file, tags=False, duration=True).duration
    except Exception:  # whatever a broken file makes of the parser, it is no more than a length unknown
        return None
    known = seconds is not None and math.isfinite(seconds) and 0 < seconds <= LONGEST
    return round(seconds, 3) if known and seconds is not None else None
