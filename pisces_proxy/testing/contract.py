"""What the parts of a contract share: the storage under test, opened and closed."""

from __future__ import annotations

import pkgutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import ClassVar

import pytest
import pytest_asyncio

from ..storage import Storage


class Contract:
    """`url` is a fixture of the class that is tested."""

    factory: ClassVar[str]
    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def unusable_urls(self) -> Sequence[str]:
        return ()

    @pytest.fixture
    def older_urls(self) -> Sequence[str]:
        return ()

    @pytest_asyncio.fixture
    async def storage(self, url: str) -> AsyncIterator[Storage]:
        async with self.opened(url) as storage:
            yield storage

    def opened(self, url: str) -> AbstractAsyncContextManager[Storage]:
        return opened(self.factory, url)


@asynccontextmanager
async def opened(factory: str, url: str) -> AsyncIterator[Storage]:
    storage = pkgutil.resolve_name(factory)(url)
    assert isinstance(storage, Storage)
    await storage.open()
    try:
        yield storage
    finally:
        await storage.close()
