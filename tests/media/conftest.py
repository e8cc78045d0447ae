"""Fixtures: vendors that listen, and a gateway that knows the plugin of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from gateways import open_house

from media.vendor import PLUGIN, Client, Vendor

OpenClient = Callable[..., Awaitable[Client]]


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with Vendor().listening() as listening:
        yield listening


@pytest.fixture
async def other() -> AsyncIterator[Vendor]:
    """Another one."""
    async with Vendor().listening() as listening:
        yield listening


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[OpenClient]:
    """`await client(channels..., server=...)`: a gateway with the plugin of this folder, and somebody with a key to it."""
    async with AsyncExitStack() as stack:

        async def open_it(*channels: str, server: str = "") -> Client:
            plugins = f'[plugins]\nfiles = ["{PLUGIN}"]\n'
            house = await stack.enter_async_context(open_house(tmp_path, *channels, plugins, server=server))
            session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {house.key}"})
            return Client(house, await stack.enter_async_context(session))

        yield open_it
