"""Errors in Anthropic's dialect, both ways (wire.md D1, D2)."""

from __future__ import annotations

import math
from typing import Any

from msgspec import Raw

from pisces_proxy.errors import PiscesError

from . import shapes

_TYPES = {  # kind -> (type, HTTP status where it is not the error's own)
    "bad_request": ("invalid_request_error", None),
    "unsupported": ("invalid_request_error", None),
    "context_length": ("invalid_request_error", None),
    "content_policy": ("invalid_request_error", None),
    "invalid_key": ("authentication_error", None),
    "forbidden": ("permission_error", None),
    "balance": ("permission_error", None),
    "not_found": ("not_found_error", None),
    "model_not_found": ("not_found_error", None),
    "method_not_allowed": ("invalid_request_error", None),
    "conflict": ("conflict_error", None),
    "key_reused": ("invalid_request_error", None),
    "too_large": ("request_too_large", None),
    "unsupported_media": ("invalid_request_error", None),
    "rate_limit": ("rate_limit_error", None),
    "overloaded": ("overloaded_error", 529),
    "no_channel": ("overloaded_error", 529),
    "unavailable": ("overloaded_error", 529),
    "timeout": ("timeout_error", None),
    "not_implemented": ("invalid_request_error", 400),
}
_BALANCE = {402: "billing_error", 429: "rate_limit_error"}
_TOO_LONG = "prompt is too long"  # Claude Code compacts its conversation when a message begins so


def encode_error(error: PiscesError, request_id: str, extension: bytes) -> tuple[int, bytes]:
    kind, status = _TYPES.get(error.kind, ("api_error", None))
    if error.kind == "balance":
        kind = _BALANCE.get(error.status, kind)
    told: dict[str, Any] = {"type": kind, "message": _message(error)}
    if error.details:
        told["details"] = error.details
    body: dict[str, Any] = {"type": "error", "error": told, "request_id": request_id}
    if extension:
        body["pisces"] = Raw(extension)
    return status or error.status, shapes.encode(body)


def _message(error: PiscesError) -> str:
    """The dialect has no member for the field, so the message names it."""
    if error.kind == "context_length" and not error.message.startswith(_TOO_LONG):
        return f"{_TOO_LONG}: {error.message}"
    if error.param and error.param not in error.message:
        return f"{error.param}: {error.message}"
    return error.message


def error_headers(error: PiscesError) -> dict[str, str]:
    """What Anthropic's SDKs read: when to come again, and whether at all."""
    headers = {"x-should-retry": "true" if error.retryable else "false"}
    if error.retry_after is not None:
        headers["retry-after"] = str(max(math.ceil(error.retry_after), 0))
    return headers
