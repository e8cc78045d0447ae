"""What every format shares, whatever it is for: its name, and how errors and limits are told in it."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import ClassVar

from . import refusals
from .errors import NotBuilt, PiscesError
from .limits import Standing
from .operation import Operation


class Dialect(abc.ABC):
    """The root of Wire, MediaWire and Driver. Pure: no I/O, no clock, no state between calls.

    `protocol` is what `pisces.protocol` says; `kind` is what the format is for: operations go to upstream formats of
    their endpoint's kind.
    """

    name: ClassVar[str]
    protocol: ClassVar[str]
    kind: ClassVar[str]

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        """An upstream's refusal as one of ours (wire.md D3). Never raises."""
        return refusals.understand(status, headers, refusals.complaint(body))

    def encode_error(self, error: PiscesError, request_id: str, extension: bytes) -> tuple[int, bytes]:
        """HTTP status and JSON body in the client's dialect (wire.md D1, D2)."""
        raise NotBuilt(f"{self.name} has no clients.")

    def error_headers(self, error: PiscesError) -> Mapping[str, str]:
        """Headers that clients of this format read on an error, beyond those of every answer."""
        return {}

    def limit_headers(self, standing: Standing, now: float) -> Mapping[str, str]:
        """Headers that tell clients of this format what is left of their limits, on every answer. `now` in unix seconds."""
        return {}

    def max_output(self, operation: Operation) -> int | None:
        """The most tokens that the client lets an answer have, None where it does not say; read cheaply."""
        return None
