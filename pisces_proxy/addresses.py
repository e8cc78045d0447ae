"""Which addresses belong to the open internet. No I/O."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAMES = ("localhost", ".localhost", ".local", ".internal", ".lan", ".home.arpa")


def public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not loopback, private, link-local (cloud metadata), or one of
    these in another form."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    if mapped is None and isinstance(ip, ipaddress.IPv6Address) and ip in _NAT64:
        mapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if mapped is not None:
        ip = mapped
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def is_literal(host: str) -> bool:
    """Whether a host is an IP address and not a name."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def outside(url: str) -> bool:
    """Whether a URL may lead to the open internet, as far as can be told without asking for its name."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return False
    if is_literal(host):
        return public(host)
    # all digits and dots, or hexadecimal: other spellings of an address, which resolvers take
    return bool(host) and not host.endswith(_LOCAL_NAMES) and not host.replace(".", "").isdigit() and not host.startswith("0x")
