"""Files that clients name in a request, checked: what can be used of a URL, a data URI or bare base64. No I/O."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from .addresses import outside
from .errors import BadRequest
from .media import Asset

LARGEST = 10 * 1024 * 1024  # bytes in a data URI
_PATH = re.compile(r"^(file:|/|~|\.{1,2}[/\\]|[A-Za-z]:[\\/]|\\\\)")
_BASE64 = re.compile(r"^[A-Za-z0-9+/\s]{64,}={0,2}\s*$")
_DATA = re.compile(r"^data:([\w.+-]+/[\w.+-]+)?(;[^,]*)?,", re.IGNORECASE)


def asset_of(value: Any, param: str, role: str = "", *, data: bool = True) -> Asset:
    """A file as a client names it. `data`: data URIs are taken too. Raises BadRequest that says what to send instead."""
    if not isinstance(value, str) or not value.strip():
        raise _wrong(param, "is not a URL. Send a public https URL as a string.")
    text = value.strip()
    if text.startswith(("http://", "https://")):
        return _by_url(text, param, role)
    if text[:5].lower() == "data:":
        if data:
            return _inline(text, param, role)
        raise _wrong(
            param, "is a data URI. This endpoint takes public URLs only: put the file on a server, or upload it as a form."
        )
    if _PATH.match(text):
        raise _wrong(param, "is a path on your own machine, which the gateway cannot read. Send a public https URL.")
    if _BASE64.match(text):
        how = "Write data:image/png;base64, before it, or send a public https URL." if data else "Send a public https URL."
        raise _wrong(param, f"is bare base64, and a URL is wanted. {how}")
    raise _wrong(param, "is not a URL. Send a public https URL.")


def _by_url(url: str, param: str, role: str) -> Asset:
    if not outside(url):
        raise _wrong(param, "leads to a private address, which no model can reach. Send a public https URL.")
    return Asset(url=url, role=role)


def _inline(text: str, param: str, role: str) -> Asset:
    found = _DATA.match(text)
    if found is None or ";base64" not in (found[2] or "").lower():
        raise _wrong(param, "is a data URI that cannot be read. Write data:image/png;base64,...")
    if len(text) * 3 // 4 > LARGEST:
        raise _wrong(param, f"holds more than {LARGEST // 2**20} MiB. Send a public https URL instead.", "file_too_large")
    try:
        content = base64.b64decode(text[found.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(param, "holds base64 that cannot be read.") from None
    return Asset(data=content, mime=(found[1] or "").lower(), role=role)


def _wrong(param: str, what: str, code: str = "invalid_url") -> BadRequest:
    return BadRequest(f"{param} {what}", param=param, code=code)
