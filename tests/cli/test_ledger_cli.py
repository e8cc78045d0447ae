"""`pisces ledger`: verified, and exported as JSON lines and CSV."""

from __future__ import annotations

import csv
import re
import sqlite3
from pathlib import Path

import msgspec
import pytest
from cli.conftest import Json, Run, Stored

from pisces_proxy.ledger import Reservation
from pisces_proxy.storage import Record, Storage

FIELDS = ["id", "at", "kind", "account", "key", "request_id", "amount_nano"]
NOON = 1_700_000_000.0


async def trade(storage: Storage) -> None:
    for name in ("a", "b"):
        asked = Reservation(request_id=name, account="acme", key="key_1", amount_nano=50, at=NOON, expires_at=NOON + 60)
        assert await storage.reserve(asked) is None
    await storage.settle(Record(request_id="a", at=NOON, account="acme", cost_nano=30), "key_1")
    await storage.release("b")
    await storage.adjust("acme", -7, id="fix")


@pytest.fixture
def shop(run: Run, stored: Stored, tmp_path: Path) -> Path:
    """The database, after some trade."""
    run("accounts", "create", "acme", "--balance", "1")
    run("accounts", "create", "other", "--balance", "2")
    stored(trade)
    return tmp_path / "pisces.db"


def test_a_clean_ledger_is_said_to_be(shop: Path, run: Run, json: Json) -> None:
    assert json("ledger", "verify") == {"ok": True, "accounts": 2, "rows": 7, "problems": []}
    result = run("ledger", "verify")
    assert result.exit_code == 0
    assert "2 accounts, 7 rows" in result.output


def test_a_sum_that_is_off_is_named_and_the_exit_code_is_1(shop: Path, run: Run) -> None:
    with sqlite3.connect(shop) as other:
        other.execute("UPDATE balances SET spent_nano = 29 WHERE account = 'acme'")
    other.close()
    for_machines, for_people = run("ledger", "verify", "--json"), run("ledger", "verify")
    problem = "account 'acme': spent is kept as 29, its rows add up to 30"
    assert (for_machines.exit_code, for_people.exit_code) == (1, 1)
    assert msgspec.json.decode(for_machines.stdout) == {"ok": False, "accounts": 2, "rows": 7, "problems": [problem]}
    assert for_people.output == f"A{problem[1:]}.\n"


def test_an_export_is_json_lines_in_the_order_of_the_ledger(shop: Path, run: Run) -> None:
    rows = [msgspec.json.decode(line) for line in run("ledger", "export").stdout.splitlines()]
    assert [list(row) for row in rows] == [FIELDS] * 7
    assert [(row["kind"], row["amount_nano"]) for row in rows] == [
        ("credit", 1_000_000_000),
        ("credit", 2_000_000_000),
        ("reserve", 50),
        ("reserve", 50),
        ("settle", 30),
        ("release", 50),
        ("adjust", -7),
    ]
    assert rows[4] == {
        "id": 5, "at": "2023-11-14T22:13:20Z", "kind": "settle", "account": "acme", "key": "key_1", "request_id": "a",
        "amount_nano": 30,
    }  # fmt: skip
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["at"]) for row in rows)


def test_an_export_as_csv_says_the_same(shop: Path, run: Run) -> None:
    lines = [msgspec.json.decode(line) for line in run("ledger", "export", "--format", "jsonl").stdout.splitlines()]
    table = list(csv.DictReader(run("ledger", "export", "--format", "csv").stdout.splitlines()))
    assert table == [{name: str(value) for name, value in line.items()} for line in lines]


def test_an_export_of_one_account_has_its_rows_only(shop: Path, run: Run) -> None:
    lines = run("ledger", "export", "--account", "other").stdout.splitlines()
    assert [msgspec.json.decode(line)["account"] for line in lines] == ["other"]
    assert run("ledger", "export", "--account", "nobody").stdout == ""


def test_a_long_ledger_is_exported_whole(run: Run, stored: Stored) -> None:
    run("accounts", "create", "acme")

    async def many(storage: Storage) -> None:
        for n in range(2001):
            await storage.credit("acme", 1, id=str(n))

    stored(many)
    ids = [msgspec.json.decode(line)["request_id"] for line in run("ledger", "export").stdout.splitlines()]
    assert ids == [str(n) for n in range(2001)]
