"""Ten million requests in one file: reports in under a second, pruning that holds nobody up."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pisces_sqlite import pisces_storage, rows
from pisces_sqlite.schema import MIGRATIONS, migrate

from pisces_proxy.storage import Record, Storage

pytestmark = pytest.mark.slow

ROWS = 10_000_000
DAYS, ACCOUNTS, KEYS, MODELS = 30, 200, 1000, 10
BEGIN = 19_700 * 86_400
DAY = 86_400

# as the first version wrote them, so that the upgrade is part of it; spread by a multiplicative hash, the newest last
GENERATED = {
    "request_id": f"printf('req_%016x%08x', ({BEGIN} + n * {DAYS * DAY}.0 / {ROWS}) * 1e9, n * 2654435761 % 4294967296)",
    "at": f"{BEGIN} + n * {DAYS * DAY}.0 / {ROWS}",
    "key": f"'key-' || (n * 2654435761 % {KEYS})",
    "account": f"'account-' || (n * 2654435761 % {KEYS} % {ACCOUNTS})",
    "model": f"'model-' || (n / 7 % {MODELS})",
    "channel": f"'channel-' || (n / 7 % {MODELS} % 4)",
    "protocol": "'openai.chat'",
    "upstream_protocol": "'openai.chat'",
    "status": "CASE WHEN n % 50 THEN 200 ELSE 502 END",
    "cost_nano": "n % 1000 * 1000",
    "total_ms": "812.5",
    "input": "n % 5000",
    "output": "n % 700",
    "rest": """'{"provider":"openai","attempts":[{"channel":"main","upstream_model":"m","status":200}]}'""",
}

Measure = Callable[[str, Awaitable[object]], Awaitable[object]]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("scale") / "p.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, str(path), MIGRATIONS[:1])
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000")
        names = [name for name in rows.REQUEST if name != "upstream_cost_nano"]  # a column that came later
        values = ", ".join(GENERATED.get(name, "0") for name in names)
        connection.execute(
            f"WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ROWS - 1}) "
            f"INSERT INTO requests ({', '.join(names)}) SELECT {values} FROM numbers"
        )
    yield path
    for leftover in path.parent.iterdir():
        leftover.unlink()


@pytest.fixture
async def storage(file: Path) -> AsyncIterator[Storage]:
    storage = pisces_storage(f"sqlite:///{file}")
    assert storage is not None
    await storage.open()
    yield storage
    await storage.close()


@pytest.fixture
def measure(record_property: Callable[[str, object], None]) -> Measure:
    """What it answers, and into the report how long that took."""

    async def take(name: str, asked: Awaitable[object]) -> object:
        begin = time.perf_counter()
        answer = await asked
        took = time.perf_counter() - begin
        record_property(name, f"{took * 1000:.1f} ms")
        assert took < 1, name
        return answer

    return take


async def test_reports_answer_within_a_second(storage: Storage, measure: Measure) -> None:
    last = BEGIN + DAYS * DAY
    days = await measure("by day", storage.usage(by="day"))
    assert isinstance(days, list)
    assert (len(days), sum(day.requests for day in days)) == (DAYS, ROWS)
    await measure("by day, one account", storage.usage(by="day", account="account-7"))
    await measure("by model, one account, 7 days", storage.usage(by="model", account="account-7", since=last - 7 * DAY))
    await measure("by account", storage.usage(by="account"))
    await measure("by key, one channel and model", storage.usage(by="key", channel="channel-1", model="model-5"))
    await measure("by model, last 24 hours, from within a day", storage.usage(since=last - DAY - 40_000))
    await measure("newest rows", storage.records(limit=100))
    await measure("newest rows of an account", storage.records(limit=100, account="account-7"))
    await measure("newest rows of a key", storage.records(limit=100, key="key-77"))
    await measure("newest rows of a channel", storage.records(limit=100, channel="channel-3", until=last - 3 * DAY))
    await measure("newest rows of no model", storage.records(limit=100, model="model-99"))
    await measure("newest rows of nobody", storage.records(limit=100, account="nobody"))
    await measure("an account's page from within a month", storage.records(account="account-7", until=BEGIN + 5.5 * DAY))


async def test_a_report_holds_no_request_up(storage: Storage, record_property: Callable[[str, object], None]) -> None:
    waits: list[float] = []
    report = asyncio.ensure_future(storage.usage(since=BEGIN + 1, until=BEGIN + 2 * DAY - 1))
    while not report.done():
        begin = time.perf_counter()
        await storage.find_key("nobody")
        await storage.set_setting("x", str(len(waits)))
        waits.append(time.perf_counter() - begin)
    await report
    record_property("a read and a write meanwhile, longest", f"{max(waits) * 1000:.1f} ms")
    assert len(waits) > 10


async def test_pruning_holds_nobody_up(storage: Storage, record_property: Callable[[str, object], None]) -> None:
    steps: list[float] = []
    waits: list[float] = []
    pruned = asyncio.Event()

    async def serve() -> None:
        while not pruned.is_set():
            begin = time.perf_counter()
            await storage.finish(Record(request_id=f"new-{len(waits)}", at=BEGIN + DAYS * DAY, account="a", key="k"))
            waits.append(time.perf_counter() - begin)
            await asyncio.sleep(0.001)

    serving = asyncio.ensure_future(serve())
    for _ in range(20):
        begin = time.perf_counter()
        assert await storage.prune(BEGIN + DAY, limit=10_000) == 10_000
        steps.append(time.perf_counter() - begin)
    pruned.set()
    await serving
    steps.sort()
    waits.sort()
    record_property("10,000 rows pruned: median, longest", f"{steps[10] * 1000:.1f} ms, {steps[-1] * 1000:.1f} ms")
    record_property("a request meanwhile: median, longest", f"{waits[len(waits) // 2] * 1000:.1f}, {waits[-1] * 1000:.1f} ms")
    assert steps[10] < 0.5
    assert waits[len(waits) // 2] < 0.05
