"""What a webhook says and how it is signed (Standard Webhooks 1.0.0). No I/O, no clock."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Literal

import msgspec

DELAYS = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)  # seconds behind each failed attempt
PREFIX = "whsec_"
OLD_SECRET = 86400.0  # seconds for which a replaced secret still signs


class DeliveryTry(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. `status` None: no answer came."""

    at: float
    status: int | None = None
    error: str = ""
    ms: float = 0.0


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A notice on its way. `id` is the `webhook-id`, the same for every attempt; `body` the exact bytes that are signed and
    sent. `waiting` until it is `delivered`, `failed` (every attempt did) or `disabled` (the receiver said 410)."""

    id: str
    task: str
    account: str
    url: str
    event: str
    body: bytes
    created_at: float
    next_at: float
    state: Literal["waiting", "delivered", "failed", "disabled"] = "waiting"
    tries: tuple[DeliveryTry, ...] = ()


class HookSecret(msgspec.Struct, frozen=True, kw_only=True):
    """An account's secret. The `previous` one signs too until `previous_until`."""

    secret: bytes
    previous: bytes = b""
    previous_until: float = 0.0

    def valid(self, now: float) -> tuple[bytes, ...]:
        return (self.secret, self.previous) if self.previous and now < self.previous_until else (self.secret,)


def written(secret: bytes) -> str:
    """A secret as receivers take it: `whsec_...`."""
    return PREFIX + base64.b64encode(secret).decode()


def headers(delivery: Delivery, secret: HookSecret, now: float) -> Mapping[str, str]:
    """Those of one attempt, signed anew: receivers refuse old timestamps."""
    at = int(now)
    signed = b"%s.%d.%s" % (delivery.id.encode(), at, delivery.body)
    signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in secret.valid(now))
    return {
        "webhook-id": delivery.id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def attempted(delivery: Delivery, attempt: DeliveryTry) -> Delivery:
    """The delivery after one more attempt."""
    tries = (*delivery.tries, attempt)
    after = msgspec.structs.replace(delivery, tries=tries)
    if attempt.status is not None and 200 <= attempt.status < 300:
        return msgspec.structs.replace(after, state="delivered")
    if attempt.status == 410:
        return msgspec.structs.replace(after, state="disabled")
    if len(tries) > len(DELAYS):
        return msgspec.structs.replace(after, state="failed")
    return msgspec.structs.replace(after, next_at=attempt.at + DELAYS[len(tries) - 1])
