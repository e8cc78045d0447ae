"""Tasks and deliveries: each function is a unit of work within a transaction that it neither opens nor ends.

Both are rows with a lease: the owner's name and until when. What is looked for by has a column, the whole is JSON in one.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pisces_proxy.ledger import Audit, Refusal, Reservation
from pisces_proxy.storage import Record
from pisces_proxy.task import Task
from pisces_proxy.webhook import Delivery, HookSecret

from . import money, statements
from .queries import Query

TASKS = (
    """
    CREATE TABLE tasks (
        row INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        account TEXT NOT NULL,
        type TEXT NOT NULL,
        status TEXT NOT NULL,
        created_at REAL NOT NULL,
        completed_at REAL,
        phase TEXT NOT NULL,
        next_at REAL NOT NULL,
        lease_owner TEXT NOT NULL DEFAULT '',
        lease_until REAL NOT NULL DEFAULT 0,
        version INTEGER NOT NULL,
        task BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX tasks_account ON tasks (account, created_at)",
    "CREATE INDEX tasks_created ON tasks (created_at)",
    "CREATE INDEX tasks_due ON tasks (next_at) WHERE phase <> 'over'",
    """
    CREATE TABLE deliveries (
        row INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        task TEXT NOT NULL,
        account TEXT NOT NULL,
        url TEXT NOT NULL,
        state TEXT NOT NULL,
        next_at REAL NOT NULL,
        lease_owner TEXT NOT NULL DEFAULT '',
        lease_until REAL NOT NULL DEFAULT 0,
        delivery BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX deliveries_task ON deliveries (task)",
    "CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'waiting'",
    """
    CREATE TABLE hook_secrets (
        account TEXT PRIMARY KEY,
        secret BLOB NOT NULL,
        previous BLOB NOT NULL DEFAULT x'',
        previous_until REAL NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID
    """,
)

_ADD = (
    "INSERT INTO tasks (id, account, type, status, created_at, completed_at, phase, next_at, version, task) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SAVE = (
    "UPDATE tasks SET status = ?, completed_at = ?, phase = ?, next_at = ?, version = version + 1, task = ?{} "
    "WHERE id = ? AND version = ?"
)
_FREE = ", lease_owner = '', lease_until = 0"
_CLAIM = (
    "UPDATE tasks SET lease_owner = ?, lease_until = ?, version = version + 1 WHERE row IN "
    "(SELECT row FROM tasks WHERE phase <> 'over' AND next_at <= ? AND lease_until <= ? ORDER BY next_at LIMIT ?) "
    "RETURNING version, task"
)
_CLAIM_DELIVERIES = (
    "UPDATE deliveries SET lease_owner = ?, lease_until = ? WHERE row IN "
    "(SELECT row FROM deliveries WHERE state = 'waiting' AND next_at <= ? AND lease_until <= ? ORDER BY next_at LIMIT ?) "
    "RETURNING delivery"
)
# only rows that can still be claimed: a handful, whatever the table holds
_OPEN = {"tasks": "phase <> 'over'", "deliveries": "state = 'waiting'"}
CLAIMABLE = {
    table: f"SELECT DISTINCT lease_owner, lease_until <= ? FROM {table} WHERE {is_open} AND next_at <= ?"
    for table, is_open in _OPEN.items()
}
_RENEW = "UPDATE tasks SET lease_until = ? WHERE phase <> 'over' AND lease_owner = ?"
_ADD_DELIVERY = (
    "INSERT INTO deliveries (id, task, account, url, state, next_at, delivery) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (id) DO NOTHING"
)
_SAVE_DELIVERY = (
    f"UPDATE deliveries SET state = ?, next_at = ?, delivery = ?{_FREE} WHERE id = ?"
)  # fmt: skip
_WAITING = "SELECT delivery FROM deliveries WHERE state = 'waiting' AND account = ? AND url = ?"
_SECRET = "SELECT secret, previous, previous_until FROM hook_secrets WHERE account = ?"
_KEEP_SECRET = (
    "INSERT INTO hook_secrets VALUES (?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET "
    "secret = excluded.secret, previous = excluded.previous, previous_until = excluded.previous_until"
)
_OLD = (
    "SELECT row, id FROM tasks WHERE phase = 'over' AND created_at < ? AND NOT EXISTS "
    "(SELECT 1 FROM deliveries WHERE task = tasks.id AND state = 'waiting') ORDER BY created_at LIMIT ?"
)

TASK = "SELECT version, task FROM tasks WHERE id = ?"
DELIVERIES = "SELECT delivery FROM deliveries WHERE task = ? ORDER BY row"

_encode = msgspec.json.Encoder().encode
_decode_task = msgspec.json.Decoder(Task).decode
_decode_delivery = msgspec.json.Decoder(Delivery).decode


def to_task(row: Sequence[Any]) -> Task:
    version, task = row
    return msgspec.structs.replace(_decode_task(task), version=version)


def to_delivery(row: Sequence[Any]) -> Delivery:
    return _decode_delivery(row[0])


def listed(account: str | None, type: str | None, status: str | None, after: str | None, limit: int, up: bool) -> Query:
    """A page of tasks; those of one moment in the order of their rows."""
    given = (("account", account), ("type", type), ("status", status))
    terms = [f"{column} = ?" for column, value in given if value is not None]
    values: list[Any] = [value for _, value in given if value is not None]
    if after is not None:
        terms.append(f"(created_at, row) {'>' if up else '<'} (SELECT created_at, row FROM tasks WHERE id = ?)")
        values.append(after)
    order = "ASC" if up else "DESC"
    where = f"WHERE {' AND '.join(terms)} " if terms else ""
    return f"SELECT version, task FROM tasks {where}ORDER BY created_at {order}, row {order} LIMIT ?", [*values, limit]


def add(task: Task, reservation: Reservation | None, connection: sqlite3.Connection) -> Refusal | None:
    if connection.execute(TASK, (task.id,)).fetchone() is not None:
        return None
    if reservation is not None and (refusal := money.reserve(reservation, connection)) is not None:
        return refusal
    fixed = (task.id, task.account, task.type, task.status, task.created_at, task.completed_at, task.phase, task.next_at)
    connection.execute(_ADD, (*fixed, task.version, _encode(task)))
    return None


def save(task: Task, keep: bool, connection: sqlite3.Connection) -> Task | None:
    columns = (task.status, task.completed_at, task.phase, task.next_at, _encode(task))
    done = connection.execute(_SAVE.format("" if keep else _FREE), (*columns, task.id, task.version))
    return msgspec.structs.replace(task, version=task.version + 1) if done.rowcount else None


def finish(
    task: Task, record: Record, deliveries: Sequence[Delivery], audit: Audit | None, connection: sqlite3.Connection
) -> Task | None:
    saved = save(task, False, connection)
    if saved is not None:
        _note(audit, connection)
        money.settle(record, task.key, connection)
        for delivery in deliveries:
            connection.execute(_ADD_DELIVERY, (delivery.id, delivery.task, delivery.account, delivery.url, *_columns(delivery)))
    return saved


def delete(id: str, connection: sqlite3.Connection) -> bool:
    return connection.execute("DELETE FROM tasks WHERE id = ? AND phase IN ('late', 'over')", (id,)).rowcount > 0


def claim(
    owner: str, now: float, until: float, limit: int, dead: Callable[[str], bool] | None, connection: sqlite3.Connection
) -> list[Task]:
    _free_dead("tasks", dead, connection)
    found = [to_task(row) for row in connection.execute(_CLAIM, (owner, until, now, now, limit)).fetchall()]
    return sorted(found, key=lambda task: task.next_at)


def renew(owner: str, until: float, connection: sqlite3.Connection) -> int:
    return connection.execute(_RENEW, (until, owner)).rowcount


def claim_deliveries(
    owner: str, now: float, until: float, limit: int, dead: Callable[[str], bool] | None, connection: sqlite3.Connection
) -> list[Delivery]:
    _free_dead("deliveries", dead, connection)
    found = [to_delivery(row) for row in connection.execute(_CLAIM_DELIVERIES, (owner, until, now, now, limit)).fetchall()]
    return sorted(found, key=lambda delivery: delivery.next_at)


def _free_dead(table: str, dead: Callable[[str], bool] | None, connection: sqlite3.Connection) -> None:
    """End the leases of processes that are gone."""
    if dead is None:
        return
    owners = f"SELECT DISTINCT lease_owner FROM {table} WHERE {_OPEN[table]} AND lease_owner <> ''"
    for owner in [owner for (owner,) in connection.execute(owners).fetchall() if dead(owner)]:
        free = f"UPDATE {table} SET {_FREE.removeprefix(', ')} WHERE {_OPEN[table]} AND lease_owner = ?"
        connection.execute(free, (owner,))


def _note(audit: Audit | None, connection: sqlite3.Connection) -> None:
    if audit is not None:
        statements.note(audit, connection)


def save_delivery(delivery: Delivery, audit: Audit | None, connection: sqlite3.Connection) -> None:
    _note(audit, connection)
    connection.execute(_SAVE_DELIVERY, (*_columns(delivery), delivery.id))
    if delivery.state == "disabled":
        for row in connection.execute(_WAITING, (delivery.account, delivery.url)).fetchall():
            other = msgspec.structs.replace(to_delivery(row), state="disabled")
            connection.execute(_SAVE_DELIVERY, (*_columns(other), other.id))


def _columns(delivery: Delivery) -> tuple[Any, ...]:
    return (delivery.state, delivery.next_at, _encode(delivery))


def hook_secret(account: str, connection: sqlite3.Connection) -> HookSecret:
    found = connection.execute(_SECRET, (account,)).fetchone()
    if found is not None:
        return HookSecret(secret=found[0], previous=found[1], previous_until=found[2])
    return _keep(account, HookSecret(secret=secrets.token_bytes(32)), connection)


def rotate_hook_secret(account: str, until: float, audit: Audit | None, connection: sqlite3.Connection) -> HookSecret:
    _note(audit, connection)
    before = hook_secret(account, connection)
    after = HookSecret(secret=secrets.token_bytes(32), previous=before.secret, previous_until=until)
    return _keep(account, after, connection)


def _keep(account: str, secret: HookSecret, connection: sqlite3.Connection) -> HookSecret:
    connection.execute(_KEEP_SECRET, (account, secret.secret, secret.previous, secret.previous_until))
    return secret


def prune(before: float, limit: int, connection: sqlite3.Connection) -> int:
    """The oldest tasks that are over and have told everybody, with their deliveries."""
    old = connection.execute(_OLD, (before, limit)).fetchall()
    connection.executemany("DELETE FROM deliveries WHERE task = ?", [(id,) for _, id in old])
    connection.executemany("DELETE FROM tasks WHERE row = ?", [(row,) for row, _ in old])
    return len(old)
