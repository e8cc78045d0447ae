"""The write-ahead log is folded into the file beside the writer, and stays short however long it writes."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from functools import partial
from pathlib import Path

import pytest
from pisces_sqlite.connection import folding
from pisces_sqlite.folding import OFTEN, Folding
from pisces_sqlite.location import locate
from pisces_sqlite.sums import Writing
from pisces_sqlite.writer import Writer

PAGE = 4096 + 24  # bytes of the log


def connect(path: Path, trace: list[str]) -> Writing:
    connection = sqlite3.connect(path, isolation_level=None, factory=Writing, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE IF NOT EXISTS t (n)")
    connection.set_trace_callback(lambda sql: trace.append(f"{threading.current_thread().name}: {sql}"))
    return connection


def insert(n: int, connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO t VALUES (?)", (n,))


async def write(path: Path, folds: Folding | None, times: int) -> tuple[list[str], list[int]]:
    """What the writer's connection was asked, and the log's size after each write."""
    trace: list[str] = []
    sizes: list[int] = []
    writer = Writer(lambda: connect(path, trace), on_loop=True, folding=folds)
    await writer.start()
    for n in range(times):
        await writer.submit(partial(insert, n), brief=True)
        await asyncio.sleep(0.001 if n % 10 == 0 else 0)
        sizes.append(path.with_name(f"{path.name}-wal").stat().st_size)
    await writer.stop()
    return trace, sizes


async def test_checkpoints_are_not_made_on_the_connection_that_writes(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    place = locate(f"sqlite:///{path}")
    trace, _ = await write(path, Folding(lambda: folding(place), often=10), 100)
    assert not [line for line in trace if "wal_checkpoint" in line]
    assert sqlite3.connect(path).execute("SELECT count(*) FROM t").fetchone() == (100,)


async def test_the_log_is_written_from_its_beginning_again_once_it_is_long(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    place = locate(f"sqlite:///{path}")
    trace, sizes = await write(path, Folding(lambda: folding(place), often=10, long=50), 600)
    assert max(sizes) < 300 * PAGE
    own = [line for line in trace if "wal_checkpoint" in line]
    assert all(line.startswith("pisces-sqlite:") for line in own)  # never on the loop


async def test_what_is_left_of_a_long_log_is_folded_by_the_writers_thread(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    place = locate(f"sqlite:///{path}")
    trace, _ = await write(path, Folding(lambda: folding(place), often=1, long=0), 200)
    own = [line for line in trace if "wal_checkpoint" in line]
    assert own and all(line.startswith("pisces-sqlite:") for line in own)


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), sqlite3.DatabaseError("not a database")])
async def test_a_checkpoint_that_fails_is_tried_again(tmp_path: Path, error: Exception) -> None:
    path, tried = tmp_path / "t.db", []

    def broken() -> sqlite3.Connection:
        tried.append(1)
        raise error

    await write(path, Folding(broken, often=10), 50)
    assert len(tried) == 5
    assert sqlite3.connect(path).execute("SELECT count(*) FROM t").fetchone() == (50,)


def test_a_slow_disk_is_not_asked_for_more_than_it_does() -> None:
    gate, connected = threading.Event(), threading.Event()
    made: list[str] = []

    def connect_slowly() -> sqlite3.Connection:
        connected.set()
        gate.wait(10)
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.set_trace_callback(made.append)
        return connection

    folds = Folding(connect_slowly, often=1)
    folds.start()
    folds.committed()
    assert connected.wait(10)
    for _ in range(100):
        folds.committed()
    gate.set()
    folds.stop()
    assert len(made) == 2  # the one that had begun, and one for all that came meanwhile


def test_a_folding_that_was_told_of_little_has_nothing_to_do(tmp_path: Path) -> None:
    connected: list[int] = []
    folds = Folding(lambda: connected.append(1) or sqlite3.connect(":memory:"))
    folds.start()
    for _ in range(OFTEN - 1):
        folds.committed()
    folds.stop()
    assert not connected
