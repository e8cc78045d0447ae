"""OpenAI's words for what went wrong, for every wire that speaks this dialect (wire.md D1, D2)."""

from __future__ import annotations

import msgspec

from pisces_proxy.errors import PiscesError

_encode = msgspec.json.Encoder().encode

# kind -> (type, code); an error's own `code` is more exact than the table's
_WORDS: dict[str, tuple[str, str]] = {
    "bad_request": ("invalid_request_error", "invalid_request_error"),
    "unsupported": ("invalid_request_error", "unsupported_value"),
    "context_length": ("invalid_request_error", "context_length_exceeded"),
    "content_policy": ("invalid_request_error", "content_policy_violation"),
    "invalid_key": ("invalid_request_error", "invalid_api_key"),
    "forbidden": ("permission_error", "model_not_allowed"),
    "balance": ("insufficient_quota", "insufficient_quota"),
    "not_found": ("invalid_request_error", "not_found"),
    "model_not_found": ("invalid_request_error", "model_not_found"),
    "method_not_allowed": ("invalid_request_error", "method_not_allowed"),
    "conflict": ("invalid_request_error", "idempotency_conflict"),
    "key_reused": ("invalid_request_error", "idempotency_mismatch"),
    "too_large": ("invalid_request_error", "request_too_large"),
    "unsupported_media": ("invalid_request_error", "unsupported_media_type"),
    "rate_limit": ("rate_limit_error", "rate_limit_exceeded"),
    "upstream": ("server_error", "upstream_error"),
    "timeout": ("server_error", "upstream_timeout"),
    "overloaded": ("server_error", "overloaded"),
    "no_channel": ("server_error", "no_available_channel"),
    "unavailable": ("server_error", "service_unavailable"),
    "not_implemented": ("invalid_request_error", "not_implemented"),
    "internal": ("server_error", "server_error"),
}
_RETRIED = frozenset({408, 409, 429})  # and every 5xx: what OpenAI's SDKs repeat unasked


class _Error(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str | None


def words(error: PiscesError) -> tuple[str, str]:
    """The `type` and `code` that a client of this dialect reads."""
    kind, code = _WORDS.get(error.kind, _WORDS["internal"])
    return kind, error.code or code


def error_object(error: PiscesError) -> bytes:
    """The object behind `error`: message, type, param, code."""
    kind, code = words(error)
    return _encode(_Error(_printable(error.message), kind, error.param, code))


def encode_error(error: PiscesError, extension: bytes) -> tuple[int, bytes]:
    """HTTP status and body; also the data of an error event in a stream. `error` comes first: some parsers test the prefix."""
    beside = b',"pisces":' + extension if extension else b""
    return error.status, b'{"error":' + error_object(error) + beside + b"}"


def error_headers(error: PiscesError) -> dict[str, str]:
    """What the SDKs read before they repeat a request (wire.md D5)."""
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["retry-after-ms"] = str(max(0, round(error.retry_after * 1000)))
    if not error.retryable and (error.status in _RETRIED or error.status >= 500):
        headers["x-should-retry"] = "false"
    if error.kind == "balance":
        headers["x-should-retry"] = "false"  # H124
    return headers


def _printable(message: str) -> str:
    return message.encode("utf-8", "replace").decode()  # a lone surrogate from a request body cannot be written
