"""`pisces tasks`: work that outlives its request, and the webhooks that tell of it; `pisces accounts webhook-secret`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, get_args

import click
import msgspec

from ..ledger import Audit
from ..storage import Storage
from ..task import Status, Task, TaskType
from ..webhook import OLD_SECRET, Delivery, written
from .accounts import accounts
from .audits import ACTOR
from .context import json_option, open_storage, storage_options, unknown


@click.group()
def tasks() -> None:
    """Videos and pictures in the making: look at them, cancel them, tell of them again.

    \b
    pisces tasks list --status in_progress
    pisces tasks show task_...
    pisces tasks cancel task_...
    pisces tasks redeliver task_...
    """


@tasks.command("list")
@click.option("--account", metavar="NAME", help="Its tasks only.")
@click.option("--type", "kind", type=click.Choice(get_args(TaskType)), help="What they make.")
@click.option("--status", type=click.Choice(get_args(Status)), help="How they are.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many, the newest first.")
@storage_options
@json_option
def list_tasks(
    account: str | None, kind: Any, status: Any, limit: int, path: str | None, database: str | None, as_json: bool
) -> None:
    """The newest tasks."""
    from .tables import dollars, moment, print_json, print_table

    found = asyncio.run(_list(path, database, account, kind, status, limit))
    if as_json:
        print_json([row(task) for task in found])
        return
    columns = ["id", "type", "status", "progress", "model", "account", "channel", "created", "cost"]
    rows = [
        [
            task.id, task.type, task.status, f"{task.progress}%", task.model, task.account, task.channel,
            moment(task.created_at) or "", dollars(task.cost_nano),
        ]
        for task in found
    ]  # fmt: skip
    print_table("Tasks", columns, rows, right=("progress", "cost"))


async def _list(
    path: str | None, database: str | None, account: str | None, kind: TaskType | None, status: Status | None, limit: int
) -> Sequence[Task]:
    async with open_storage(path, database) as storage:
        return await storage.tasks(account=account, type=kind, status=status, limit=limit)


@tasks.command()
@click.argument("id")
@storage_options
@json_option
def show(id: str, path: str | None, database: str | None, as_json: bool) -> None:
    """One task: who runs it, every submission, every attempt to tell of its end."""
    from .tables import print_json, print_table

    task, deliveries = asyncio.run(_show(path, database, id))
    if as_json:
        print_json({**row(task), "tries": _tries(task), "deliveries": [told(delivery) for delivery in deliveries]})
        return
    _print_task(task)
    if task.tries:
        rows = [[each.channel, each.model, str(each.status or ""), each.error or "", f"{each.ms:.0f}"] for each in task.tries]
        print_table("Submissions", ["channel", "model", "status", "error", "ms"], rows, right=("ms",))
    if deliveries:
        _print_deliveries(deliveries)


def _print_task(task: Task) -> None:
    from .tables import dollars, moment, print_fields

    error = f"{task.error_code}: {task.error_message}" if task.error_code else ""
    state = msgspec.json.encode(task.state).decode() if task.state else ""
    fields: list[tuple[str, object]] = [
        ("type", task.type), ("status", f"{task.status}, {task.progress}%"), ("phase", task.phase), ("model", task.model),
        ("account", task.account), ("key", task.key_name), ("request", task.request_id), ("channel", task.channel),
        ("upstream model", task.upstream_model), ("upstream state", state),
        ("created", moment(task.created_at)), ("completed", moment(task.completed_at)), ("deadline", moment(task.deadline)),
        ("held", dollars(task.hold_nano)), ("cost", dollars(task.cost_nano)), ("webhook", task.webhook), ("error", error),
        ("note", task.note),
    ]  # fmt: skip
    print_fields(f"Task {task.id}", fields)


def _print_deliveries(deliveries: Sequence[Delivery]) -> None:
    from .tables import moment, print_table

    rows = [
        [each.id, each.event, each.state, moment(one.at) or "", str(one.status or ""), one.error, f"{one.ms:.0f}"]
        for each in deliveries
        for one in each.tries
    ]
    waiting = [[each.id, each.event, each.state, "", "", "not yet", ""] for each in deliveries if not each.tries]
    print_table("Webhooks", ["id", "event", "state", "at", "status", "error", "ms"], rows + waiting, right=("ms",))


async def _show(path: str | None, database: str | None, id: str) -> tuple[Task, Sequence[Delivery]]:
    async with open_storage(path, database) as storage:
        return await _one(storage, id), await storage.deliveries(id)


@tasks.command()
@click.argument("id")
@storage_options
@json_option
def cancel(id: str, path: str | None, database: str | None, as_json: bool) -> None:
    """End a task: its owner pays nothing. A running gateway asks the upstream to stop."""
    from .tables import print_json

    task = asyncio.run(_cancel(path, database, id))
    if task.status != "cancelled":
        raise click.ClickException(f"Task {id} is over already: it has {task.status}.")
    if as_json:
        print_json(row(task))
        return
    click.echo(f"Task {id} is cancelled, and what was held for it is given back.")


async def _cancel(path: str | None, database: str | None, id: str) -> Task:
    from ..task_bill import cancelled, closed
    from ..webhooks import notice

    async with open_storage(path, database) as storage:
        task = await _one(storage, id)
        while not task.over:
            now = time.time()
            over, record = closed(*cancelled(task, now), "", None, now)
            audit = Audit(at=now, actor=ACTOR, action="task.cancel", target=id)
            done = await storage.finish_task(over, record, notice(over, lambda task, number: "", now), audit=audit)
            task = done or await _one(storage, id)
        return task


@tasks.command()
@click.argument("id")
@storage_options
@json_option
def redeliver(id: str, path: str | None, database: str | None, as_json: bool) -> None:
    """Tell of a task's end once more, under the same webhook-id. A running gateway does it at once."""
    from .tables import print_json

    sent = asyncio.run(_redeliver(path, database, id))
    if as_json:
        print_json([told(delivery) for delivery in sent])
        return
    click.echo(f"{len(sent)} webhook{'s' if len(sent) != 1 else ''} of task {id} will be sent again.")


async def _redeliver(path: str | None, database: str | None, id: str) -> list[Delivery]:
    async with open_storage(path, database) as storage:
        deliveries = await storage.deliveries(id)
        if not deliveries:
            await _one(storage, id)
            raise click.ClickException(f"Task {id} has told nobody: it names no webhook, or is not over.")
        now = time.time()
        sent = [msgspec.structs.replace(delivery, state="waiting", next_at=now) for delivery in deliveries]
        for delivery in sent:
            audit = Audit(at=now, actor=ACTOR, action="webhook.redeliver", target=delivery.id)
            await storage.save_delivery(delivery, audit=audit)
        return sent


async def _one(storage: Storage, id: str) -> Task:
    task = await storage.task(id)
    if task is None:
        raise unknown("task", id, [task.id for task in await storage.tasks(limit=100)], "pisces tasks list")
    return task


# -- for machines


def row(task: Task) -> dict[str, Any]:
    from .tables import moment

    same = (
        "id", "type", "status", "progress", "phase", "model", "account", "request_id", "channel", "upstream_model", "hold_nano",
        "cost_nano", "webhook", "error_code", "error_message", "note",
    )  # fmt: skip
    times = {name: moment(getattr(task, name)) for name in ("created_at", "completed_at", "deadline")}
    return {**{name: getattr(task, name) for name in same}, "key": task.key_name, **times}


def told(delivery: Delivery) -> dict[str, Any]:
    from .tables import moment

    tries = [{**msgspec.structs.asdict(each), "at": moment(each.at)} for each in delivery.tries]
    times = {"created_at": moment(delivery.created_at), "next_at": moment(delivery.next_at)}
    same = {name: getattr(delivery, name) for name in ("id", "task", "event", "url", "state")}
    return {**same, **times, "tries": tries}


def _tries(task: Task) -> list[dict[str, Any]]:
    from .tables import moment

    return [{**msgspec.structs.asdict(each), "at": moment(each.at)} for each in task.tries]


# -- the secret that signs


@accounts.command("webhook-secret")
@click.argument("name")
@click.option("--rotate", is_flag=True, help="Make a new one; the old one signs too for a day.")
@storage_options
@json_option
def webhook_secret(name: str, rotate: bool, path: str | None, database: str | None, as_json: bool) -> None:
    """The secret that signs an account's webhooks (Standard Webhooks), made on first asking."""
    from .tables import moment, print_json

    secret, until = asyncio.run(_secret(path, database, name, rotate))
    if as_json:
        print_json({"account": name, "secret": secret, "previous_until": moment(until or None)})
        return
    click.echo(secret)
    if rotate:
        click.echo(f"The one before signs too until {moment(until)}.", err=True)


async def _secret(path: str | None, database: str | None, name: str, rotate: bool) -> tuple[str, float]:
    async with open_storage(path, database) as storage:
        if await storage.find_account(name) is None:
            raise unknown("account", name, [account.name for account in await storage.accounts()], "pisces accounts list")
        if not rotate:
            found = await storage.hook_secret(name)
            return written(found.secret), found.previous_until
        now = time.time()
        audit = Audit(at=now, actor=ACTOR, action="account.rotate_webhook_secret", target=name)
        found = await storage.rotate_hook_secret(name, now + OLD_SECRET, audit=audit)
        return written(found.secret), found.previous_until


commands: list[click.Command] = [tasks]
