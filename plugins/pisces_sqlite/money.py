"""The ledger: each verb writes its row and moves the sums that follow from it, in one transaction.

The index `ledger_once` is what makes a second settlement, or a second credit of one id, impossible.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

from pisces_proxy.ledger import Audit, Balance, EntryKind, Period, Refusal, Reservation
from pisces_proxy.storage import Record

from . import queries, requests, rows, statements
from .days import day_of, month_of

EVER = -(2**31)  # the "day" of key_spend that holds the sum of all days

_WRITE = (
    "INSERT INTO ledger (at, kind, account, key, request_id, amount_nano, note, actor) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
    f"ON CONFLICT (request_id, kind) WHERE {queries.ONCE} DO NOTHING"
)
_SUMS = ("balance_nano", "reserved_nano", "credited_nano", "spent_nano")
_MOVE = (
    "INSERT INTO balances VALUES (?, ?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMS)
)  # fmt: skip
_COUNT = (
    "INSERT INTO key_spend VALUES (?1, ?2, ?3, ?4), (?1, ?5, ?3, ?4) ON CONFLICT (key, day) DO UPDATE SET "
    "spent_nano = spent_nano + excluded.spent_nano, reserved_nano = reserved_nano + excluded.reserved_nano"
)
# everything that a reservation depends on; the last column says that the request has one, or is over
_STANDING = f"""
    SELECT unlimited, coalesce(balance_nano - reserved_nano, 0) + credit_line_nano,
        EXISTS (SELECT 1 FROM reservations WHERE request_id = ?2)
        OR EXISTS (SELECT 1 FROM requests WHERE request_id = ?2)
        OR EXISTS (SELECT 1 FROM ledger WHERE request_id = ?2 AND kind = 'settle' AND {queries.ONCE})
    FROM accounts LEFT JOIN balances ON account = name WHERE name = ?1
"""
USED = (
    "SELECT coalesce(sum(spent_nano), 0), coalesce(sum(reserved_nano), 0) FROM key_spend WHERE key = ? AND day >= ? AND day < ?"
)
_HOLD = "INSERT INTO reservations VALUES (?, ?, ?, ?, ?, ?, ?)"
_TAKE = "DELETE FROM reservations WHERE request_id = ? RETURNING account, key, amount_nano, at"
_TAKE_EXPIRED = "DELETE FROM reservations WHERE expires_at <= ? RETURNING request_id, account, key, amount_nano, at"
_OWNERS = "SELECT DISTINCT owner FROM reservations WHERE owner <> ''"
_TAKE_OWNED = "DELETE FROM reservations WHERE owner = ? RETURNING request_id, account, key, amount_nano, at"
_WRITTEN = f"SELECT account, amount_nano FROM ledger WHERE request_id = ? AND kind = ? AND {queries.ONCE}"


def deposit(
    kind: EntryKind,
    account: str,
    amount_nano: int,
    id: str,
    note: str,
    actor: str,
    audit: Audit | None,
    connection: sqlite3.Connection,
) -> Balance:
    """A credit or an adjustment."""
    if connection.execute(queries.ACCOUNT, (account,)).fetchone() is None:
        raise ValueError(f"there is no account {account!r}")
    written = connection.execute(_WRITE, (time.time(), kind, account, "", id, amount_nano, note, actor))
    if written.rowcount:
        _move(account, connection, balance=amount_nano, credited=amount_nano if kind == "credit" else 0)
        statements.note(audit, connection)
    else:
        _check_same((account, amount_nano), kind, id, connection)
    return rows.to_balance(connection.execute(queries.BALANCE, (account,)).fetchone())


def _check_same(given: tuple[str, int], kind: EntryKind, id: str, connection: sqlite3.Connection) -> None:
    """The same call once more is no error; another one under its id is a mistake that must not pass for done."""
    if connection.execute(_WRITTEN, (id, kind)).fetchone() != given:
        raise ValueError(f"the {kind} {id!r} exists already, with another account or amount")


def reserve(asked: Reservation, connection: sqlite3.Connection) -> Refusal | None:
    found = connection.execute(_STANDING, (asked.account, asked.request_id)).fetchone()
    if found is None:
        return Refusal(short="balance", available_nano=0)
    unlimited, available, done = found
    if done:
        return None
    if not unlimited and asked.amount_nano > available:
        return Refusal(short="balance", available_nano=available)
    if asked.quota_nano is not None and asked.amount_nano > (left := asked.quota_nano - _used(asked, connection)):
        return Refusal(short="quota", available_nano=left)
    _hold(asked, connection)
    return None


def _used(asked: Reservation, connection: sqlite3.Connection) -> int:
    """What the key has spent and reserved in the period of its quota."""
    spent, reserved = connection.execute(USED, (asked.key, *days(asked.period, asked.at))).fetchone()
    used: int = spent + reserved
    return used


def days(period: Period, at: float) -> tuple[int, int]:
    """The days of key_spend that a quota counts at that moment: from the first to before the second."""
    day = day_of(at)
    match period:
        case "day":
            return day, day + 1
        case "month":
            return month_of(at)
        case _:
            return EVER, EVER + 1


def _hold(asked: Reservation, connection: sqlite3.Connection) -> None:
    account, key, amount = asked.account, asked.key, asked.amount_nano
    connection.execute(_HOLD, (asked.request_id, account, key, amount, asked.at, asked.expires_at, asked.owner))
    connection.execute(_WRITE, (asked.at, "reserve", account, key, asked.request_id, amount, "", ""))
    _move(account, connection, reserved=amount)
    _count(key, day_of(asked.at), connection, reserved=amount)


def settle(record: Record, key_id: str, connection: sqlite3.Connection) -> None:
    """Who reserved is who pays. Without a reservation (it was swept, or none was needed) the record says who."""
    held = connection.execute(_TAKE, (record.request_id,)).fetchall()
    if not requests.insert(record, connection):
        if held:  # finished, but not settled: its row says what it cost
            _pay(requests.find(record.request_id, connection), key_id, held, connection)
        return
    touched = held or record.cost_nano
    first = _pay(record, key_id, held, connection) if touched else not _settled(record.request_id, connection)
    if first:
        requests.count(record, connection)
    else:  # settled so long ago that its row was pruned: neither row nor sums may come back
        requests.delete(record.request_id, connection)


def _settled(request_id: str, connection: sqlite3.Connection) -> bool:
    return connection.execute(_WRITTEN, (request_id, "settle")).fetchone() is not None


def _pay(record: Record, key_id: str, held: Sequence[Any], connection: sqlite3.Connection) -> bool:
    """Whether it had not been paid."""
    account, key, reserved, reserved_at = held[0] if held else (record.account, key_id, 0, record.at)
    cost, day, reserved_day = record.cost_nano, day_of(record.at), day_of(reserved_at)
    written = connection.execute(_WRITE, (record.at, "settle", account, key, record.request_id, cost, "", ""))
    if not written.rowcount:
        return False
    _move(account, connection, balance=-cost, reserved=-reserved, spent=cost)
    if reserved_day == day:
        _count(key, day, connection, spent=cost, reserved=-reserved)
    else:  # around midnight
        _count(key, reserved_day, connection, reserved=-reserved)
        _count(key, day, connection, spent=cost)
    return True


def release(request_id: str, connection: sqlite3.Connection) -> None:
    for held in connection.execute(_TAKE, (request_id,)).fetchall():
        _give_back(request_id, held, time.time(), "", connection)


def sweep(now: float, dead: Callable[[str], bool] | None, connection: sqlite3.Connection) -> int:
    expired = connection.execute(_TAKE_EXPIRED, (now,)).fetchall()
    for request_id, *held in expired:
        _give_back(request_id, held, now, "expired", connection)
    return len(expired) + (_sweep_dead(now, dead, connection) if dead is not None else 0)


def _sweep_dead(now: float, dead: Callable[[str], bool], connection: sqlite3.Connection) -> int:
    """What processes held that are gone."""
    gone = [owner for (owner,) in connection.execute(_OWNERS).fetchall() if dead(owner)]
    left = [row for owner in gone for row in connection.execute(_TAKE_OWNED, (owner,)).fetchall()]
    for request_id, *held in left:
        _give_back(request_id, held, now, "its process ended", connection)
    return len(left)


def _give_back(request_id: str, held: Sequence[Any], now: float, note: str, connection: sqlite3.Connection) -> None:
    account, key, amount, at = held
    connection.execute(_WRITE, (now, "release", account, key, request_id, amount, note, ""))
    _move(account, connection, reserved=-amount)
    _count(key, day_of(at), connection, reserved=-amount)


def _move(
    account: str, connection: sqlite3.Connection, balance: int = 0, reserved: int = 0, credited: int = 0, spent: int = 0
) -> None:
    connection.execute(_MOVE, (account, balance, reserved, credited, spent))


def _count(key: str, day: int, connection: sqlite3.Connection, spent: int = 0, reserved: int = 0) -> None:
    connection.execute(_COUNT, (key, day, spent, reserved, EVER))
