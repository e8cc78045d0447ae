"""The list of models as Google pages it (wire.md E4)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pisces_proxy.errors import BadRequest
from pisces_proxy.plugin import Model, longest_prefix

_encode = msgspec.json.Encoder().encode
_METHODS = ["generateContent", "streamGenerateContent", "countTokens"]
_EMBEDS = ["embedContent", "batchEmbedContents"]
_OTHERS: Mapping[str, Any] = {  # what is no conversation, by how its name begins
    "imagen": ["predict"],
    "veo": ["predictLongRunning"],
    "gemini-embedding": _EMBEDS,
    "text-embedding": _EMBEDS,
    "embedding": _EMBEDS,
}
_PAGE = 50
_MOST = 1000


def models(rows: Sequence[Model], query: Mapping[str, str], extension: bytes) -> bytes:
    """A page token is the last name of the page before."""
    size, start = _size(query.get("pageSize", "")), _start(rows, query.get("pageToken", ""))
    page = rows[start : start + size]
    out: dict[str, Any] = {"models": [_row(row) for row in page]}
    if start + size < len(rows):
        out["nextPageToken"] = base64.urlsafe_b64encode(page[-1].id.encode()).decode()
    if extension:
        out["pisces"] = msgspec.Raw(extension)
    return _encode(out)


def model(row: Model, extension: bytes) -> bytes:
    return _encode(_row(row) | ({"pisces": msgspec.Raw(extension)} if extension else {}))


def _row(row: Model) -> dict[str, Any]:
    limits = {"inputTokenLimit": row.context, "outputTokenLimit": row.max_output}
    return {
        "name": f"models/{row.id}",
        "version": "001",
        "displayName": row.id,
        **{name: limit for name, limit in limits.items() if limit},
        "supportedGenerationMethods": longest_prefix(_OTHERS, row.id) or _METHODS,
    }


def _size(asked: str) -> int:
    if not asked:
        return _PAGE
    if not asked.isdecimal():
        raise BadRequest("`pageSize` must be a number.", param="pageSize", code="invalid_value")
    return min(int(asked) or _PAGE, _MOST)


def _start(rows: Sequence[Model], token: str) -> int:
    if not token:
        return 0
    try:
        last = base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        last = ""
    for number, row in enumerate(rows):
        if row.id == last:
            return number + 1
    raise BadRequest("`pageToken` is not one of this list.", param="pageToken", code="invalid_value")
