"""Fixtures for all tests: fake vendors, and the real gateway in front of them. Imported where they are asked for, so that
tests of one part need no more than that part."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gateways import House, Process
    from upstreams.server import Upstream, Vendor

    OpenHouse = Callable[..., Awaitable[House]]
    OpenProcess = Callable[..., Awaitable[Process]]
    OpenUpstream = Callable[[Vendor], Awaitable[Upstream]]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The slow ones run where somebody asks for them: PISCES_SLOW=1, or -m."""
    if os.environ.get("PISCES_SLOW") or config.option.markexpr:
        return
    skip = pytest.mark.skip(reason="slow: set PISCES_SLOW=1")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Closed after the test, last in first out."""
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
def upstream(stack: AsyncExitStack) -> OpenUpstream:
    """`await upstream(AnthropicMessages())`: a fake vendor that listens."""

    from upstreams.server import Upstream

    async def open_upstream(vendor: Vendor) -> Upstream:
        return await stack.enter_async_context(Upstream(vendor))

    return open_upstream


@pytest.fixture
def house(stack: AsyncExitStack, tmp_path: Path) -> OpenHouse:
    """`await house(channel(upstream), ...)`: the gateway, listening, with an empty database and a key."""

    from gateways import open_house

    async def open_it(*channels: str, server: str = "") -> House:
        return await stack.enter_async_context(open_house(tmp_path, *channels, server=server))

    return open_it


@pytest.fixture
def process(stack: AsyncExitStack, tmp_path: Path) -> OpenProcess:
    """The same as a process of its own: `python -m pisces_proxy.cli serve`."""

    from gateways import open_process

    async def open_it(*channels: str, **options: object) -> Process:
        return await stack.enter_async_context(open_process(tmp_path, *channels, **options))  # type: ignore[arg-type]

    return open_it
