"""Connections: one that writes, one that reads, one that folds the log into the file."""

from __future__ import annotations

import sqlite3
import time

import aiosqlite

from pisces_proxy.errors import StorageUnavailable

from .failures import unavailable
from .location import Location
from .schema import migrate
from .sums import Writing

PATIENCE = 5.0  # seconds that we wait for another process's transaction
OLDEST = (3, 37)  # shared memdb, RETURNING


def writing(location: Location) -> Writing:
    """The connection that writes, its schema up to date, for one thread at a time. Raises StorageUnavailable."""
    if sqlite3.sqlite_version_info < OLDEST:
        raise StorageUnavailable(f"SQLite {sqlite3.sqlite_version} is too old. Use a Python built with 3.37 or newer.")
    try:
        return _prepared(location)
    except sqlite3.Error as error:
        raise unavailable(error, location) from error


def _prepared(location: Location) -> Writing:
    _create_private(location)
    connection = sqlite3.connect(
        location.target, timeout=PATIENCE, isolation_level=None, uri=True, factory=Writing, check_same_thread=False
    )
    try:
        _use_wal(connection)
        connection.execute(f"PRAGMA synchronous = {location.synchronous}")
        migrate(connection, str(location))
    except BaseException:
        connection.close()
        raise
    return connection


def _create_private(location: Location) -> None:
    """A new file is the owner's alone: it holds the installation's secrets. SQLite gives its WAL the same mode."""
    if location.path is None:
        return
    try:
        location.path.touch(mode=0o600)
    except OSError as error:
        if not location.path.exists():
            raise StorageUnavailable(
                f"Database {location}: cannot be created: {error.strerror}. Check that the folder exists and may be written."
            ) from None


def _use_wal(connection: sqlite3.Connection) -> None:
    """Readers and the writer do not wait for each other. The switch itself ignores busy_timeout, so wait here."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > end:
                raise
            time.sleep(0.01)


def folding(location: Location) -> sqlite3.Connection:
    """The connection for checkpoints, which waits for nobody."""
    return sqlite3.connect(location.target, timeout=0, isolation_level=None, uri=True)


async def reading(location: Location) -> aiosqlite.Connection:
    """The connection for reports, which cannot write. Raises StorageUnavailable."""
    try:
        connection = await aiosqlite.connect(location.target, timeout=PATIENCE, isolation_level=None, uri=True)
    except sqlite3.Error as error:
        raise unavailable(error, location) from error
    await connection.execute("PRAGMA query_only = 1")
    return connection
