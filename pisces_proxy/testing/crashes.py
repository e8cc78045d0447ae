"""Several processes on one database, one of which is killed."""

from __future__ import annotations

import asyncio
import random

import pytest

from ..storage import Account, Storage
from .contract import Contract
from .processes import run, start
from .samples import FULL_KEY, record


class ProcessContract(Contract):
    async def test_processes_see_each_others_changes(self, storage: Storage, url: str) -> None:
        await storage.add_key(FULL_KEY)
        before = await storage.version()
        said = await run(self.factory, url, _CHANGER)
        assert said == [str(before), "alice"]
        assert await storage.version() != before
        assert await storage.setting("off") == "theirs"
        assert (await storage.find_key("12" * 32)) is not None

    async def test_processes_that_start_at_once_share_one_new_database(self, url: str) -> None:
        said = await asyncio.gather(*(run(self.factory, url, _STARTER, str(n)) for n in range(4)))
        assert len({line for lines in said for line in lines}) == 1
        async with self.opened(url) as storage:
            assert len(await storage.records(limit=1000)) == 4 * 50

    @pytest.mark.parametrize("moment", [1, 40, 400])
    async def test_what_was_finished_survives_kill_9(self, url: str, moment: int) -> None:
        child = await start(self.factory, url, _FINISHER)
        assert child.stdout is not None
        finished = [await child.stdout.readline() for _ in range(moment)]
        child.kill()
        # whole lines only: the last one may have been cut in the pipe
        finished += [line for line in (await child.stdout.read()).splitlines(keepends=True) if line.endswith(b"\n")]
        await child.wait()
        async with self.opened(url) as storage:
            kept = {record.request_id for record in await storage.records(limit=1_000_000)}
            await storage.finish(record(0))
        assert len(finished) >= moment
        assert {line.decode().strip() for line in finished} <= kept

    async def test_two_processes_together_hold_no_more_than_there_is(self, storage: Storage, url: str) -> None:
        await storage.add_account(Account(name="acme"))
        await storage.credit("acme", 500, id="c")
        said = await asyncio.gather(*(run(self.factory, url, _SPENDER, name) for name in "ab"))
        held = [int(line) for (line,) in said]
        assert sum(held) == 50
        balance = await storage.balance("acme")
        assert balance is not None
        assert (balance.available_nano, balance.reserved_nano) == (0, 500)
        assert (await storage.verify()).ok

    @pytest.mark.parametrize("moment", [0, 3, 30, 100, 300])
    async def test_after_kill_9_every_sum_is_that_of_its_rows(self, url: str, moment: int) -> None:
        """Whatever was said to be done is there, and nothing is there by half."""
        async with self.opened(url) as storage:
            await storage.add_account(Account(name="acme"))
            await storage.credit("acme", 10**9, id="c")
        child = await start(self.factory, url, _SHOP)
        assert child.stdout is not None
        done = [await child.stdout.readline() for _ in range(moment)]
        await asyncio.sleep(random.random() / 200)
        child.kill()
        done += [line for line in (await child.stdout.read()).splitlines(keepends=True) if line.endswith(b"\n")]
        await child.wait()
        async with self.opened(url) as storage:
            assert (await storage.verify()).problems == ()
            settled = {row.request_id: row.amount_nano for row in await storage.ledger(limit=10**6) if row.kind == "settle"}
            costs = {kept.request_id: kept.cost_nano for kept in await storage.records(limit=10**6)}
            assert {line.decode().strip() for line in done} <= settled.keys()
            assert settled == costs
            await storage.sweep(2e9)
            balance = await storage.balance("acme")
            assert balance is not None
            assert (balance.reserved_nano, balance.spent_nano) == (0, sum(settled.values()))
            assert (await storage.verify()).ok


_CHANGER = """
    print(await storage.version())
    print((await storage.find_key("ab" * 32)).name)
    await storage.set_setting("off", "theirs")
    await storage.add_key(Key(id="key_2", name="bob", account="acme", digest="12" * 32))
"""
_STARTER = """
    print((await storage.secret("seals")).hex())
    await asyncio.gather(*(storage.finish(Record(request_id=f"{argument}-{n}", at=1.0)) for n in range(50)))
"""
_FINISHER = """
    async def client(name):
        for n in range(100_000):
            await storage.finish(Record(request_id=f"{name}-{n}", at=1.0))
            print(f"{name}-{n}", flush=True)
    await asyncio.gather(*(client(name) for name in "abcdefgh"))
"""
_SPENDER = """
    async def one(n):
        return await storage.reserve(Reservation(
            request_id=f"{argument}-{n}", account="acme", key="k", amount_nano=10, at=1e9, expires_at=2e9))
    print((await asyncio.gather(*(one(n) for n in range(50)))).count(None))
"""
_SHOP = """
    async def client(name):
        for n in range(100_000):
            id = f"{name}-{n}"
            await storage.reserve(Reservation(
                request_id=id, account="acme", key=name, amount_nano=10 + n % 7, at=1e9, expires_at=1.5e9,
                quota_nano=10**9, period="day"))
            if n % 5 == 0:
                await storage.release(id)
            else:
                await storage.settle(Record(request_id=id, at=1e9, account="acme", key=name, cost_nano=n % 11), name)
                print(id, flush=True)
    await asyncio.gather(*(client(name) for name in "abcdefgh"))
"""
