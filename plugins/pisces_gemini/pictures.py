"""Pictures in answers, in both of their places: `inlineData`, as Google gives them, or base64 in a text part (S3-30 to S3-32).

Works on the bytes of an answer: strings in JSON have their quotation marks escaped, so that what looks like a member is one.
"""

from __future__ import annotations

import re

_STARTS = ("iVBORw0KGgo", "/9j/", "UklGR")  # PNG, JPEG, WebP in base64
MARKERS = (b'"inlineData"', *(b'"' + start.encode() for start in _STARTS))  # what stands in frames with a picture
_SIZE = 1024  # letters: less is no picture
_NOT_BASE64 = frozenset(" \n{")
_TEXT = re.compile(rb'"text"\s*:\s*"((?:iVBORw0KGgo|\\?/9j\\?/|UklGR)[A-Za-z0-9+/\\]{1000,}={0,2})"')
_INLINE = re.compile(rb'"inline(?:Data|_data)"\s*:\s*\{([^{}]*)\}')
_DATA = re.compile(rb'"data"\s*:\s*("[^"]*")')
_IMAGE = re.compile(rb'"mime(?:Type|_type)"\s*:\s*"image\\?/')
_MIMES = {b"iVBO": b"image/png", b"UklG": b"image/webp"}


def is_picture(text: str | None) -> bool:
    """Whether a text is a picture in base64 and nothing else."""
    if text is None or len(text) < _SIZE:
        return False
    return text.startswith(_STARTS) and _NOT_BASE64.isdisjoint(text)


def as_text(body: bytes) -> bytes:
    """An answer with its pictures where these clients look for them: `parts[].text`."""
    return _INLINE.sub(_texted, body) if b'"inline' in body else body


def as_data(body: bytes) -> bytes:
    """An answer with its pictures where Google puts them."""
    if len(body) < _SIZE or b'"text"' not in body:
        return body
    return _TEXT.sub(_inlined, body)


def _texted(found: re.Match[bytes]) -> bytes:
    data = _DATA.search(found[1])
    if data is None or not _IMAGE.search(found[1]):
        return found[0]
    return b'"text":' + data[1]


def _inlined(found: re.Match[bytes]) -> bytes:
    data = found[1].replace(b"\\/", b"/")
    if b"\\" in data or len(data) % 4:
        return found[0]
    mime = _MIMES.get(data[:4], b"image/jpeg")
    return b'"inlineData":{"mimeType":"' + mime + b'","data":"' + data + b'"}'
