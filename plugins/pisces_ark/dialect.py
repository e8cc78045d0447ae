"""What Ark's formats share: errors, files as links, members in the vendor's own words."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from pisces_proxy import blobs, refusals
from pisces_proxy.chat import Loss
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.media import Asset

encode = msgspec.json.Encoder().encode


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
    return refusals.understand(status, headers, refusals.complaint(body))


def unreadable(body: bytes, what: str) -> PiscesError:
    """Why an answer with status 200 does not hold what was asked for."""
    found = refusals.complaint(body)
    return refusals.understand(200, {}, found) if found else UpstreamBroken(f"The upstream's answer holds no {what}.")


def link(asset: Asset, mime: str) -> str:
    """A URL, or the bytes as a data URI."""
    if asset.url:
        return asset.url
    data = base64.b64encode(asset.content()).decode()
    return blobs.data_uri(asset.mime or blobs.sniff(data[:4096]) or mime, data)


def own_members(extra: Mapping[str, Any], known: frozenset[str]) -> tuple[dict[str, Any], list[Loss]]:
    """What a client has said in Ark's own words, and what nobody knows. Formats of requests put their strangers under their
    own name."""
    flat: dict[str, Any] = {}
    for name, value in extra.items():
        flat |= value if "." in name and isinstance(value, dict) else {name: value}
    losses = [Loss(field=name, action="dropped", reason="unknown to this protocol") for name in flat if name not in known]
    return {name: value for name, value in flat.items() if name in known}, losses


def pixels(size: str) -> tuple[int, int] | None:
    wide, _, high = size.partition("x")
    return (int(wide), int(high)) if wide.isdigit() and high.isdigit() else None
