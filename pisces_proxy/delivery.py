"""Files of media requests and results, brought to where they are wanted: bytes for URLs, URLs for bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from . import media
from .fetch import Fetcher
from .media import Asset
from .plans import Got
from .profile import Profile

Fetch = Callable[[str], Awaitable[Got]]


class Keeper(Protocol):
    """Where bytes are kept for a client that wants a URL."""

    async def put(self, asset: Asset, origin: str = "") -> str: ...


class Deliverer:
    """Gives each client its pictures the way it asked for them."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def delivered(self, result: media.Result, request: media.Request, origin: str, fetch: Fetch | None) -> media.Result:
        """The result with its pictures as bytes or under URLs, as the request wants them."""
        if not isinstance(result, media.Pictures) or not isinstance(request, media.Image):
            return result
        placing = (self._placed(picture.asset, request.wants, origin, fetch) for picture in result.pictures)
        assets = await asyncio.gather(*placing)
        pictures = tuple(
            msgspec.structs.replace(picture, asset=asset) for picture, asset in zip(result.pictures, assets, strict=True)
        )
        return msgspec.structs.replace(result, pictures=pictures)

    async def _placed(self, asset: Asset, wants: str, origin: str, fetch: Fetch | None) -> Asset:
        """Bytes beside a URL: one that does not last, and what the model gives is URLs."""
        fleeting = bool(asset.url and asset.data)
        if wants == "data":
            return msgspec.structs.replace(asset, url="") if fleeting else await _as_data(asset, fetch)
        if fleeting or (wants == "url" and not asset.url):
            return msgspec.structs.replace(asset, data=b"", file=None, url=await self._keeper.put(asset, origin))
        return asset


def as_given(request: Any, profile: Profile) -> Any:
    """A request that does not say where it wants its pictures, with what this model's clients are used to."""
    if isinstance(request, media.Image) and not request.wants and profile.image_delivery == "url":
        return msgspec.structs.replace(request, wants="url")
    return request


async def _as_data(asset: Asset, fetch: Fetch | None) -> Asset:
    if not asset.url or fetch is None:
        return asset
    got = await fetch(asset.url)
    return msgspec.structs.replace(asset, data=got.body, url="", mime=asset.mime or got.mime)


async def inlined(request: Any, fetcher: Fetcher) -> Any:
    """A request whose files all have their bytes: what the client gave by URL is fetched, guarded."""
    changes: dict[str, Any] = {}
    for name in request.__struct_fields__:
        value = getattr(request, name)
        if isinstance(value, Asset):
            changes[name] = await _with_bytes(value, name, fetcher)
        elif isinstance(value, tuple) and any(isinstance(each, Asset) for each in value):
            named = [(each, f"{name}[{index}]") for index, each in enumerate(value)]
            changes[name] = tuple(await asyncio.gather(*(_with_bytes(each, where, fetcher) for each, where in named)))
    return msgspec.structs.replace(request, **changes) if changes else request


async def _with_bytes(value: Any, where: str, fetcher: Fetcher) -> Any:
    if not isinstance(value, Asset) or not value.url.startswith(("http://", "https://")):
        return value
    return await fetcher.asset(value, where)
