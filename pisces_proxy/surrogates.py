"""Halves of surrogate pairs in a request's JSON (H108).

JavaScript cuts strings between the two halves of a character, and `JSON.stringify` writes each half as an escape, which is JSON
(RFC 8259, 8.2) though decoders refuse it. Towards another wire a half becomes U+FFFD. Where bytes pass it passes too: while
the gateway reads, it is disguised as a character of the private use area.
"""

from __future__ import annotations

import re

# Escapes one by one, so that an escaped backslash before `ud800` is none: a whole pair, a half (1), any other.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_DISGUISED = re.compile(rb"\\(?:u[eE]([89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)


def disguised(body: bytes) -> bytes:
    """The body with its halves as private characters; empty where it has none, as nearly every body."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return b""
    if not any(match[1] for match in _ESCAPE.finditer(body)):
        return b""
    if any(match[1] for match in _DISGUISED.finditer(body)):  # it has such characters of its own: nothing can hide there
        return mended(body)
    return _ESCAPE.sub(lambda match: rb"\ue" + match[1][2:] if match[1] else match[0], body)


def revealed(body: bytes) -> bytes:
    """What `disguised` has hidden, as it was."""
    return _DISGUISED.sub(lambda match: rb"\ud" + match[1] if match[1] else match[0], body)


def mended(body: bytes) -> bytes:
    """The body with U+FFFD for each half."""
    return _ESCAPE.sub(lambda match: rb"\ufffd" if match[1] else match[0], body)
