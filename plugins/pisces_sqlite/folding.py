"""The write-ahead log, folded into the file while others write on: it waits for the disk, so nobody may wait for it.

A checkpoint on a connection of its own holds no lock that a writer needs. But it never comes to the log's end while that
grows, and only a log that is folded to its end is written from its beginning again. So once it is long, the writer is asked
to fold the little that is left on its own connection.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

OFTEN = 150  # transactions between two checkpoints: about a thousand pages, as SQLite itself does it
LONG = 32_768  # pages of the log, 128 MiB, and the writer waits for a checkpoint

_FOLD = "PRAGMA wal_checkpoint(PASSIVE)"


class Folding:
    """Told of each transaction. `connect` is called on its thread. `due`: whether the writer is to fold the rest."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, often: int = OFTEN, long: int = LONG) -> None:
        self._connect = connect
        self._often = often
        self._long = long
        self._queue: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="pisces-sqlite-log", daemon=True)
        self._unfolded = 0
        self.due = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for a checkpoint that has begun."""
        self._queue.put(False)
        self._thread.join()

    def committed(self) -> None:
        self._unfolded += 1
        if self._unfolded >= self._often and self._queue.empty():  # a slow disk is not asked twice
            self._unfolded = 0
            self._queue.put(True)

    def rest(self, connection: sqlite3.Connection) -> None:
        """What is due, on the writer's connection: nothing is written meanwhile, so it comes to the end."""
        if not self.due:
            return
        self.due = False
        with suppress(sqlite3.Error):  # another process folds, or the disk is full: next time
            connection.execute(_FOLD)

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while self._queue.get():
            with suppress(sqlite3.Error):
                connection = connection or self._connect()
                _, pages, _ = connection.execute(_FOLD).fetchone()
                self.due = pages > self._long
        if connection is not None:
            connection.close()
