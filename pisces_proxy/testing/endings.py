"""Many at once, nobody waiting any more, closed, or no database at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from ..errors import StorageUnavailable
from ..storage import Account, GroupBy, Storage
from .contract import Contract
from .samples import FULL_KEY, FULL_RECORD, record


class EndingContract(Contract):
    async def test_five_hundred_finish_at_once(self, storage: Storage) -> None:
        await asyncio.gather(*(storage.finish(record(n)) for n in range(500)))
        assert len(await storage.records(limit=1000)) == 500

    async def test_a_row_that_cannot_be_stored_fails_alone(self, storage: Storage) -> None:
        rows = [record(n, cost_nano=2**70 if n == 7 else n) for n in range(20)]
        outcomes = await asyncio.gather(*(storage.finish(row) for row in rows), return_exceptions=True)
        assert [n for n, outcome in enumerate(outcomes) if outcome is not None] == [7]
        assert isinstance(outcomes[7], ValueError)
        assert len(await storage.records()) == 19

    async def test_a_write_that_nobody_waits_for_is_still_done(self, storage: Storage, url: str) -> None:
        writing = asyncio.ensure_future(storage.finish(record(1)))
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await storage.close()
        async with self.opened(url) as again:
            assert await again.record("1") is not None

    async def test_closing_writes_what_still_waits(self, storage: Storage, url: str) -> None:
        writing = [asyncio.ensure_future(storage.finish(record(n))) for n in range(300)]
        await asyncio.sleep(0)
        await storage.close()
        await asyncio.gather(*writing)
        async with self.opened(url) as again:
            assert len(await again.records(limit=1000)) == 300

    async def test_a_closed_storage_says_so(self, storage: Storage) -> None:
        await storage.close()
        await storage.close()
        for verb in (storage.ready(), storage.version(), storage.finish(record(1)), storage.keys()):
            with pytest.raises(StorageUnavailable):
                await verb

    async def test_an_unusable_database_is_a_clear_error(self, unusable_urls: Sequence[str]) -> None:
        for url in unusable_urls:
            with pytest.raises(StorageUnavailable) as caught:
                async with self.opened(url) as storage:
                    await storage.ready()
            assert len(caught.value.message) > 20, url

    async def test_a_database_of_an_earlier_version_keeps_all_it_had(self, older_urls: Sequence[str]) -> None:
        for url in older_urls:
            async with self.opened(url) as storage:
                found = await storage.find_key(FULL_KEY.digest)
                assert found is not None
                pictures = found.images_as_text  # of a version that did not know it
                assert found == msgspec.structs.replace(FULL_KEY, quota_period="total", images_as_text=pictures), url
                assert await storage.record(FULL_RECORD.request_id) == FULL_RECORD
                names: list[tuple[GroupBy, str]] = [("account", "acme"), ("day", "2023-11-14"), ("key", "key_1")]
                for by, name in names:
                    (group,) = await storage.usage(by=by)
                    assert (group.name, group.requests, group.errors, group.output_tokens) == (name, 1, 1, 8)
                    assert (group.upstream_cost_nano, group.margin_nano) == (2**61, 2**61)
                assert await storage.find_account("acme") == Account(name="acme", created_at=5.0), url
                await storage.add_account(Account(name="new"))
                await storage.credit("new", 5, id="c")
                assert (await storage.verify()).problems == ()
