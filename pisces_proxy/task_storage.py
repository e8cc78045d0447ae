"""What a storage must promise of tasks and the webhooks that tell of them. Part of `Storage`; each verb is one transaction."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .ledger import Audit, Refusal, Reservation
from .task import Status, Task, TaskType
from .webhook import Delivery, HookSecret

if TYPE_CHECKING:
    from .storage import Record

Dead = Callable[[str], bool]


class TaskStorage(abc.ABC):
    """Tasks by their ids, leases on them, deliveries. What an operator's change goes through takes its `audit`: it is written
    with the change or not at all."""

    @abc.abstractmethod
    async def add_task(self, task: Task, reservation: Reservation | None = None) -> Refusal | None:
        """The task's row together with its hold: both, or neither and why. The same task again changes nothing."""

    @abc.abstractmethod
    async def task(self, id: str) -> Task | None: ...

    @abc.abstractmethod
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
        """The newest first, or the oldest; behind the task `after`. Nothing behind one that is not there."""

    @abc.abstractmethod
    async def claim_tasks(
        self, owner: str, now: float, until: float, *, limit: int = 100, dead: Dead | None = None
    ) -> Sequence[Task]:
        """Take tasks whose next step is due, the longest due first, for `owner` alone until then. A lease that has run out,
        or whose owner is `dead`, is free. No two claims give the same task."""

    @abc.abstractmethod
    async def renew_tasks(self, owner: str, until: float) -> int:
        """Extend every lease of an owner; how many."""

    @abc.abstractmethod
    async def save_task(self, task: Task, *, keep: bool = False) -> Task | None:
        """Write a task that nobody else has written since it was read: the task as it is now, None where somebody has. Its
        lease ends unless it is to be kept."""

    @abc.abstractmethod
    async def finish_task(
        self, task: Task, record: Record, deliveries: Sequence[Delivery] = (), *, audit: Audit | None = None
    ) -> Task | None:
        """The end, in one transaction: the row, the usage row `record` with its settlement (see `settle`; a cost of 0 gives
        all of the hold back) and the deliveries. None, and nothing changes, where somebody else has written the task."""

    @abc.abstractmethod
    async def delete_task(self, id: str) -> bool:
        """Take a task away that is over for its owner. Its usage row, its ledger rows and its deliveries stay."""

    # -- webhooks

    @abc.abstractmethod
    async def claim_deliveries(
        self, owner: str, now: float, until: float, *, limit: int = 100, dead: Dead | None = None
    ) -> Sequence[Delivery]:
        """As `claim_tasks`, of waiting deliveries."""

    @abc.abstractmethod
    async def save_delivery(self, delivery: Delivery, *, audit: Audit | None = None) -> None:
        """An attempt was made; its lease ends. One that is `disabled` takes with it what else waits for the same URL of the
        same account."""

    @abc.abstractmethod
    async def deliveries(self, task: str) -> Sequence[Delivery]:
        """A task's, in the order they were made."""

    @abc.abstractmethod
    async def hook_secret(self, account: str) -> HookSecret:
        """Made on first asking."""

    @abc.abstractmethod
    async def rotate_hook_secret(self, account: str, until: float, *, audit: Audit | None = None) -> HookSecret:
        """A new secret; the old one signs too until then."""
