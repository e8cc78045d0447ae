"""Group commit: one thread takes all that waits into one transaction, then answers all of them at once.

There is no timer. While a transaction runs the next batch collects, so the batches grow by themselves under load and a
lone write waits for nobody.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from pisces_proxy.errors import StorageUnavailable

from .sums import Writing

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]
"""Statements within a transaction. It may run twice: when another of its batch fails, all are tried again."""

LIMIT = 10_000  # writes that may wait; beyond that the disk does not keep up and callers are told so


class Failed:
    """What became of work that raised."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


class Writer:
    """The thread, its connection and its queue. `connect` is called on the thread."""

    def __init__(self, connect: Callable[[], Writing], limit: int = LIMIT) -> None:
        self._connect = connect
        self._limit = limit
        self._queue: SimpleQueue[tuple[asyncio.Future[Any], Work[Any]] | None] = SimpleQueue()
        self._waiting = 0
        self._open = False
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Future[None]

    async def start(self) -> None:
        """Raises what `connect` raises."""
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        started: asyncio.Future[None] = self._loop.create_future()
        # a daemon: a program that forgets to stop it ends all the same
        threading.Thread(target=self._run, args=(started,), name="pisces-sqlite", daemon=True).start()
        await started
        self._open = True

    async def stop(self) -> None:
        """Everything that waits is written first."""
        if self._open:
            self._open = False
            self._queue.put(None)
            await self._ended

    def submit(self, work: Work[Result]) -> asyncio.Future[Result]:
        """The work's result, once it is committed. It is done even where the caller stops waiting."""
        if not self._open:
            raise StorageUnavailable("The database is closed.")
        if self._waiting >= self._limit:
            raise StorageUnavailable(f"{self._waiting} writes wait for the database: its disk is too slow. Try again soon.")
        self._waiting += 1
        future: asyncio.Future[Result] = self._loop.create_future()
        self._queue.put((future, work))
        return future

    def _run(self, started: asyncio.Future[None]) -> None:
        try:
            connection = self._connect()
        except Exception as error:
            self._loop.call_soon_threadsafe(started.set_exception, error)
            return
        self._loop.call_soon_threadsafe(started.set_result, None)
        with suppress(RuntimeError):  # the loop was closed without stop(): nobody is left to answer
            self._serve(connection)
        connection.close()
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set_result, None)

    def _serve(self, connection: Writing) -> None:
        more = True
        while more:
            batch, more = self._collect()
            if batch:
                outcomes = commit(connection, [work for _, work in batch])
                self._loop.call_soon_threadsafe(self._answer, [future for future, _ in batch], outcomes)

    def _collect(self) -> tuple[list[tuple[asyncio.Future[Any], Work[Any]]], bool]:
        """Wait for one, take all that are there. False where none will come any more."""
        batch: list[tuple[asyncio.Future[Any], Work[Any]]] = []
        item = self._queue.get()
        for _ in range(self._queue.qsize()):
            if item is None:
                break
            batch.append(item)
            item = self._queue.get_nowait()
        if item is not None:
            batch.append(item)
        return batch, item is not None

    def _answer(self, futures: Sequence[asyncio.Future[Any]], outcomes: Sequence[Any]) -> None:
        self._waiting -= len(futures)
        for future, outcome in zip(futures, outcomes, strict=True):
            if future.done():
                continue  # its caller was cancelled
            if type(outcome) is Failed:
                future.set_exception(outcome.error)
            else:
                future.set_result(outcome)


def commit(connection: Writing, works: Sequence[Work[Any]]) -> list[Any]:
    """Each work's result, or Failed; those with a result are committed together."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        return [Failed(error)] * len(works)
    try:
        results = [work(connection) for work in works]
        connection.write_sums()
        connection.execute("COMMIT")
        return results
    except Exception as error:
        _roll_back(connection)
        return [Failed(error)] if len(works) == 1 else _commit_apart(connection, works)


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
