"""Idempotency keys: who holds one, and the answer that is replayed under it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pisces_proxy.ledger import Claim, Stored

from . import rows

_FIND = (
    f"SELECT asked_at, owner, fingerprint, expires_at, {', '.join(rows.STORED)} FROM idempotency WHERE scope = ? AND key = ?"
)
_TAKE = (
    "INSERT INTO idempotency (scope, key, fingerprint, request_id, expires_at, owner) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (scope, key) DO UPDATE SET fingerprint = excluded.fingerprint, request_id = excluded.request_id, "
    "expires_at = excluded.expires_at, owner = excluded.owner, status = NULL, headers = NULL, stream = NULL, body = NULL, "
    "asked_at = 0"
)
_KEEP = (
    "UPDATE idempotency SET status = ?, headers = ?, stream = ?, body = ?, expires_at = coalesce(?, expires_at) "
    "WHERE scope = ? AND key = ? AND request_id = ? AND status IS NULL"
)
_ASK = "UPDATE idempotency SET asked_at = ? WHERE scope = ? AND key = ?"
_RENEW = "UPDATE idempotency SET expires_at = ? WHERE scope = ? AND key = ?"
_FREE = "DELETE FROM idempotency WHERE scope = ? AND key = ? AND request_id = ? AND status IS NULL"
_PUBLISH = (
    "INSERT INTO pieces SELECT ?, ?, ?, ? WHERE EXISTS "
    "(SELECT 1 FROM idempotency WHERE scope = ? AND key = ? AND request_id = ? AND status IS NULL) ON CONFLICT DO NOTHING"
)
PUBLISHED = "SELECT headers, data FROM pieces WHERE request_id = ? AND offset >= ? ORDER BY offset"
_FORGET = "DELETE FROM pieces WHERE request_id = ?"
_FORGET_ENDED = "DELETE FROM pieces WHERE request_id NOT IN (SELECT request_id FROM idempotency WHERE status IS NULL)"
_DROP = "DELETE FROM idempotency WHERE row IN (SELECT row FROM idempotency WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)"


class Wanted(NamedTuple):
    """A claim, as its row is written."""

    scope: str
    key: str
    fingerprint: str
    request_id: str
    expires_at: float
    owner: str


def claim(wanted: Wanted, now: float, dead: Callable[[str], bool] | None, connection: sqlite3.Connection) -> Claim:
    scope, key, fingerprint, request_id, expires_at, _ = wanted
    asked_at, owner, *found = connection.execute(_FIND, (scope, key)).fetchone() or (0.0, "")
    if not found or found[1] <= now:
        return _taken(wanted, connection)
    known, _, holder, status, *_ = found
    if known != fingerprint:
        return Claim(state="other", request_id=holder)
    if status is not None:
        return Claim(state="done", request_id=holder, stored=rows.to_stored(found[2:]))
    if holder == request_id:  # the holder's own claim once more: its answer may have been lost, or it still runs
        connection.execute(_RENEW, (expires_at, scope, key))
        return Claim(state="new", request_id=holder, asked_at=asked_at)
    if owner and dead is not None and dead(owner):
        return _taken(wanted, connection)
    connection.execute(_ASK, (now, scope, key))
    return Claim(state="running", request_id=holder)


def _taken(wanted: Wanted, connection: sqlite3.Connection) -> Claim:
    connection.execute(_TAKE, wanted)
    return Claim(state="new", request_id=wanted.request_id)


def keep(scope: str, key: str, stored: Stored, expires_at: float | None, connection: sqlite3.Connection) -> None:
    connection.execute(_KEEP, (*rows.stored_row(stored), expires_at, scope, key, stored.request_id))
    connection.execute(_FORGET, (stored.request_id,))


def unclaim(scope: str, key: str, request_id: str, connection: sqlite3.Connection) -> None:
    connection.execute(_FREE, (scope, key, request_id))
    connection.execute(_FORGET, (request_id,))


def publish(
    scope: str, key: str, request_id: str, headers: Mapping[str, str], offset: int, data: bytes, connection: sqlite3.Connection
) -> None:
    connection.execute(_PUBLISH, (request_id, offset, rows.headers_column(headers), data, scope, key, request_id))


def drop(before: float, limit: int, connection: sqlite3.Connection) -> int:
    """Those that expired by then, the oldest first; and what was published of requests that run no more."""
    connection.execute(_FORGET_ENDED)
    return connection.execute(_DROP, (before, limit)).rowcount
