"""The head of a request: where its URL leads, and its bytes (RFC 9112 2 and 3)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_PORTS = {"http": 80, "https": 443}
_FRAMING = frozenset({"content-length", "transfer-encoding"})
# a request without a body says so where its method would have one (RFC 9110 8.6)
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"})
IDEMPOTENT = _WITHOUT_BODY | {"PUT"}  # RFC 9110 9.2.2


class Origin(NamedTuple):
    """Whoever answers: connections to it serve all its URLs."""

    scheme: str
    host: str
    port: int


class Address(NamedTuple):
    """A URL, read. `host` is the header as it is sent, `authorization` the one that a `user:password@` stands for."""

    origin: Origin
    target: str
    host: str
    authorization: str


@lru_cache(1000)  # bounded, since model names in paths come from clients
def address(url: str) -> Address:
    """Raises ValueError for what is no http(s) URL or could smuggle a line into the head."""
    if _UNSAFE.search(url):  # before urlsplit, which drops line breaks without a word
        raise ValueError("a URL holds a space or a control character")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("a URL must begin with http:// or https:// and name a host")
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
    port = parts.port or _PORTS[parts.scheme]
    target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_PRINTABLE)
    shown = f"[{host}]" if ":" in host else host
    shown = shown if port == _PORTS[parts.scheme] else f"{shown}:{port}"
    return Address(Origin(parts.scheme, host, port), target, f"Host: {shown}\r\n", _basic(parts.username, parts.password))


def _basic(user: str | None, password: str | None) -> str:
    if user is None:
        return ""
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"


def head(method: str, to: Address, headers: Mapping[str, str], length: int | None) -> bytes:
    """Request line and headers. `length` is the body's, None where it is not known and the body is chunked.

    Raises ValueError for headers that would end their line, or that say how the body is framed: that is not theirs to say.
    """
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if fields.count("\r") != len(headers) or fields.count("\n") != len(headers) or "\0" in fields:
        raise ValueError("a header holds a line break or a NUL")
    named = {_name(name) for name in headers}
    host = "" if "host" in named else to.host
    basic = "" if "authorization" in named else to.authorization
    return f"{_token(method)} {to.target} HTTP/1.1\r\n{host}{basic}{fields}{_framing(method, length)}\r\n".encode()


def _framing(method: str, length: int | None) -> str:
    if length is None:
        return "Transfer-Encoding: chunked\r\n"
    return f"Content-Length: {length}\r\n" if length or method not in _WITHOUT_BODY else ""


@lru_cache(256)
def _name(name: str) -> str:
    lower = _token(name).lower()
    if lower in _FRAMING:
        raise ValueError(f"{lower} is not for a caller to set")
    return lower


@lru_cache(256)
def _token(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise ValueError(f"{text[:50]!r} is no name of a method or header")
    return text
