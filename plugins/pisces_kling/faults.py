"""Kling's error codes, in words that the gateway knows (https://app.klingai.com/global/dev/document-api, wire.md F7)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pisces_proxy import refusals
from pisces_proxy.complaints import Complaint
from pisces_proxy.errors import PiscesError, UpstreamBroken

_WORDS: Mapping[int, str] = {
    **dict.fromkeys((1000, 1001, 1002, 1003, 1004, 1100, 1103, 1304), "unauthorized"),  # 1304: our address is not allowed
    1101: "account_overdue",
    1102: "insufficient_balance",
    1200: "invalid_request",
    1201: "invalid_request",
    1202: "not_found",
    1203: "not_found",
    1300: "content_policy",
    1301: "content_policy",
    1302: "rate_limit",
    1303: "rate_limit",  # too many tasks at once
    5000: "internal_error",
    5001: "service_unavailable",
    5002: "timeout",
}


class _Said(msgspec.Struct):
    code: int = 0
    message: str | None = None


_said = msgspec.json.Decoder(_Said)


def fault(status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
    """The error of an answer, whatever its status."""
    try:
        said = _said.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return refusals.understand(status, headers, refusals.complaint(body))
    if not said.code:
        return UpstreamBroken("The upstream's answer holds no task.")
    message = refusals.sanitise(said.message or "")
    return refusals.understand(status, headers, Complaint(message, code=_WORDS.get(said.code, str(said.code))))


def check(body: bytes) -> None:
    """Raises the refusal that a 200 may hold."""
    if _said.decode(body).code:
        raise fault(200, {}, body)
