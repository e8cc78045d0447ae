"""The task engine: work that outlives its request is handed over once, watched to its end, settled once.

    new -> submitting -> running -> over
                |           `-> late -> over      given up at its deadline: over for its owner
                `-> parked -> running | over      nobody knows whether the channel got it

A process works on a task under a lease. A lease that runs out, or whose process is gone, frees the task for another; a write
needs the version that was read, so whoever came late changes nothing.
"""

from __future__ import annotations

import asyncio
import secrets
import string
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from .background import Background
from .billing import dead
from .errors import PiscesError
from .ledger import Audit
from .log import log
from .records import Books
from .storage import Storage
from .task import Phase, Task, ended
from .task_bill import cancelled, closed
from .task_steps import Steps
from .webhook import Delivery

ROOM = 256  # tasks that one process works on at a time
_BASE62 = string.digits + string.ascii_letters
Notice = Callable[[Task, float], Awaitable[list[Delivery]]]
Keeping = Callable[[Task], Awaitable[Task]]


def new_id() -> str:
    return "task_" + "".join(secrets.choice(_BASE62) for _ in range(32))


class Tasks:
    """The engine of one process. `keeping` brings results where they are kept, `notice` makes the deliveries that tell
    of an end, `told` is called once these are stored."""

    def __init__(
        self,
        *,
        storage: Storage,
        steps: Steps,
        books: Books,
        background: Background,
        owner: str,
        keeping: Keeping,
        notice: Notice,
        told: Callable[[], None],
    ) -> None:
        self.steps = steps
        self._storage = storage
        self._books = books
        self._background = background
        self._owner = owner
        self._keeping = keeping
        self._notice = notice
        self._told = told
        self._running: set[str] = set()
        self._at_once: dict[str, asyncio.Semaphore] = {}
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something to do now."""
        self._wake.set()

    async def hint(self, id: str) -> None:
        """Look at a task now, if nobody is at it."""
        task = await self._storage.task(id)
        if task is not None and task.phase in ("running", "parked") and id not in self._running:
            await self._storage.save_task(msgspec.structs.replace(task, next_at=time.time()))
            self.wake()

    # -- taking

    async def run(self) -> None:
        """Take what is due, for as long as the process lives."""
        renewed = time.monotonic()
        while True:
            pace = self.steps.pace
            try:
                if self._running and time.monotonic() - renewed > pace.lease / 3:
                    renewed = time.monotonic()
                    await self._storage.renew_tasks(self._owner, time.time() + pace.lease)
                await self._take()
            except PiscesError as error:
                log.warning("tasks_not_taken", error=error.message)
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pace.tick)

    async def _take(self) -> None:
        room = ROOM - len(self._running)
        if room <= 0 or self._background.closing:
            return
        now = time.time()
        claimed = await self._storage.claim_tasks(
            self._owner, now, now + self.steps.pace.lease, limit=room, dead=lambda owner: dead(owner, self._owner)
        )
        for task in claimed:
            self._running.add(task.id)
            self._background.start(self._work(task))

    async def _work(self, task: Task) -> None:
        try:
            async with self._turn(task):
                await self._step(task)
        except PiscesError as error:
            log.warning("task_step_failed", task=task.id, error=error.message)
            await self._put_back(task.id)
        except Exception as error:  # a driver's mistake must not hold the task for ever
            log.error("task_step_failed", task=task.id, exc_info=error)
            await self._put_back(task.id)
        finally:
            self._running.discard(task.id)

    def _turn(self, task: Task) -> asyncio.Semaphore:
        """Polls of one channel wait for each other; what takes long does not hold them up."""
        name = f"{task.channel}/{'polls' if task.phase in ('running', 'late', 'parked') else 'submissions'}"
        if name not in self._at_once:
            self._at_once[name] = asyncio.Semaphore(self.steps.pace.at_once if name.endswith("polls") else ROOM)
        return self._at_once[name]

    async def _put_back(self, id: str) -> None:
        """End the lease of a task whose step failed by our own fault; as soon as the storage can."""
        while True:
            await asyncio.sleep(self.steps.pace.tick)
            try:
                task = await self._storage.task(id)
                if task is not None:
                    await self._storage.save_task(msgspec.structs.replace(task, next_at=time.time() + 5.0))
                return
            except PiscesError:
                continue

    # -- one step

    async def _step(self, task: Task) -> None:
        now = time.time()
        match task.phase:
            case "new" if now >= task.deadline:
                await self._finish(_given_up(task, now))
            case "new":
                await self._hand_over(task)
            case "submitting":
                await self._keep(self.steps.lost(task))
            case "parked":
                await self._keep(await self.steps.found(task))
            case "running":
                await self._look(task, now)
            case "late" if task.status == "cancelled":
                await self.steps.called_off(task)
                await self._storage.save_task(msgspec.structs.replace(task, phase="over"))
            case "late":
                await self._look_late(task, now)

    async def _hand_over(self, task: Task) -> None:
        after = await self.steps.handed_over(task, lambda asking: self._storage.save_task(asking, keep=True))
        if after is None:
            log.info("task_written_elsewhere", task=task.id)
            return
        if not await self._keep(after) and after.phase == "running":
            await self.steps.called_off(after)  # cancelled while it was handed over

    async def _look(self, task: Task, now: float) -> None:
        after = await self.steps.looked_at(task)
        if after.over or now < task.deadline:
            await self._keep(after)
            return
        await self.steps.called_off(task)
        if not self.steps.pace.late:
            await self._finish(_given_up(after, now))
            return
        late = msgspec.structs.replace(_given_up(after, now), polls=0, next_at=now + self.steps.pace.late[0])
        await self._finish(late, phase="late")

    async def _look_late(self, task: Task, now: float) -> None:
        """A task that was given up, and paid back: what comes of it is written down, and changes nothing for its owner."""
        alive = msgspec.structs.replace(task, status="in_progress", completed_at=None)
        after = await self.steps.looked_at(alive)
        polls = task.polls + 1
        more = not after.over and polls < len(self.steps.pace.late)
        note = task.note
        if after.over:
            note = f"The upstream ended it as {after.status} {now - (task.completed_at or now):.0f} s after it was given up."
            log.warning("task_late", task=task.id, channel=task.channel, status=after.status)
        next_at = now + self.steps.pace.late[min(polls, len(self.steps.pace.late) - 1)]
        await self._storage.save_task(
            msgspec.structs.replace(task, phase="late" if more else "over", polls=polls, next_at=next_at, note=note)
        )

    # -- writing

    async def _keep(self, task: Task) -> bool:
        """Write a task after a step; False where somebody else has written it meanwhile."""
        if task.over:
            return await self._finish(task)
        return await self._storage.save_task(task) is not None

    async def _finish(self, task: Task, phase: Phase = "over") -> bool:
        return await self.finish(task, phase) is not None

    async def finish(self, task: Task, phase: Phase = "over", audit: Audit | None = None) -> Task | None:
        """The end of a task: row, bill, ledger and notices at once. None where somebody else has written it meanwhile."""
        if task.status == "completed":
            task = await self._keeping(task)
        now = time.time()
        task, record = closed(task, phase, self.steps.provider_name(task), self.steps.costs_of(task), now)
        finished = await self._storage.finish_task(task, record, await self._notice(task, now), audit=audit)
        if finished is not None:
            self._told()
            self._books.tell_record(record)
        return finished

    async def cancel(self, task: Task, audit: Audit | None = None) -> Task:
        """End a task for its owner: nothing is charged, the upstream is asked to stop. One that is over stays as it is."""
        while not task.over:
            finished = await self.finish(*cancelled(task, time.time()), audit)
            if finished is not None:
                self.wake()
                return finished
            task = await self._storage.task(task.id) or task
        return task


def _given_up(task: Task, now: float) -> Task:
    waited = now - task.created_at
    message = f"It did not end within {waited:.0f} s, so it was given up. Nothing is charged."
    return ended(task, "failed", now, "timeout", message)
