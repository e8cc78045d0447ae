"""What all of OpenAI's formats share, for talk and for anything else: how errors and limits are told in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pisces_proxy.errors import PiscesError
from pisces_proxy.limits import Standing
from pisces_proxy.plugin import Dialect, MediaWire, Wire

from . import errors
from .limit_headers import limit_headers


class _Manners(Dialect):
    protocol: ClassVar[str] = "openai"

    def encode_error(self, error: PiscesError, request_id: str, extension: bytes) -> tuple[int, bytes]:
        return errors.encode_error(error, extension)

    def error_headers(self, error: PiscesError) -> Mapping[str, str]:
        return errors.error_headers(error)

    def limit_headers(self, standing: Standing, now: float) -> Mapping[str, str]:
        return limit_headers(standing)


class OpenAIChat(_Manners, Wire):
    """A format of conversations."""


class OpenAIMedia(_Manners, MediaWire):
    """A format of anything else."""
