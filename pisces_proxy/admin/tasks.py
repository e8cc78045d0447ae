"""Tasks and the webhooks that tell of them, and the secrets that sign these."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from ..errors import Conflict
from ..task import Task, Try
from ..webhook import OLD_SECRET, Delivery, DeliveryTry, written
from . import told
from .asked import Nothing, TasksQuery
from .desk import Call, Desk, audit, lost_cursor, missing, moment


async def list_tasks(desk: Desk, call: Call[TasksQuery, None]) -> told.Tasks:
    query = call.query
    if query.cursor is not None and await desk.storage.task(query.cursor) is None:
        raise lost_cursor()
    found = await desk.storage.tasks(
        account=query.account, type=query.type, status=query.status, after=query.cursor, limit=query.limit + 1
    )
    page = found[: query.limit]
    return told.Tasks(
        data=[told.Task(**_task(row)) for row in page], next_cursor=page[-1].id if len(found) > len(page) else None
    )


async def get_task(desk: Desk, call: Call[Nothing, None]) -> told.TaskInFull:
    row = await _row(desk, call.path["id"])
    return await _in_full(desk, row)


async def cancel_task(desk: Desk, call: Call[Nothing, None]) -> told.TaskInFull:
    row = await _row(desk, call.path["id"])
    after = await desk.gateway.work.engine.cancel(row, audit(call.actor, "task.cancel", row.id))
    if after.status != "cancelled":
        raise Conflict(f"The task is over already: it has {after.status}.", code="task_over")
    return await _in_full(desk, after)


async def redeliver(desk: Desk, call: Call[Nothing, None]) -> told.Deliveries:
    row = await _row(desk, call.path["id"])
    now = time.time()
    for sent in await desk.storage.deliveries(row.id):
        done = audit(call.actor, "webhook.redeliver", sent.id)
        await desk.storage.save_delivery(msgspec.structs.replace(sent, state="waiting", next_at=now), audit=done)
    desk.gateway.work.webhooks.wake()
    return told.Deliveries(data=_deliveries(await desk.storage.deliveries(row.id)))


async def get_secret(desk: Desk, call: Call[Nothing, None]) -> told.HookSecret:
    name = await _account(desk, call.path["name"])
    return _secret(name, await desk.storage.hook_secret(name))


async def rotate_secret(desk: Desk, call: Call[Nothing, None]) -> told.HookSecret:
    name, now = await _account(desk, call.path["name"]), time.time()
    done = audit(call.actor, "account.rotate_webhook_secret", name)
    return _secret(name, await desk.storage.rotate_hook_secret(name, now + OLD_SECRET, audit=done))


def _secret(account: str, found: Any) -> told.HookSecret:
    until = moment(found.previous_until) if found.previous else None
    return told.HookSecret(account=account, secret=written(found.secret), previous_until=until)


async def _account(desk: Desk, name: str) -> str:
    if await desk.storage.find_account(name) is None:
        raise missing("account", name)
    return name


async def _row(desk: Desk, id: str) -> Task:
    row = await desk.storage.task(id)
    if row is None:
        raise missing("task", id)
    return row


def _task(row: Task) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in told.Task.__struct_fields__}
    ended = moment(row.completed_at) if row.completed_at is not None else None
    times = {"created_at": moment(row.created_at), "completed_at": ended, "deadline": moment(row.deadline)}
    return values | {"key": row.key_name} | times


async def _in_full(desk: Desk, row: Task) -> told.TaskInFull:
    tries = [_submission(each) for each in row.tries]
    return told.TaskInFull(**_task(row), tries=tries, deliveries=_deliveries(await desk.storage.deliveries(row.id)))


def _submission(tried: Try) -> told.Submission:
    return told.Submission(**msgspec.structs.asdict(tried) | {"at": moment(tried.at)})


def _deliveries(found: Sequence[Delivery]) -> list[told.Delivery]:
    return [
        told.Delivery(
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


def _attempt(tried: DeliveryTry) -> told.DeliveryAttempt:
    return told.DeliveryAttempt(**msgspec.structs.asdict(tried) | {"at": moment(tried.at)})
