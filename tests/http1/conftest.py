"""Every test here runs on asyncio's own loop and on uvloop: their transports differ where it hurts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from pisces_proxy.upstream import Upstream, connect


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return loops
    return loops | {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def client() -> AsyncIterator[Upstream]:
    async with connect() as opened:
        yield opened
