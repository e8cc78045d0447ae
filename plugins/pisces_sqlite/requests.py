"""Usage rows and their sums by day: written together, and pruned apart."""

from __future__ import annotations

import sqlite3

from pisces_proxy.storage import Record

from . import queries, rows
from .sums import Writing

# the second row of a request id changes nothing; any other conflict is an error (OR IGNORE would swallow those too)
_INSERT = (
    f"INSERT INTO requests ({', '.join(rows.REQUEST)}) VALUES ({rows.placeholders(rows.REQUEST)}) "
    "ON CONFLICT (request_id) DO NOTHING"
)
_PRUNE = "DELETE FROM requests WHERE row IN (SELECT row FROM requests WHERE at < ? ORDER BY at LIMIT ?)"


def finish(record: Record, connection: sqlite3.Connection) -> None:
    if insert(record, connection):
        count(record, connection)


def insert(record: Record, connection: sqlite3.Connection) -> bool:
    """Whether it is the first row of its request."""
    return connection.execute(_INSERT, rows.request_row(record)).rowcount > 0


def find(request_id: str, connection: sqlite3.Connection) -> Record:
    """One that is known to be there."""
    return rows.to_record(connection.execute(queries.RECORD, (request_id,)).fetchone())


def count(record: Record, connection: sqlite3.Connection) -> None:
    """Into the sums of its day."""
    assert isinstance(connection, Writing)
    connection.add(record)


def delete(request_id: str, connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM requests WHERE request_id = ?", (request_id,))


def prune(before: float, limit: int, connection: sqlite3.Connection) -> int:
    """The oldest rows first. Their days' sums stay."""
    return connection.execute(_PRUNE, (before, limit)).rowcount
