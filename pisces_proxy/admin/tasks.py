"""Tasks and the webhooks that tell of them, and the secrets that sign these."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from ..errors import Conflict
from ..ledger import Audit
from ..task import Status, TaskType, Try
from ..task import Task as Row
from ..webhook import OLD_SECRET, DeliveryTry, written
from ..webhook import Delivery as Sent
from .asked import Nothing, Page
from .desk import Call, Desk, lost_cursor, missing, moment
from .told import Told


class TasksQuery(Page, frozen=True):
    account: str | None = None
    type: TaskType | None = None
    status: Status | None = None


class Task(Told, frozen=True):
    """A task. `phase` is how far the gateway is with it; `hold_nano` what is held while it runs, `cost_nano` what it cost;
    `note` what became of it upstream after it was given up."""

    id: str
    type: TaskType
    status: Status
    progress: int
    phase: str
    model: str
    account: str
    key: str
    request_id: str
    channel: str
    upstream_model: str
    hold_nano: int
    cost_nano: int
    webhook: str
    error_code: str
    error_message: str
    note: str
    created_at: datetime
    completed_at: datetime | None
    deadline: datetime


class Tasks(Told, frozen=True):
    """The newest first."""

    data: list[Task]
    next_cursor: str | None


class Submission(Told, frozen=True):
    channel: str
    model: str
    at: datetime
    status: int | None
    error: str | None
    ms: float


class Attempt(Told, frozen=True):
    at: datetime
    status: int | None
    error: str
    ms: float


class Delivery(Told, frozen=True):
    """A webhook on its way: `waiting`, `delivered`, `failed` after its last attempt, `disabled` by a receiver that said 410."""

    id: str
    event: str
    url: str
    state: str
    created_at: datetime
    next_at: datetime
    tries: list[Attempt]


class TaskInFull(Task, frozen=True):
    """With its submissions to channels, and every attempt to tell of its end."""

    tries: list[Submission]
    deliveries: list[Delivery]


class Deliveries(Told, frozen=True):
    data: list[Delivery]


class HookSecret(Told, frozen=True):
    """What receivers verify webhooks with. The one before signs too until `previous_until`."""

    account: str
    secret: str
    previous_until: datetime | None


async def list_tasks(desk: Desk, call: Call[TasksQuery, None]) -> Tasks:
    query = call.query
    if query.cursor is not None and await desk.storage.task(query.cursor) is None:
        raise lost_cursor()
    found = await desk.storage.tasks(
        account=query.account, type=query.type, status=query.status, after=query.cursor, limit=query.limit + 1
    )
    page = found[: query.limit]
    return Tasks(data=[Task(**_task(row)) for row in page], next_cursor=page[-1].id if len(found) > len(page) else None)


async def get_task(desk: Desk, call: Call[Nothing, None]) -> TaskInFull:
    row = await _row(desk, call.path["id"])
    return await _in_full(desk, row)


async def cancel_task(desk: Desk, call: Call[Nothing, None]) -> TaskInFull:
    row = await _row(desk, call.path["id"])
    audit = Audit(at=time.time(), actor=call.actor, action="task.cancel", target=row.id)
    after = await desk.gateway.work.engine.cancel(row, audit)
    if after.status != "cancelled":
        raise Conflict(f"The task is over already: it has {after.status}.", code="task_over")
    return await _in_full(desk, after)


async def redeliver(desk: Desk, call: Call[Nothing, None]) -> Deliveries:
    row = await _row(desk, call.path["id"])
    now = time.time()
    for sent in await desk.storage.deliveries(row.id):
        audit = Audit(at=now, actor=call.actor, action="webhook.redeliver", target=sent.id)
        await desk.storage.save_delivery(msgspec.structs.replace(sent, state="waiting", next_at=now), audit=audit)
    desk.gateway.work.webhooks.wake()
    return Deliveries(data=_deliveries(await desk.storage.deliveries(row.id)))


async def get_secret(desk: Desk, call: Call[Nothing, None]) -> HookSecret:
    name = await _account(desk, call.path["name"])
    return _secret(name, await desk.storage.hook_secret(name))


async def rotate_secret(desk: Desk, call: Call[Nothing, None]) -> HookSecret:
    name, now = await _account(desk, call.path["name"]), time.time()
    audit = Audit(at=now, actor=call.actor, action="account.rotate_webhook_secret", target=name)
    return _secret(name, await desk.storage.rotate_hook_secret(name, now + OLD_SECRET, audit=audit))


def _secret(account: str, found: Any) -> HookSecret:
    until = moment(found.previous_until) if found.previous else None
    return HookSecret(account=account, secret=written(found.secret), previous_until=until)


async def _account(desk: Desk, name: str) -> str:
    if await desk.storage.find_account(name) is None:
        raise missing("account", name)
    return name


async def _row(desk: Desk, id: str) -> Row:
    row = await desk.storage.task(id)
    if row is None:
        raise missing("task", id)
    return row


def _task(row: Row) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in Task.__struct_fields__}
    ended = moment(row.completed_at) if row.completed_at is not None else None
    times = {"created_at": moment(row.created_at), "completed_at": ended, "deadline": moment(row.deadline)}
    return values | {"key": row.key_name} | times


async def _in_full(desk: Desk, row: Row) -> TaskInFull:
    tries = [_submission(each) for each in row.tries]
    return TaskInFull(**_task(row), tries=tries, deliveries=_deliveries(await desk.storage.deliveries(row.id)))


def _submission(tried: Try) -> Submission:
    return Submission(**msgspec.structs.asdict(tried) | {"at": moment(tried.at)})


def _deliveries(found: Sequence[Sent]) -> list[Delivery]:
    return [
        Delivery(
            id=sent.id,
            event=sent.event,
            url=sent.url,
            state=sent.state,
            created_at=moment(sent.created_at),
            next_at=moment(sent.next_at),
            tries=[_attempt(each) for each in sent.tries],
        )
        for sent in found
    ]


def _attempt(tried: DeliveryTry) -> Attempt:
    return Attempt(**msgspec.structs.asdict(tried) | {"at": moment(tried.at)})
