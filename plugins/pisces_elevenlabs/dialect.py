"""What ElevenLabs' formats share: its errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pisces_proxy import refusals
from pisces_proxy.errors import BadRequest, PiscesError
from pisces_proxy.plugin import MediaWire

_NO_VOICE = ("voice_not_found", "invalid_uid", "voice_does_not_exist")


class ElevenWire(MediaWire):
    protocol: ClassVar[str] = "elevenlabs"

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        """`{"detail": {"status": "voice_not_found", "message": "..."}}`."""
        found = refusals.complaint(body)
        if found is not None and found.type in _NO_VOICE:  # by its status it would be a model that is missing
            return BadRequest(found.message, param="voice", code="invalid_value")
        return refusals.understand(status, headers, found)
