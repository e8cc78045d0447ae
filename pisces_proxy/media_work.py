"""What serves media requests for as long as the gateway runs: the engine, and the store of what is handed out by URL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from .background import running
from .config import size
from .delivery import Deliverer
from .fetch import Fetcher
from .media_engine import MediaEngine
from .media_store import MediaStore
from .upstream import Upstream

if TYPE_CHECKING:
    from .gateway import Gateway


class MediaWork(msgspec.Struct, frozen=True):
    engine: MediaEngine
    store: MediaStore


@asynccontextmanager
async def media_work(gateway: Gateway, upstream: Upstream, fetcher: Fetcher) -> AsyncIterator[MediaWork]:
    """Open the store and prune it in the background. Raises ConfigError."""
    store = MediaStore.opened(gateway.config.server, gateway.seals)
    engine = MediaEngine(
        upstream=upstream,
        fetcher=fetcher,
        formats={**gateway.registry.media, **gateway.registry.drivers},
        books=gateway.books,
        hearts=gateway.hearts,
        tasks=gateway.tasks,
        deliverer=Deliverer(store),
        limit=size(gateway.config.server.max_result),
    )
    try:
        async with running(store.prune()):
            yield MediaWork(engine, store)
    finally:
        await store.close()
