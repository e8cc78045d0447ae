"""What Cohere's formats share: its errors, and answers that are none of what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from pisces_proxy import refusals
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.plugin import MediaWire


class CohereWire(MediaWire):
    protocol: ClassVar[str] = "cohere"

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        return refusals.understand(status, headers, refusals.complaint(body))


class Units(msgspec.Struct):
    """Cohere writes some of its counts as floats."""

    input_tokens: float | None = None
    search_units: float | None = None


class Meta(msgspec.Struct):
    billed_units: Units | None = None


def billed(meta: Meta | None) -> Units:
    return (meta.billed_units if meta else None) or Units()


def unreadable(body: bytes, what: str) -> PiscesError:
    """The error that an answer with status 200 holds, or that it makes no sense."""
    found = refusals.complaint(body)
    if found is not None:
        return refusals.understand(200, {}, found)
    return UpstreamBroken(f"The upstream's answer holds no {what}.")
