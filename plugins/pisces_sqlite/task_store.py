"""The verbs of tasks and deliveries: the part of the storage that `tasks.py` does the work of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from pisces_proxy.ledger import Audit, Refusal, Reservation
from pisces_proxy.storage import Record
from pisces_proxy.task import Status, Task, TaskType
from pisces_proxy.task_storage import TaskStorage
from pisces_proxy.webhook import Delivery, HookSecret

from . import tasks

Dead = Callable[[str], bool]


class SqliteTasks(TaskStorage):
    """Needs `_write`, `_read` and `_report` beside it."""

    _write: Callable[[Any], Awaitable[Any]]
    _read: Callable[..., Awaitable[list[Any]]]
    _report: Callable[..., Awaitable[list[Any]]]

    async def add_task(self, task: Task, reservation: Reservation | None = None) -> Refusal | None:
        refusal: Refusal | None = await self._write(partial(tasks.add, task, reservation))
        return refusal

    async def task(self, id: str) -> Task | None:
        found = await self._read(tasks.TASK, (id,))
        return tasks.to_task(found[0]) if found else None

    async def tasks(
        self,
        *,
        account: str | None = None,
        type: TaskType | None = None,
        status: Status | None = None,
        after: str | None = None,
        limit: int = 20,
        ascending: bool = False,
    ) -> Sequence[Task]:
        found = await self._report(*tasks.listed(account, type, status, after, limit, ascending))
        return [tasks.to_task(row) for row in found]

    async def claim_tasks(
        self, owner: str, now: float, until: float, *, limit: int = 100, dead: Dead | None = None
    ) -> Sequence[Task]:
        if not await self._claimable("tasks", now, dead):
            return []
        claimed: list[Task] = await self._write(partial(tasks.claim, owner, now, until, limit, dead))
        return claimed

    async def renew_tasks(self, owner: str, until: float) -> int:
        renewed: int = await self._write(partial(tasks.renew, owner, until))
        return renewed

    async def save_task(self, task: Task, *, keep: bool = False) -> Task | None:
        saved: Task | None = await self._write(partial(tasks.save, task, keep))
        return saved

    async def finish_task(
        self, task: Task, record: Record, deliveries: Sequence[Delivery] = (), *, audit: Audit | None = None
    ) -> Task | None:
        if record.cost_nano < 0:
            raise ValueError("a cost is not negative")
        finished: Task | None = await self._write(partial(tasks.finish, task, record, deliveries, audit))
        return finished

    async def delete_task(self, id: str) -> bool:
        deleted: bool = await self._write(partial(tasks.delete, id))
        return deleted

    async def claim_deliveries(
        self, owner: str, now: float, until: float, *, limit: int = 100, dead: Dead | None = None
    ) -> Sequence[Delivery]:
        if not await self._claimable("deliveries", now, dead):
            return []
        claimed: list[Delivery] = await self._write(partial(tasks.claim_deliveries, owner, now, until, limit, dead))
        return claimed

    async def save_delivery(self, delivery: Delivery, *, audit: Audit | None = None) -> None:
        await self._write(partial(tasks.save_delivery, delivery, audit))

    async def deliveries(self, task: str) -> Sequence[Delivery]:
        return [tasks.to_delivery(row) for row in await self._read(tasks.DELIVERIES, (task,))]

    async def hook_secret(self, account: str) -> HookSecret:
        secret: HookSecret = await self._write(partial(tasks.hook_secret, account))
        return secret

    async def rotate_hook_secret(self, account: str, until: float, *, audit: Audit | None = None) -> HookSecret:
        secret: HookSecret = await self._write(partial(tasks.rotate_hook_secret, account, until, audit))
        return secret

    async def _claimable(self, table: str, now: float, dead: Dead | None) -> bool:
        """Whether there is anything to take: asked twice a second, so it may not cost a transaction that others wait for."""
        found = await self._read(tasks.CLAIMABLE[table], (now, now))
        return any(free or (dead is not None and dead(owner)) for owner, free in found)
