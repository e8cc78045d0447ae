"""Group commit: who shares a transaction, who fails, and what happens when the disk does."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from pisces_sqlite import pisces_storage
from pisces_sqlite.failures import unavailable
from pisces_sqlite.location import locate
from pisces_sqlite.sums import Writing
from pisces_sqlite.writer import AT_ONCE, SLOW, TURNS, Failed, Work, Writer, commit

from pisces_proxy.errors import StorageUnavailable


def insert(value: object, connection: sqlite3.Connection) -> object:
    connection.execute("INSERT INTO t VALUES (?)", (value,))
    return value


def insert_two_then_fail(connection: sqlite3.Connection) -> None:
    insert(100, connection)
    insert(101, connection)
    raise ValueError("the second half is missing")


def connect(path: Path | str = ":memory:", *statements: list[str], timeout: float = 5.0) -> Writing:
    connection = sqlite3.connect(path, isolation_level=None, timeout=timeout, factory=Writing, check_same_thread=False)
    connection.execute("CREATE TABLE IF NOT EXISTS t (v INTEGER UNIQUE)")
    for trace in statements:
        connection.set_trace_callback(trace.append)
    return connection


def where(connection: sqlite3.Connection) -> str:
    return threading.current_thread().name


def values(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT v FROM t ORDER BY v")]


async def test_what_arrives_during_a_transaction_shares_the_next_one() -> None:
    trace: list[str] = []
    gate = threading.Event()
    writer = Writer(lambda: connect(":memory:", trace))
    await writer.start()
    first = writer.submit(lambda connection: gate.wait(10))
    later = [writer.submit(partial(insert, n)) for n in range(100)]
    gate.set()
    assert await first
    assert await asyncio.gather(*later) == list(range(100))
    assert trace.count("COMMIT") <= 2
    await writer.stop()


async def test_beyond_the_limit_callers_are_told_at_once_and_the_queue_drains() -> None:
    gate = threading.Event()
    writer = Writer(connect, limit=3)
    await writer.start()
    first = writer.submit(lambda connection: gate.wait(10))
    waiting = [writer.submit(partial(insert, n)) for n in range(2)]
    with pytest.raises(StorageUnavailable, match="3 writes wait"):
        writer.submit(partial(insert, 3))
    gate.set()
    assert await first
    assert await asyncio.gather(*waiting) == [0, 1]
    assert await writer.submit(partial(insert, 3)) == 3
    await writer.stop()


async def test_brief_work_of_one_turn_shares_a_transaction_on_the_loop() -> None:
    trace: list[str] = []
    writer = Writer(lambda: connect(":memory:", trace), on_loop=True)
    await writer.start()
    assert await asyncio.gather(*(writer.submit(where, brief=True) for _ in range(10))) == [where(writer._connection)] * 10
    assert trace.count("COMMIT") == 1
    await writer.stop()


async def test_brief_work_that_comes_while_a_batch_waits_goes_along() -> None:
    trace: list[str] = []
    writer = Writer(lambda: connect(":memory:", trace), on_loop=True)
    await writer.start()
    first = writer.submit(where, brief=True)
    await asyncio.sleep(0)
    second = writer.submit(where, brief=True)
    await asyncio.gather(first, second)
    assert trace.count("COMMIT") == 1
    await writer.stop()


async def test_a_batch_does_not_wait_for_ever_for_more() -> None:
    writer = Writer(connect, on_loop=True)
    await writer.start()
    first = writer.submit(where, brief=True)
    turns = 0
    while not first.done():
        writer.submit(where, brief=True)
        await asyncio.sleep(0)
        turns += 1
    assert turns <= TURNS + 2
    await writer.stop()


@pytest.mark.parametrize(("on_loop", "brief"), [(True, False), (False, True)])
async def test_all_other_work_goes_to_the_thread(on_loop: bool, brief: bool) -> None:
    writer = Writer(connect, on_loop=on_loop)
    await writer.start()
    assert await writer.submit(where, brief=brief) == "pisces-sqlite"
    await writer.stop()


async def test_brief_work_waits_for_the_thread_while_that_writes() -> None:
    gate = threading.Event()
    writer = Writer(connect, on_loop=True)
    await writer.start()
    first = writer.submit(lambda connection: gate.wait(10))
    await asyncio.sleep(0)
    second = writer.submit(partial(insert, 1), brief=True)
    await asyncio.sleep(0.05)
    assert not second.done()
    gate.set()
    assert await first and await second == 1
    await writer.stop()


async def test_many_at_once_are_written_a_few_at_a_time() -> None:
    trace: list[str] = []
    writer = Writer(lambda: connect(":memory:", trace), on_loop=True)
    await writer.start()
    many = [writer.submit(partial(insert, n), brief=True) for n in range(AT_ONCE + 1)]
    assert await asyncio.gather(*many) == list(range(AT_ONCE + 1))
    assert trace.count("COMMIT") == 2
    await writer.stop()


async def test_brief_work_that_fails_is_told_to_its_own_caller_alone() -> None:
    writer = Writer(connect, on_loop=True)
    await writer.start()
    works: list[Work[object]] = [partial(insert, 1), insert_two_then_fail, partial(insert, 2)]
    outcomes = await asyncio.gather(*(writer.submit(work, brief=True) for work in works), return_exceptions=True)
    assert (outcomes[0], type(outcomes[1]), outcomes[2]) == (1, ValueError, 2)
    assert await writer.submit(values) == [1, 2]
    await writer.stop()


async def test_the_loop_never_waits_for_a_lock(tmp_path: Path) -> None:
    writer = Writer(lambda: connect(tmp_path / "t.db"), on_loop=True)
    await writer.start()
    theirs = connect(tmp_path / "t.db")
    theirs.execute("BEGIN IMMEDIATE")
    writing = writer.submit(where, brief=True)
    began = time.monotonic()
    await asyncio.sleep(0.05)
    assert time.monotonic() - began < 1 and not writing.done()
    theirs.execute("ROLLBACK")
    theirs.close()
    assert await writing == "pisces-sqlite"
    assert await writer.submit(where, brief=True) != "pisces-sqlite"
    await writer.stop()


async def test_where_the_disk_is_slow_the_thread_takes_over() -> None:
    writer = Writer(connect, on_loop=True)
    await writer.start()
    await writer.submit(lambda connection: time.sleep(2 * SLOW), brief=True)
    assert await writer.submit(where, brief=True) == "pisces-sqlite"
    await writer.stop()


async def test_what_waits_is_written_before_the_end() -> None:
    writer = Writer(connect, on_loop=True)
    await writer.start()
    waiting = [writer.submit(partial(insert, n), brief=True) for n in range(3)]
    await writer.stop()
    assert await asyncio.gather(*waiting) == [0, 1, 2]


@pytest.mark.parametrize("at", [0, 3, 5])
def test_work_that_fails_half_way_leaves_no_trace_and_takes_nothing_with_it(at: int) -> None:
    connection = connect()
    works: list[Work[object]] = [partial(insert, n) for n in range(5)]
    works.insert(at, insert_two_then_fail)
    outcomes = commit(connection, works)
    assert [type(outcome) is Failed for outcome in outcomes] == [n == at for n in range(6)]
    assert values(connection) == [0, 1, 2, 3, 4]
    assert not connection.in_transaction
    connection.close()


def test_lone_work_that_fails_leaves_no_trace() -> None:
    connection = connect()
    (outcome,) = commit(connection, [insert_two_then_fail])
    assert isinstance(outcome.error, ValueError)
    assert values(connection) == []
    connection.close()


def test_a_database_that_stays_locked_fails_the_batch_and_works_again_afterwards(tmp_path: Path) -> None:
    ours, theirs = connect(tmp_path / "t.db", timeout=0.05), connect(tmp_path / "t.db")
    theirs.execute("BEGIN IMMEDIATE")
    outcomes = commit(ours, [partial(insert, n) for n in range(3)])
    theirs.execute("ROLLBACK")
    for outcome in outcomes:
        assert "locked" in unavailable(outcome.error, locate("sqlite:///t.db")).message
    assert commit(ours, [partial(insert, 1)]) == [1]
    ours.close()
    theirs.close()


async def test_a_lock_of_another_process_is_waited_for(tmp_path: Path) -> None:
    storage = pisces_storage(f"sqlite:///{tmp_path}/p.db")
    assert storage is not None
    await storage.open()
    theirs = sqlite3.connect(tmp_path / "p.db", isolation_level=None)
    theirs.execute("BEGIN IMMEDIATE")
    writing = asyncio.ensure_future(storage.set_setting("a", "b"))
    await asyncio.sleep(0.1)
    assert await storage.setting("a") is None  # a reader does not wait
    assert not writing.done()
    theirs.execute("COMMIT")
    theirs.close()
    await writing
    assert await storage.setting("a") == "b"
    await storage.close()


_FULL_DISK = """
import asyncio, resource, sys
from pisces_proxy.errors import StorageUnavailable
from pisces_proxy.storage import Record
from pisces_sqlite import pisces_storage

async def main():
    storage = pisces_storage(sys.argv[1])
    await storage.open()
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    outcomes = await asyncio.gather(*(finish(storage, n) for n in range(2000)))
    refused = [error for error in outcomes if error]
    assert 0 < len(refused) < 2000, len(refused)
    assert all(isinstance(error, StorageUnavailable) for error in refused), refused[0]
    print(refused[0].message)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await storage.finish(Record(request_id="afterwards", at=1.0))
    kept = {record.request_id for record in await storage.records(limit=10_000)}
    assert kept == {str(n) for n, error in enumerate(outcomes) if error is None} | {"afterwards"}
    await storage.close()

async def finish(storage, n):
    await asyncio.sleep(n / 4000)
    try:
        await storage.finish(Record(request_id=str(n), at=1.0))
    except StorageUnavailable as error:
        return error

asyncio.run(main())
"""

_READ_ONLY = """
import asyncio, os, pathlib, sys
from pisces_proxy.errors import StorageUnavailable
from pisces_proxy.storage import Record
from pisces_sqlite import pisces_storage
import aiosqlite, pisces_sqlite.store

async def main():
    storage = pisces_storage(sys.argv[1])
    await storage.open()
    await storage.close()
    file = pathlib.Path(sys.argv[2])
    file.chmod(0o444)
    file.parent.chmod(0o555)
    if os.geteuid() == 0:
        os.setuid(65534)
    storage = pisces_storage(sys.argv[1])
    try:
        await storage.open()
        await storage.ready()
    except StorageUnavailable as error:
        print(error.message)
    finally:
        await storage.close()

asyncio.run(main())
"""


def run(program: str, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(os.name == "nt", reason="needs RLIMIT_FSIZE")
def test_on_a_full_disk_each_caller_knows_whether_its_row_was_kept(tmp_path: Path) -> None:
    assert "disk" in run(_FULL_DISK, f"sqlite:///{tmp_path}/p.db")


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_read_only_database_is_a_clear_error(tmp_path: Path) -> None:
    folder = tmp_path
    while folder != folder.parent and os.geteuid() == 0:  # root gives up its rights, and must still get there
        folder.chmod(folder.stat().st_mode | 0o755)
        folder = folder.parent
    (tmp_path / "d").mkdir()
    assert "permissions" in run(_READ_ONLY, f"sqlite:///{tmp_path}/d/p.db", str(tmp_path / "d" / "p.db"))
