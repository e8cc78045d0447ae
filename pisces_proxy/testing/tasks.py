"""Tasks: added with their hold, claimed by one at a time, finished once; deliveries, and the secrets that sign them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from ..ledger import Refusal, Reservation
from ..media import Asset, Image, Video
from ..pricing import Rates
from ..storage import Account, Storage
from ..task import Task, Try, Way
from ..webhook import Delivery, DeliveryTry
from .contract import Contract
from .processes import run, start
from .samples import NOON, record

FULL_TASK = Task(
    id="task_full",
    account="acme",
    key="key_1",
    key_name="alice",
    type="video",
    facade="a.facade",
    model="模型",
    request=Video(prompt="a 龙", seconds=4.5, assets=(Asset(data=b"\0\xff", mime="image/png", role="first_frame"),)),
    request_id="req_1",
    webhook="https://example.com/hook",
    created_at=NOON,
    deadline=NOON + 3600,
    ways=(Way(channel="main", model="up-1", driver="a.driver", rates=Rates(seconds={"720p": 5}, source="file")),),
    status="in_progress",
    progress=7,
    phase="running",
    next_at=NOON + 1,
    tries=(Try(channel="main", model="up-1", at=NOON, status=200),),
    state={"id": "up", "n": [1, {"a": None}]},
    assets=(Asset(url="https://example.com/v.mp4"),),
)


def task(n: object, **fields: Any) -> Task:
    given: dict[str, Any] = {
        "id": f"task_{n}", "account": "acme", "key": "key_1", "type": "video", "facade": "f", "model": "m",
        "request": Video(prompt="p"), "request_id": f"req_{n}", "created_at": NOON, "deadline": NOON + 60, "next_at": NOON,
    }  # fmt: skip
    return Task(**{**given, **fields})


def hold(n: object, amount: int = 100) -> Reservation:
    return Reservation(request_id=f"req_{n}", account="acme", key="key_1", amount_nano=amount, at=NOON, expires_at=NOON + 10**6)


def over(given: Task, **fields: Any) -> Task:
    return msgspec.structs.replace(given, status="completed", phase="over", completed_at=NOON + 9, **fields)


def delivery(n: object, of: str = "task_1", **fields: Any) -> Delivery:
    given: dict[str, Any] = {"url": "https://example.com/h", "event": "task.completed", "body": b'{"a":1}'}
    times = {"created_at": NOON, "next_at": NOON}
    return Delivery(**{"id": f"msg_{n}", "task": of, "account": "acme", **given, **times, **fields})


class TaskContract(Contract):
    async def funded(self, storage: Storage, amount: int = 1000) -> None:
        await storage.add_account(Account(name="acme"))
        await storage.credit("acme", amount, id="c")

    @pytest.mark.parametrize("given", [FULL_TASK, task(1, type="image", request=Image(prompt="x"))], ids=["full", "bare"])
    async def test_a_task_is_found_as_it_was_added(self, storage: Storage, given: Task) -> None:
        for _ in range(2):
            assert await storage.add_task(given) is None
        assert await storage.task(given.id) == given
        assert await storage.task("task_nobody") is None
        assert list(await storage.tasks()) == [given]

    async def test_a_task_is_added_with_its_hold_or_not_at_all(self, storage: Storage) -> None:
        await self.funded(storage, 150)
        for _ in range(2):
            assert await storage.add_task(task(1), hold(1)) is None
        assert await storage.add_task(task(2), hold(2)) == Refusal(short="balance", available_nano=50)
        assert await storage.task("task_2") is None
        balance = await storage.balance("acme")
        assert balance is not None
        assert (balance.reserved_nano, balance.available_nano) == (100, 50)

    async def test_pages_neither_overlap_nor_skip(self, storage: Storage) -> None:
        for n in range(7):
            await storage.add_task(task(n, created_at=NOON + n // 3))
        await storage.add_task(task("other", account="other"))
        for ascending in (False, True):
            names: list[str] = []
            after = None
            while page := await storage.tasks(account="acme", after=after, limit=2, ascending=ascending):
                names += [each.id for each in page]
                after = names[-1]
            assert names == [f"task_{n}" for n in (range(7) if ascending else reversed(range(7)))]
        assert await storage.tasks(after="task_nobody") == []

    async def test_tasks_are_found_by_type_and_status(self, storage: Storage) -> None:
        await storage.add_task(task(1, type="image", request=Image()))
        await storage.add_task(task(2, status="in_progress"))
        await storage.add_task(task(3))
        assert [each.id for each in await storage.tasks(type="image")] == ["task_1"]
        assert [each.id for each in await storage.tasks(status="queued")] == ["task_3", "task_1"]
        assert [each.id for each in await storage.tasks(status="queued", type="video")] == ["task_3"]
        assert await storage.tasks(account="nobody") == []

    # -- leases

    async def test_no_two_claimers_get_the_same_task(self, storage: Storage) -> None:
        for n in range(30):
            await storage.add_task(task(n))
        claims = await asyncio.gather(*(storage.claim_tasks(f"o{n}", NOON, NOON + 60, limit=4) for n in range(10)))
        names = [each.id for claim in claims for each in claim]
        assert len(names) == len(set(names)) == 30

    async def test_only_what_is_due_and_open_is_claimed_the_longest_due_first(self, storage: Storage) -> None:
        await storage.add_task(task("later", next_at=NOON + 1))
        await storage.add_task(task("second", next_at=NOON - 1))
        await storage.add_task(task("first", next_at=NOON - 2))
        await storage.add_task(task("over", phase="over", status="failed", next_at=0.0))
        assert [each.id for each in await storage.claim_tasks("me", NOON, NOON + 60)] == ["task_first", "task_second"]
        assert await storage.claim_tasks("me", NOON, NOON + 60) == []

    async def test_a_lease_ends_when_it_is_saved_or_runs_out_and_may_be_extended(self, storage: Storage) -> None:
        await storage.add_task(task(1))
        (mine,) = await storage.claim_tasks("me", NOON, NOON + 10)
        kept = await storage.save_task(mine, keep=True)
        assert kept is not None
        assert await storage.claim_tasks("you", NOON + 1, NOON + 10) == []
        assert await storage.renew_tasks("me", NOON + 20) == 1
        assert await storage.claim_tasks("you", NOON + 11, NOON + 20) == []
        assert len(await storage.claim_tasks("you", NOON + 20, NOON + 30)) == 1
        assert await storage.renew_tasks("me", NOON + 90) == 0
        (again,) = await storage.claim_tasks("they", NOON + 31, NOON + 40)
        assert await storage.save_task(again) is not None
        assert len(await storage.claim_tasks("you", NOON + 31, NOON + 40)) == 1

    async def test_the_lease_of_a_dead_owner_is_free(self, storage: Storage) -> None:
        await storage.add_task(task(1))
        await storage.add_task(task(2, next_at=NOON + 5))
        await storage.claim_tasks("dead", NOON, NOON + 900)
        await storage.claim_tasks("alive", NOON + 5, NOON + 900)
        claimed = await storage.claim_tasks("me", NOON + 6, NOON + 900, dead=lambda owner: owner == "dead")
        assert [each.id for each in claimed] == ["task_1"]

    async def test_of_two_that_write_the_same_version_one_is_told_that_it_came_late(self, storage: Storage) -> None:
        await storage.add_task(task(1))
        (mine,) = await storage.claim_tasks("me", NOON, NOON + 1)
        (theirs,) = await storage.claim_tasks("they", NOON + 1, NOON + 2)
        assert await storage.save_task(msgspec.structs.replace(mine, progress=9)) is None
        saved = await storage.save_task(msgspec.structs.replace(theirs, progress=5))
        assert saved is not None
        assert await storage.task("task_1") == saved
        assert saved.progress == 5

    # -- the end

    async def test_a_task_ends_once_with_its_row_its_bill_and_its_notices(self, storage: Storage) -> None:
        await self.funded(storage)
        await storage.add_task(task(1), hold(1))
        current = await storage.task("task_1")
        assert current is not None
        bill = record("req_1", account="acme", key="alice", cost_nano=70)
        ends = await asyncio.gather(*(storage.finish_task(over(current), bill, [delivery(1)]) for _ in range(5)))
        assert [end is not None for end in ends].count(True) == 1
        assert await storage.finish_task(over(current), bill, [delivery(2)]) is None
        balance = await storage.balance("acme")
        assert balance is not None
        assert (balance.balance_nano, balance.reserved_nano) == (930, 0)
        assert await storage.record("req_1") == bill
        assert list(await storage.deliveries("task_1")) == [delivery(1)]
        assert (await storage.verify()).ok

    async def test_a_task_that_cost_nothing_gives_its_hold_back(self, storage: Storage) -> None:
        await self.funded(storage)
        await storage.add_task(task(1), hold(1))
        await storage.finish_task(over(task(1)), record("req_1", account="acme", key="alice"))
        balance = await storage.balance("acme")
        assert balance is not None
        assert (balance.balance_nano, balance.reserved_nano) == (1000, 0)
        assert (await storage.verify()).ok

    async def test_the_end_changes_nothing_where_somebody_else_has_written(self, storage: Storage) -> None:
        await self.funded(storage)
        await storage.add_task(task(1), hold(1))
        await storage.claim_tasks("me", NOON, NOON + 1)
        assert await storage.finish_task(over(task(1)), record("req_1", cost_nano=5), [delivery(1)]) is None
        assert await storage.record("req_1") is None
        assert await storage.deliveries("task_1") == []
        balance = await storage.balance("acme")
        assert balance is not None
        assert balance.reserved_nano == 100

    async def test_only_a_task_that_is_over_can_be_taken_away(self, storage: Storage) -> None:
        await storage.add_task(task(1))
        assert await storage.delete_task("task_1") is False
        await storage.finish_task(over(task(1)), record("req_1"), [delivery(1)])
        assert await storage.delete_task("task_1") is True
        assert await storage.delete_task("task_1") is False
        assert await storage.task("task_1") is None
        assert await storage.record("req_1") is not None
        assert list(await storage.deliveries("task_1")) == [delivery(1)]

    @pytest.mark.parametrize("moment", [0, 5, 60])
    async def test_after_kill_9_a_task_has_ended_whole_or_not_at_all(self, url: str, moment: int) -> None:
        async with self.opened(url) as storage:
            await self.funded(storage, 10**9)
        child = await start(self.factory, url, _WORKER)
        assert child.stdout is not None
        for _ in range(moment):
            await child.stdout.readline()
        child.kill()
        await child.stdout.read()
        await child.wait()
        async with self.opened(url) as storage:
            for each in await storage.tasks(limit=10**6):
                settled = [entry for entry in await storage.ledger(request_id=each.request_id) if entry.kind == "settle"]
                told = await storage.deliveries(each.id)
                assert (len(settled), len(told)) == ((1, 1) if each.over else (0, 0))
            assert (await storage.verify()).ok

    async def test_a_task_claimed_here_is_not_claimed_by_another_process(self, storage: Storage, url: str) -> None:
        for n in range(20):
            await storage.add_task(task(n))
        here, there = await asyncio.gather(
            storage.claim_tasks("me", NOON, NOON + 60, limit=12), run(self.factory, url, _CLAIMER)
        )
        names = [each.id for each in here] + there
        assert len(names) == len(set(names)) == 20

    async def test_old_tasks_are_pruned_once_everybody_is_told(self, storage: Storage) -> None:
        for n in range(3):
            await storage.add_task(task(n, created_at=NOON + n))
            await storage.finish_task(
                over(task(n, created_at=NOON + n)), record(f"req_{n}", at=NOON + 100), [delivery(n, f"task_{n}")]
            )
        await storage.add_task(task("running"))
        await storage.save_delivery(msgspec.structs.replace(delivery(0, "task_0"), state="delivered"))
        assert await storage.prune(NOON + 50) == 1
        assert {each.id for each in await storage.tasks()} == {"task_1", "task_2", "task_running"}
        assert await storage.deliveries("task_0") == []

    # -- deliveries

    async def finished(self, storage: Storage, deliveries: Sequence[Delivery]) -> None:
        await storage.add_task(task(1))
        await storage.finish_task(over(task(1)), record("req_1"), deliveries)

    async def test_a_delivery_is_claimed_by_one_until_it_is_saved(self, storage: Storage) -> None:
        await self.finished(storage, [delivery(n) for n in range(8)])
        claims = await asyncio.gather(*(storage.claim_deliveries(f"o{n}", NOON, NOON + 60, limit=2) for n in range(5)))
        names = [each.id for claim in claims for each in claim]
        assert sorted(names) == [f"msg_{n}" for n in range(8)]
        again = delivery(0, next_at=NOON + 5, tries=(DeliveryTry(at=NOON, status=500, error="x", ms=1.5),))
        await storage.save_delivery(again)
        await storage.save_delivery(delivery(1, state="delivered"))
        assert await storage.claim_deliveries("me", NOON + 4, NOON + 60) == []
        assert list(await storage.claim_deliveries("me", NOON + 5, NOON + 60)) == [again]
        dead = await storage.claim_deliveries("me", NOON + 5, NOON + 60, dead=lambda owner: owner == "me")
        assert list(dead) == [again]

    async def test_a_receiver_that_is_gone_gets_no_more(self, storage: Storage) -> None:
        await self.finished(storage, [delivery(1), delivery(2), delivery(3, url="https://elsewhere.example/h")])
        await storage.save_delivery(delivery(1, state="disabled"))
        assert [each.state for each in await storage.deliveries("task_1")] == ["disabled", "disabled", "waiting"]
        assert [each.id for each in await storage.claim_deliveries("me", NOON, NOON + 1)] == ["msg_3"]

    async def test_a_secret_is_made_once_and_the_old_one_holds_for_a_while(self, storage: Storage) -> None:
        first, *others = await asyncio.gather(*(storage.hook_secret("acme") for _ in range(5)))
        assert set(others) == {first}
        assert len(first.secret) >= 24
        assert (await storage.hook_secret("other")).secret != first.secret
        second = await storage.rotate_hook_secret("acme", NOON + 60)
        assert await storage.hook_secret("acme") == second
        assert second.valid(NOON) == (second.secret, first.secret)
        assert second.valid(NOON + 60) == (second.secret,)


_WORKER = """
    from pisces_proxy.testing.tasks import delivery, hold, over, record, task
    for n in range(100_000):
        await storage.add_task(task(n), hold(n))
        (mine,) = await storage.claim_tasks("worker", 2e9, 3e9)
        bill = record(f"req_{n}", account="acme", key="alice", cost_nano=7)
        await storage.finish_task(over(mine), bill, [delivery(n, mine.id)])
        print(n, flush=True)
"""
_CLAIMER = """
    for each in await storage.claim_tasks("they", 1.7e9, 1.7e9 + 60, limit=8):
        print(each.id)
"""
