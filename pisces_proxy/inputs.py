"""What a request holds, written as vendors want it: files as base64 or links, a client's own words for a vendor. No I/O."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from . import blobs
from .chat import Loss
from .errors import BadRequest, Unsupported, UpstreamBroken
from .media import Asset


def encoded(asset: Asset) -> str:
    """Its bytes as base64, nothing before it."""
    return base64.b64encode(asset.content()).decode()


def link(asset: Asset, mime: str = "image/png") -> str:
    """Its URL, or its bytes as a data URI; `mime` where nothing shows what it is."""
    if asset.url:
        return asset.url
    data = encoded(asset)
    return blobs.data_uri(blobs.sniff(data[:1024]) or asset.mime or mime, data)


def linked(url: str) -> Asset:
    """A result by its URL, or out of a data URI."""
    if not url.startswith("data:"):
        return Asset(url=url)
    try:
        blob = blobs.from_data_uri(url, "result")
    except BadRequest:
        raise UpstreamBroken("The upstream's result is a data URI that cannot be read.") from None
    return Asset(data=base64.b64decode(blob.data), mime=blob.mime)


def check_count(n: int, most: int) -> None:
    """Raises Unsupported where one task cannot make so many. Clients that wait for pictures get several tasks instead."""
    if n > most:
        said = f"A task of this model draws at most {most} at a time, not {n}. Set n to {most}, and start several tasks."
        raise Unsupported(said, param="n", code="unsupported_value")


def own_members(extra: Mapping[str, Any], known: Collection[str] | None = None) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """What a client has said in a vendor's own words, and what nobody knows; `known` None: the vendor may know any word.
    Formats of requests put their strangers under their own name."""
    flat: dict[str, Any] = {}
    for name, value in extra.items():
        flat |= value if "." in name and isinstance(value, dict) else {name: value}
    taken = {name: value for name, value in flat.items() if known is None or name in known}
    return taken, lost((name for name in flat if name not in taken), "unknown to this protocol")


def lost(names: Iterable[str], reason: str) -> tuple[Loss, ...]:
    """What was asked for and is left out."""
    return tuple(Loss(field=name, action="dropped", reason=reason) for name in names)


def unheard(request: Any, names: Iterable[str]) -> tuple[Loss, ...]:
    """Those of these members that a client has set, and the model has no such choice."""
    return lost((name for name in names if getattr(request, name) not in ("", "auto", None)), "the model has no such choice")
