"""`pisces accounts`: made, listed, shown with their keys and what they spent."""

from __future__ import annotations

from collections.abc import Callable

from cli.conftest import Json, Run

from pisces_proxy.storage import Record

SHOWN = {"name", "balance_nano", "reserved_nano", "available_nano", "credited_nano", "spent_nano", "unlimited", "keys"}


def test_an_account_is_shown_with_its_keys_and_what_it_spent(json: Json, run: Run, finish: Callable[..., None]) -> None:
    assert set(json("accounts", "create", "acme", "--unlimited")) == SHOWN
    json("keys", "create", "shop", "--account", "acme")
    finish(Record(request_id="r", at=1.0, account="acme", cost_nano=1_500_000_000))
    shown = json("accounts", "show", "acme")
    assert set(shown) == SHOWN
    assert (shown["unlimited"], shown["keys"], shown["spent_nano"]) == (True, ["shop"], 1_500_000_000)
    assert json("accounts", "list") == [shown]
    assert "$1.50" in run("accounts", "list").output
    assert "shop" in run("accounts", "show", "acme").output


def test_a_name_that_is_taken_or_unknown_is_an_error(run: Run) -> None:
    assert run("accounts", "create", "acme").exit_code == 0
    taken, unknown = run("accounts", "create", "acme"), run("accounts", "show", "acmee")
    assert (taken.exit_code, unknown.exit_code) == (1, 1)
    assert "'acme' exists already" in taken.output
    assert "Did you mean 'acme'?" in unknown.output
