"""Errors in Google's words: status names and details of google.rpc (wire.md D1, D2)."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from pisces_proxy.errors import PiscesError

_encode = msgspec.json.Encoder().encode
_TYPE = "type.googleapis.com/google.rpc."

_STATUS = {
    "bad_request": "INVALID_ARGUMENT",
    "unsupported": "INVALID_ARGUMENT",
    "context_length": "INVALID_ARGUMENT",
    "content_policy": "INVALID_ARGUMENT",
    "too_large": "INVALID_ARGUMENT",
    "unsupported_media": "INVALID_ARGUMENT",
    "key_reused": "INVALID_ARGUMENT",
    "invalid_key": "UNAUTHENTICATED",
    "forbidden": "PERMISSION_DENIED",
    "balance": "PERMISSION_DENIED",
    "not_found": "NOT_FOUND",
    "model_not_found": "NOT_FOUND",
    "method_not_allowed": "UNIMPLEMENTED",
    "not_implemented": "UNIMPLEMENTED",
    "conflict": "ABORTED",
    "rate_limit": "RESOURCE_EXHAUSTED",
    "no_channel": "UNAVAILABLE",
    "overloaded": "UNAVAILABLE",
    "unavailable": "UNAVAILABLE",
    "timeout": "DEADLINE_EXCEEDED",
}
_REASONS = {"invalid_key": "API_KEY_INVALID", "rate_limit": "RATE_LIMIT_EXCEEDED"}


def body(error: PiscesError, request_id: str, extension: bytes) -> bytes:
    """`error` comes first: the SDK tells an error in a stream by how the JSON begins (H125)."""
    said = _encode(
        {
            "code": error.status,
            "message": error.message,
            "status": _status(error),
            "details": _details(error, request_id),
        }
    )
    return b'{"error":' + said + (b',"pisces":' + extension if extension else b"") + b"}"


def _status(error: PiscesError) -> str:
    if error.kind == "balance" and error.status == 429:
        return "RESOURCE_EXHAUSTED"
    return _STATUS.get(error.kind, "INTERNAL")


def _details(error: PiscesError, request_id: str) -> list[dict[str, Any]]:
    reason = _REASONS.get(error.kind) or (error.code or error.kind).upper()
    metadata = {**error.details, "request_id": request_id}
    details: list[dict[str, Any]] = [{"@type": f"{_TYPE}ErrorInfo", "reason": reason, "domain": "pisces", "metadata": metadata}]
    if error.param:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    if error.retry_after is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{math.ceil(error.retry_after)}s"})
    return details
