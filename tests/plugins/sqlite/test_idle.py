"""What a gateway asks for twice a second although nothing happens holds nobody up, and waits for nobody."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from pisces_sqlite import pisces_storage

from pisces_proxy.storage import Storage

AT_ONCE = 2.0  # seconds: less than the patience with another process's transaction


@pytest_asyncio.fixture
async def busy(tmp_path: Path) -> AsyncIterator[Storage]:
    """A storage while another process writes, and goes on to."""
    storage = pisces_storage(f"sqlite:///{tmp_path}/p.db")
    assert storage is not None
    await storage.open()
    other = sqlite3.connect(tmp_path / "p.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield storage
    other.execute("ROLLBACK")
    other.close()
    await storage.close()


async def test_looking_for_tasks_and_deliveries_where_there_are_none_takes_no_transaction(busy: Storage) -> None:
    async with asyncio.timeout(AT_ONCE):
        assert await busy.claim_tasks("me", 10.0, 20.0, dead=lambda owner: True) == []
        assert await busy.claim_deliveries("me", 10.0, 20.0, dead=lambda owner: True) == []


async def test_looking_for_changes_takes_none_either(busy: Storage) -> None:
    async with asyncio.timeout(AT_ONCE):
        assert await busy.version() > 0
