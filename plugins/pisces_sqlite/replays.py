"""Idempotency keys: who holds one, and the answer that is replayed under it."""

from __future__ import annotations

import sqlite3

from pisces_proxy.ledger import Claim, Stored

from . import rows

_FIND = f"SELECT fingerprint, expires_at, {', '.join(rows.STORED)} FROM idempotency WHERE scope = ? AND key = ?"
_TAKE = (
    "INSERT INTO idempotency (scope, key, fingerprint, request_id, expires_at) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (scope, key) DO UPDATE SET fingerprint = excluded.fingerprint, request_id = excluded.request_id, "
    "expires_at = excluded.expires_at, status = NULL, headers = NULL, stream = NULL, body = NULL"
)
_KEEP = (
    "UPDATE idempotency SET status = ?, headers = ?, stream = ?, body = ?, expires_at = coalesce(?, expires_at) "
    "WHERE scope = ? AND key = ? AND request_id = ? AND status IS NULL"
)
_RENEW = "UPDATE idempotency SET expires_at = ? WHERE scope = ? AND key = ?"
_FREE = "DELETE FROM idempotency WHERE scope = ? AND key = ? AND request_id = ? AND status IS NULL"
_DROP = "DELETE FROM idempotency WHERE row IN (SELECT row FROM idempotency WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)"


def claim(
    scope: str, key: str, fingerprint: str, request_id: str, now: float, expires_at: float, connection: sqlite3.Connection
) -> Claim:
    found = connection.execute(_FIND, (scope, key)).fetchone()
    if found is None or found[1] <= now:
        connection.execute(_TAKE, (scope, key, fingerprint, request_id, expires_at))
        return Claim(state="new", request_id=request_id)
    known, _, holder, status, *_ = found
    if known != fingerprint:
        return Claim(state="other", request_id=holder)
    if status is not None:
        return Claim(state="done", request_id=holder, stored=rows.to_stored(found[2:]))
    if holder == request_id:  # the holder's own claim once more: its answer may have been lost, or it still runs
        connection.execute(_RENEW, (expires_at, scope, key))
    return Claim(state="new" if holder == request_id else "running", request_id=holder)


def keep(scope: str, key: str, stored: Stored, expires_at: float | None, connection: sqlite3.Connection) -> None:
    connection.execute(_KEEP, (*rows.stored_row(stored), expires_at, scope, key, stored.request_id))


def unclaim(scope: str, key: str, request_id: str, connection: sqlite3.Connection) -> None:
    connection.execute(_FREE, (scope, key, request_id))


def drop(before: float, limit: int, connection: sqlite3.Connection) -> int:
    """Those that expired by then, the oldest first."""
    return connection.execute(_DROP, (before, limit)).rowcount
