"""Group commit: all that waits goes into one transaction, and is answered at once when it is committed.

There is no timer. What requests write in one turn of the event loop, and in the next ones while more comes, is committed on the
loop: to be alone in a transaction costs a request more than all that it writes. Where a commit does not wait for the disk
(`synchronous = NORMAL`) it is a copy into the page cache, and cheaper than to wake a thread. A thread takes what may wait or
last: other work, a database that another process has locked, everything where commits do wait for the disk, and for a while
everything where it turned out to be slow. While the thread is at work the next batch collects. So batches grow by themselves
under load, and a lone write waits for nobody.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from pisces_proxy.errors import StorageUnavailable

from .connection import PATIENCE
from .folding import Folding
from .sums import Writing

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]
"""Statements within a transaction. It may run twice: when another of its batch fails, all are tried again."""

LIMIT = 10_000  # writes that may wait; beyond that the disk does not keep up and callers are told so
TURNS = 3  # of the event loop, at most, that a batch waits while more comes
AT_ONCE = 50  # writes of one transaction on the loop: a millisecond or two, then others have their turn
SLOW = 0.02  # a commit on the loop that takes longer than that many seconds
AVOIDED = 1.0  # sends all to the thread for so many seconds


class Failed:
    """What became of work that raised."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


class _Waiting(NamedTuple):
    future: asyncio.Future[Any]
    work: Work[Any]
    brief: bool


class Writer:
    """The connection that writes. It is the loop's own, but while the thread has been handed work (`_handed` batches).

    `connect` is called on the thread. `on_loop`: whether brief work may be written on the loop. `folding` spares the commits
    their checkpoints; an empty batch leaves the connection to it for a moment.
    """

    def __init__(
        self, connect: Callable[[], Writing], *, limit: int = LIMIT, on_loop: bool = False, folding: Folding | None = None
    ) -> None:
        self._connect = connect
        self._limit = limit
        self._on_loop = on_loop
        self._folding = folding
        self._next: list[_Waiting] = []
        self._seen = self._turns = 0  # how many were waiting when we last looked, and how often we have looked
        self._waiting = 0  # work that has no answer yet
        self._handed = 0
        self._queue: SimpleQueue[list[_Waiting] | None] = SimpleQueue()
        self._avoided_until = 0.0
        self._open = False
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Future[None]
        self._connection: Writing

    async def start(self) -> None:
        """Raises what `connect` raises."""
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        started: asyncio.Future[Writing] = self._loop.create_future()
        # a daemon: a program that forgets to stop it ends all the same
        threading.Thread(target=self._run, args=(started,), name="pisces-sqlite", daemon=True).start()
        self._connection = await started
        self._open = True

    async def stop(self) -> None:
        """Everything that waits is written first."""
        if self._open:
            self._open = False
            self._hand_over()
            self._queue.put(None)
            await self._ended

    def submit(self, work: Work[Result], *, brief: bool = False) -> asyncio.Future[Result]:
        """The work's result, once it is committed. It is done even where the caller stops waiting. `brief`: it takes
        microseconds, whatever there is in the database."""
        if not self._open:
            raise StorageUnavailable("The database is closed.")
        if self._waiting >= self._limit:
            raise StorageUnavailable(f"{self._waiting} writes wait for the database: its disk is too slow. Try again soon.")
        self._waiting += 1
        future: asyncio.Future[Result] = self._loop.create_future()
        self._next.append(_Waiting(future, work, brief))
        if len(self._next) == 1:
            self._seen = self._turns = 0
            self._loop.call_soon(self._turn)
        return future

    # -- on the loop

    def _turn(self) -> None:
        """Write what has come: here, or on the thread."""
        if self._handed or not self._next:
            return
        if self._turns < TURNS and len(self._next) > self._seen:  # others come: they may go along
            self._turns += 1
            self._seen = len(self._next)
            self._loop.call_soon(self._turn)
            return
        batch, self._next = self._next[:AT_ONCE], self._next[AT_ONCE:]
        if not (self._may_write_here(batch) and self._write_here(batch)):
            self._next = batch + self._next
            self._hand_over()
        elif self._next:
            self._loop.call_soon(self._turn)

    def _may_write_here(self, batch: Sequence[_Waiting]) -> bool:
        return self._on_loop and self._loop.time() >= self._avoided_until and all(waiting.brief for waiting in batch)

    def _write_here(self, batch: Sequence[_Waiting]) -> bool:
        began = self._loop.time()
        outcomes = commit_at_once(self._connection, [waiting.work for waiting in batch])
        if self._loop.time() - began > SLOW:
            self._avoided_until = began + AVOIDED
        if outcomes is None:
            return False
        self._answer(batch, outcomes)
        if self._folding is not None:
            self._folding.committed()
            if self._folding.due:
                self._hand([])
        return True

    def _hand_over(self) -> None:
        if self._next:
            batch, self._next = self._next, []
            self._hand(batch)

    def _hand(self, batch: list[_Waiting]) -> None:
        self._handed += 1
        self._queue.put(batch)

    def _handed_back(self) -> None:
        self._handed -= 1
        self._turn()

    def _answer(self, batch: Sequence[_Waiting], outcomes: Sequence[Any]) -> None:
        self._waiting -= len(batch)
        for (future, *_), outcome in zip(batch, outcomes, strict=True):
            if future.done():
                continue  # its caller was cancelled
            if type(outcome) is Failed:
                future.set_exception(outcome.error)
            else:
                future.set_result(outcome)

    # -- on the thread

    def _run(self, started: asyncio.Future[Writing]) -> None:
        try:
            connection = self._connect()
            self._prepare(connection)
        except Exception as error:
            self._loop.call_soon_threadsafe(started.set_exception, error)
            return
        self._loop.call_soon_threadsafe(started.set_result, connection)
        with suppress(RuntimeError):  # the loop was closed without stop(): nobody is left to answer
            self._serve(connection)
        if self._folding is not None:
            self._folding.stop()
        connection.close()
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set_result, None)

    def _prepare(self, connection: Writing) -> None:
        if self._on_loop:
            connection.wait_for_locks(0.0)
        if self._folding is not None:
            connection.execute("PRAGMA wal_autocheckpoint = 0")  # the commit that happens to do it would be slow
            self._folding.start()

    def _serve(self, connection: Writing) -> None:
        while (batch := self._queue.get()) is not None:
            if batch:
                outcomes = self._commit(connection, [waiting.work for waiting in batch])
                self._loop.call_soon_threadsafe(self._answer, batch, outcomes)
            if self._folding is not None:
                self._folding.rest(connection)
            self._loop.call_soon_threadsafe(self._handed_back)

    def _commit(self, connection: Writing, works: Sequence[Work[Any]]) -> list[Any]:
        if self._folding is not None:
            self._folding.committed()
        if not self._on_loop:
            return commit(connection, works)
        connection.wait_for_locks(PATIENCE)
        try:
            return commit(connection, works)
        finally:
            connection.wait_for_locks(0.0)


def commit_at_once(connection: Writing, works: Sequence[Work[Any]]) -> list[Any] | None:
    """Each work's result, committed; None, and nothing has changed, where there is a lock to wait for or one of them fails."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        return _write(connection, works)
    except Exception:
        _roll_back(connection)
        return None


def commit(connection: Writing, works: Sequence[Work[Any]]) -> list[Any]:
    """Each work's result, or Failed; those with a result are committed together."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        return [Failed(error)] * len(works)
    try:
        return _write(connection, works)
    except Exception as error:
        _roll_back(connection)
        return [Failed(error)] if len(works) == 1 else _commit_apart(connection, works)


def _write(connection: Writing, works: Sequence[Work[Any]]) -> list[Any]:
    results = [work(connection) for work in works]
    connection.write_sums()
    connection.execute("COMMIT")
    return results


def _commit_apart(connection: Writing, works: Sequence[Work[Any]]) -> list[Any]:
    """The same, each in a savepoint: one that fails takes nothing of the others with it."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        results = [_guarded(connection, work) for work in works]
        connection.execute("COMMIT")
        return results
    except sqlite3.Error as error:
        _roll_back(connection)
        return [Failed(error)] * len(works)


def _guarded(connection: Writing, work: Work[Any]) -> Any:
    connection.execute("SAVEPOINT one")
    try:
        result = work(connection)
        connection.write_sums()
    except Exception as error:
        connection.forget_sums()
        if not connection.in_transaction and isinstance(error, sqlite3.Error):
            raise  # a full or failing disk: SQLite has rolled back the whole transaction
        connection.execute("ROLLBACK TO one")
        result = Failed(error)
    connection.execute("RELEASE one")
    return result


def _roll_back(connection: Writing) -> None:
    connection.forget_sums()
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
