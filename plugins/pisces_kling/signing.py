"""Kling's tokens: a JWT by HS256 (RFC 7519), of an access key and its secret. Pure: the time is passed in."""

from __future__ import annotations

import base64
import hashlib
import hmac

import msgspec

_encode = msgspec.json.Encoder().encode
_LIFE = 1800  # seconds, as Kling's documentation has it
_SLACK = 5  # their clock may be behind


def token(access: str, secret: str, now: float) -> str:
    head = _letters(_encode({"alg": "HS256", "typ": "JWT"}))
    claims = _letters(_encode({"iss": access, "exp": int(now) + _LIFE, "nbf": int(now) - _SLACK}))
    signature = hmac.new(secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
    return f"{head}.{claims}.{_letters(signature)}"


def _letters(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
