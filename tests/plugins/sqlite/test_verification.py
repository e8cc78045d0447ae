"""Whatever is changed behind the ledger's back is named."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pisces_sqlite import pisces_storage

from pisces_proxy.ledger import Reservation, Verification
from pisces_proxy.storage import Account, Record, Storage

NOON = 1_700_000_000.0
LIFT = "DROP TRIGGER ledger_rows_stay; DROP TRIGGER ledger_rows_stay_as_they_are;"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "p.db"


@pytest.fixture
async def storage(file: Path) -> Iterator[Storage]:
    """One request that has settled, one that is open, one that was given back."""
    storage = pisces_storage(f"sqlite:///{file}")
    assert storage is not None
    await storage.open()
    await storage.add_account(Account(name="acme"))
    await storage.credit("acme", 100, id="c")
    for name in ("settled", "open", "released"):
        await storage.reserve(
            Reservation(request_id=name, account="acme", key="key_1", amount_nano=20, at=NOON, expires_at=NOON + 600)
        )
    await storage.settle(Record(request_id="settled", at=NOON, account="acme", cost_nano=15), "key_1")
    await storage.release("released")
    yield storage
    await storage.close()


async def after(storage: Storage, file: Path, statements: str) -> Verification:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.executescript(statements)
    return await storage.verify()


async def test_untouched_nothing_is_off(storage: Storage) -> None:
    assert await storage.verify() == Verification(accounts=1, rows=6)


@pytest.mark.parametrize(
    ("statements", "problem"),
    [
        ("UPDATE balances SET balance_nano = 86", "account 'acme': balance is kept as 86, its rows add up to 85"),
        ("UPDATE balances SET credited_nano = 99", "account 'acme': credited is kept as 99, its rows add up to 100"),
        ("UPDATE balances SET spent_nano = 0", "account 'acme': spent is kept as 0, its rows add up to 15"),
        ("UPDATE balances SET reserved_nano = 0", "account 'acme': reserved is kept as 0, its rows add up to 20"),
        ("DELETE FROM balances", "account 'acme': balance is kept as 0, its rows add up to 85"),
        (
            "UPDATE key_spend SET spent_nano = 9 WHERE day > 0",
            "key 'key_1', day 19675: spent is kept as 9, its rows add up to 15",
        ),
        (
            "UPDATE key_spend SET spent_nano = 9 WHERE day < 0",
            "key 'key_1', in total: spent is kept as 9, its rows add up to 15",
        ),
        ("DELETE FROM key_spend WHERE day > 0", "key 'key_1', day 19675: reserved is kept as 0, its rows add up to 20"),
        (
            "UPDATE key_spend SET reserved_nano = 9 WHERE day < 0",
            "key 'key_1', in total: reserved is kept as 9, its rows add up to 20",
        ),
        (
            f"{LIFT} UPDATE ledger SET amount_nano = 16 WHERE kind = 'settle'",
            "request 'settled' cost 15, and 16 was settled",
        ),
        (
            f"{LIFT} DELETE FROM ledger WHERE kind = 'settle'",
            "request 'settled' was reserved and neither settled nor released, and its reservation is gone",
        ),
        (
            f"{LIFT} DELETE FROM ledger WHERE kind = 'reserve' AND request_id = 'open'",
            "request 'open' is reserved, but 0 of its reserve rows are open",
        ),
        (
            f"{LIFT} DELETE FROM ledger WHERE kind = 'release'",
            "request 'released' was reserved and neither settled nor released, and its reservation is gone",
        ),
        (
            "DELETE FROM reservations",
            "request 'open' was reserved and neither settled nor released, and its reservation is gone",
        ),
        (
            "INSERT INTO reservations SELECT 'settled', account, key, amount_nano, at, expires_at, owner FROM reservations",
            "request 'settled' is reserved and settled",
        ),
        (
            """DROP INDEX ledger_once; INSERT INTO ledger (at, kind, account, key, request_id, amount_nano)
            SELECT at, kind, account, key, request_id, amount_nano FROM ledger WHERE kind = 'settle'""",
            "request 'settled' has 2 settle rows",
        ),
        ("UPDATE usage_days SET requests = 0", "day 2023-11-14: 0 requests are counted, and there are 1"),
        ("DELETE FROM usage_days", "day 2023-11-14: 0 requests are counted, and there are 1"),
    ],
)
async def test_what_is_off_is_named(storage: Storage, file: Path, statements: str, problem: str) -> None:
    assert problem in (await after(storage, file, statements)).problems


async def test_of_very_many_problems_the_number_is_told(storage: Storage, file: Path) -> None:
    many = """
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
        INSERT INTO balances SELECT 'a' || i, 1, 0, 0, 0 FROM n
    """
    problems = (await after(storage, file, many)).problems
    assert len(problems) == 101
    assert problems[-1] == "and 50 more"


@pytest.mark.parametrize("statement", ["DELETE FROM ledger", "UPDATE ledger SET amount_nano = 0"])
async def test_rows_of_the_ledger_can_only_be_added(storage: Storage, file: Path, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="rows of the ledger are never"):
        await after(storage, file, statement)
    assert (await storage.verify()).ok
