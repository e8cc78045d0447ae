"""Whether a URL that a vendor handed out belongs to the vendor: who may be shown the channel's credentials."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from .addresses import is_literal

_SECOND = {"ac", "co", "com", "edu", "gov", "net", "org"}  # `com.cn` is nobody's own
_PORTS = {"http": 80, "https": 443}


def same_origin(url: str, base: str) -> bool:
    """The same scheme, host and port."""
    one, other = urlsplit(url), urlsplit(base)
    return _origin(one) == _origin(other) and one.hostname is not None


def same_site(url: str, base: str) -> bool:
    """The same origin, or by https another host below what the base URL's is below: `api.eu1.bfl.ai` beside `api.bfl.ai`, but
    not `evil.example` and not `bfl.ai.example`."""
    if same_origin(url, base):
        return True
    one, other = urlsplit(url), urlsplit(base)
    if one.scheme != "https" or other.scheme != "https" or _port(one) != _port(other):
        return False
    host, parent = one.hostname or "", (other.hostname or "").partition(".")[2]
    return _is_owned(parent) and not is_literal(other.hostname or "") and host.endswith("." + parent)


def _is_owned(domain: str) -> bool:
    """Whether a domain can be one vendor's, not a registry's."""
    labels = domain.split(".")
    return len(labels) > 2 or (len(labels) == 2 and not (labels[0] in _SECOND and len(labels[1]) == 2))


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, _port(url)


def _port(url: SplitResult) -> int | None:
    try:
        return url.port or _PORTS.get(url.scheme)
    except ValueError:
        return None
