"""Checks that vendors make on a request before any model sees it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from typing import Any

from .script import Refused


def words(text: str) -> list[str]:
    return text.split()


def need(condition: object, message: str) -> None:
    if not condition:
        raise Refused(400, message)


def known(where: str, value: Any, fields: Collection[str]) -> None:
    """No member but these."""
    need(isinstance(value, Mapping), f"{where}: an object is expected, got {value!r:.80}")
    extra = [name for name in value if name not in fields]
    need(not extra, f"{where}: Extra inputs are not permitted: {', '.join(extra)}")


def typed(where: str, value: Any, kinds: type | tuple[type, ...]) -> Any:
    need(isinstance(value, kinds) and not (isinstance(value, bool) and kinds is int), f"{where}: wrong type: {value!r:.80}")
    return value


def decoded(where: str, text: str) -> bytes:
    """The bytes of standard base64 with its padding."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, f"{where}: invalid base64 data") from None


def data_uri(where: str, uri: str) -> tuple[str, bytes]:
    head, comma, data = uri.partition(",")
    need(comma and head.startswith("data:") and head.endswith(";base64"), f"{where}: a data URI is expected: {uri[:60]}")
    return head[5:-7], decoded(where, data)
