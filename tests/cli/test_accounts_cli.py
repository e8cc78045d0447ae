"""`pisces accounts`: made, credited, listed, shown with their keys and their money."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from cli.conftest import Json, Run, Stored

from pisces_proxy.ledger import Reservation
from pisces_proxy.storage import Record, Storage

SHOWN = {
    "name", "balance_nano", "reserved_nano", "available_nano", "credited_nano", "spent_nano", "unlimited", "credit_line_nano",
    "enabled", "keys",
}  # fmt: skip
DOLLAR = 1_000_000_000


async def spend(storage: Storage) -> None:
    """One request that cost 1.50, one that still runs with 2.00 held."""
    for name in ("done", "open"):
        asked = Reservation(request_id=name, account="acme", key="k", amount_nano=2 * DOLLAR, at=1.0, expires_at=9e9)
        assert await storage.reserve(asked) is None
    await storage.settle(Record(request_id="done", at=1.0, account="acme", cost_nano=1_500_000_000), "k")


def test_an_account_is_shown_with_its_keys_and_its_money(json: Json, run: Run, stored: Stored) -> None:
    assert set(json("accounts", "create", "acme", "--balance", "10", "--credit-line", "0.5")) == SHOWN
    json("keys", "create", "shop", "--account", "acme")
    stored(spend)
    shown = json("accounts", "show", "acme")
    assert shown == {
        "name": "acme",
        "balance_nano": 8_500_000_000,
        "reserved_nano": 2 * DOLLAR,
        "available_nano": 7 * DOLLAR,
        "credited_nano": 10 * DOLLAR,
        "spent_nano": 1_500_000_000,
        "unlimited": False,
        "credit_line_nano": 500_000_000,
        "enabled": True,
        "keys": ["shop"],
    }
    assert json("accounts", "list") == [shown]
    assert run("accounts", "list").output.splitlines()[-2].split() == ["acme", "$8.50", "$2.00", "$7.00", "$1.50", "1", "ready"]
    text = run("accounts", "show", "acme").output
    for part in ("shop", "$8.50", "$7.00", "credit line  $0.50", "$1.50"):
        assert part in text


def test_an_unlimited_account_has_no_end(json: Json, run: Run, stored: Stored) -> None:
    json("accounts", "create", "acme", "--unlimited")
    stored(spend)
    shown = json("accounts", "show", "acme")
    assert (shown["available_nano"], shown["unlimited"], shown["balance_nano"]) == (None, True, -1_500_000_000)
    assert "unlimited" in run("accounts", "list").output


@pytest.mark.parametrize(
    ("written", "nano"),
    [
        ("10", 10 * DOLLAR),
        ("$0.000000001", 1),
        ("0.1", 100_000_000),
        ("1e3", 1000 * DOLLAR),
        ("9007199.254740993", 9007199254740993),
    ],
)
def test_a_credit_is_exact_to_the_nano_dollar(json: Json, written: str, nano: int) -> None:
    json("accounts", "create", "acme")
    assert json("accounts", "credit", "acme", written)["balance_nano"] == nano
    assert json("accounts", "credit", "acme", written)["credited_nano"] == 2 * nano


def test_a_credit_says_what_it_did_and_what_it_was_for(run: Run, stored: Stored) -> None:
    run("accounts", "create", "acme", "--balance", "1")
    assert "$2.50" in run("accounts", "credit", "acme", "1.5", "--note", "invoice 42").output
    rows = stored(lambda storage: storage.ledger())
    assert [(row.kind, row.amount_nano, row.note, row.actor) for row in rows] == [
        ("credit", DOLLAR, "opening balance", "cli"),
        ("credit", 1_500_000_000, "invoice 42", "cli"),
    ]
    assert len({row.request_id for row in rows}) == 2


@pytest.mark.parametrize("amount", ["0", "-1", "much", "nan", "0.0000000001", "1e10"])
def test_an_amount_that_cannot_be_changes_nothing(run: Run, json: Json, amount: str) -> None:
    run("accounts", "create", "acme")
    assert run("accounts", "credit", "acme", "--", amount).exit_code in (1, 2)
    assert json("accounts", "show", "acme")["balance_nano"] == 0


def test_every_change_leaves_an_audit_row(run: Run, stored: Stored) -> None:
    run("accounts", "create", "acme", "--balance", "2")
    run("accounts", "credit", "acme", "1")
    run("keys", "create", "shop", "--account", "acme", "--quota", "1", "--quota-period", "day")
    for verb in ("disable", "enable", "rotate", "delete"):
        run("keys", verb, "shop")
    run("keys", "create", "alice")
    audits = stored(lambda storage: storage.audits())
    assert [(audit.action, audit.target) for audit in audits] == [
        ("account.create", "acme"),
        ("account.credit", "acme"),
        ("account.credit", "acme"),
        ("key.create", "shop"),
        ("key.disable", "shop"),
        ("key.enable", "shop"),
        ("key.rotate", "shop"),
        ("key.delete", "shop"),
        ("account.create", "default"),
        ("key.create", "alice"),
    ]
    assert {audit.actor for audit in audits} == {"cli"}
    assert audits[1].detail["amount_nano"] == 2 * DOLLAR
    assert (audits[3].detail["quota_nano"], audits[3].detail["quota_period"]) == (DOLLAR, "day")


def test_no_audit_row_holds_a_secret(json: Json, tmp_path: Path) -> None:
    secrets = [json("keys", "create", "alice")["key"], json("keys", "rotate", "alice")["key"]]
    with sqlite3.connect(tmp_path / "pisces.db") as reader:
        details = str(reader.execute("SELECT * FROM audits").fetchall())
    reader.close()
    assert not [secret for secret in secrets if secret in details]


def test_a_name_that_is_taken_or_unknown_is_an_error(run: Run) -> None:
    assert run("accounts", "create", "acme", "--balance", "1").exit_code == 0
    taken, unknown = run("accounts", "create", "acme", "--balance", "1"), run("accounts", "show", "acmee")
    assert (taken.exit_code, unknown.exit_code) == (1, 1)
    assert "'acme' exists already" in taken.output
    assert "Did you mean 'acme'?" in unknown.output
    assert "Did you mean 'acme'?" in run("accounts", "credit", "acmee", "1").output
    assert "$1.00" in run("accounts", "show", "acme").output


@pytest.mark.parametrize(
    ("written", "nano"), [("-2.5", -2_500_000_000), ("2.5", 2_500_000_000), ("-$1", -DOLLAR), ("-0.000000001", -1)]
)
def test_a_balance_is_adjusted_up_or_down_in_a_row_of_its_own(json: Json, stored: Stored, written: str, nano: int) -> None:
    json("accounts", "create", "acme", "--balance", "1")
    told = json("accounts", "adjust", "acme", written, "--note", "paid back")
    assert (told["balance_nano"], told["credited_nano"]) == (DOLLAR + nano, DOLLAR)
    row = stored(lambda storage: storage.ledger())[-1]
    assert (row.kind, row.amount_nano, row.note, row.actor) == ("adjust", nano, "paid back", "cli")
    audit = stored(lambda storage: storage.audits())[-1]
    assert (audit.action, audit.detail["amount_nano"]) == ("account.adjust", nano)


@pytest.mark.parametrize("verb", ["credit", "adjust"])
def test_the_same_id_again_changes_nothing_and_with_another_amount_it_is_refused(json: Json, run: Run, verb: str) -> None:
    json("accounts", "create", "acme")
    for _ in range(2):
        assert json("accounts", verb, "acme", "3", "--id", "invoice-17")["balance_nano"] == 3 * DOLLAR
    again = run("accounts", verb, "acme", "4", "--id", "invoice-17")
    assert again.exit_code == 1 and "'invoice-17' exists already" in again.output
    assert json("accounts", "show", "acme")["balance_nano"] == 3 * DOLLAR


def test_terms_are_changed_and_what_is_left_out_stays(json: Json, run: Run, stored: Stored) -> None:
    json("accounts", "create", "acme", "--balance", "1")
    told = json("accounts", "change", "acme", "--credit-line", "100")
    assert (told["credit_line_nano"], told["available_nano"], told["unlimited"]) == (100 * DOLLAR, 101 * DOLLAR, False)
    assert "unlimited" in run("accounts", "change", "acme", "--unlimited").output
    told = json("accounts", "change", "acme", "--prepaid", "--credit-line", "0")
    assert (told["credit_line_nano"], told["available_nano"], told["unlimited"]) == (0, DOLLAR, False)
    nothing = run("accounts", "change", "acme")
    assert nothing.exit_code == 2 and "--credit-line" in nothing.output
    audits = stored(lambda storage: storage.audits())
    assert audits[-1].detail == {"credit_line_nano": 0, "unlimited": False}


def test_an_account_is_disabled_and_enabled(json: Json, run: Run, stored: Stored) -> None:
    json("accounts", "create", "acme")
    assert "disabled" in run("accounts", "disable", "acme").output
    run("accounts", "disable", "acme")
    assert json("accounts", "show", "acme")["enabled"] is False
    assert "disabled" in run("accounts", "list").output and "disabled" in run("accounts", "show", "acme").output
    assert run("accounts", "enable", "acme").exit_code == 0
    assert json("accounts", "show", "acme")["enabled"] is True
    actions = [audit.action for audit in stored(lambda storage: storage.audits())]
    assert actions == ["account.create", "account.disable", "account.enable"]
    assert "Did you mean 'acme'?" in run("accounts", "disable", "acm").output


@pytest.mark.parametrize("name", ["a b", "a/b", "", "a" * 101, "50%"])
def test_an_account_has_a_name_that_fits_everywhere(run: Run, name: str) -> None:
    told = run("accounts", "create", name)
    assert told.exit_code != 0 and "letters, digits" in told.output
    assert run("accounts", "create", "客户_7@acme.example").exit_code == 0
