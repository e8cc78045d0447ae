"""What Cohere's formats share: its errors, and answers that are none of what was asked for."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from pisces_proxy.plugin import MediaWire


class CohereWire(MediaWire):
    protocol: ClassVar[str] = "cohere"


class Units(msgspec.Struct):
    """Cohere writes some of its counts as floats."""

    input_tokens: float | None = None
    search_units: float | None = None


class Meta(msgspec.Struct):
    billed_units: Units | None = None


def billed(meta: Meta | None) -> Units:
    return (meta.billed_units if meta else None) or Units()
