"""What OpenAI's formats for other things than conversations share: how errors and limits are told in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pisces_proxy import refusals
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.limits import Standing
from pisces_proxy.plugin import MediaWire

from . import errors
from .limit_headers import limit_headers


class OpenAIMedia(MediaWire):
    """A format of OpenAI's that is no chat."""

    protocol: ClassVar[str] = "openai"

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        return errors.decode_error(status, headers, body)

    def encode_error(self, error: PiscesError, request_id: str, extension: bytes) -> tuple[int, bytes]:
        return errors.encode_error(error, extension)

    def error_headers(self, error: PiscesError) -> Mapping[str, str]:
        return errors.error_headers(error)

    def limit_headers(self, standing: Standing, now: float) -> Mapping[str, str]:
        return limit_headers(standing)


def unreadable(body: bytes, what: str) -> PiscesError:
    """Why an answer with status 200 has not what was asked for: the error it holds, or that it makes no sense."""
    found = refusals.complaint(body)
    if found is not None:
        return refusals.understand(200, {}, found)
    return UpstreamBroken(f"The upstream's answer holds no {what}.")
