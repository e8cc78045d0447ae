"""`pisces admin token`: made, listed, taken away."""

from __future__ import annotations

from cli.conftest import Json, Run


def test_a_token_is_made_listed_and_taken_away(json: Json, run: Run) -> None:
    made = json("admin", "token", "create", "ops")
    assert made["token"].startswith("pisces-admin-") and made["token"].endswith(made["hint"])
    listed = json("admin", "token", "list")
    assert listed == [{name: made[name] for name in ("name", "hint", "created_at")}]
    assert made["token"] not in run("admin", "token", "list").output
    assert run("admin", "token", "delete", "ops").exit_code == 0
    assert json("admin", "token", "list") == []


def test_a_token_is_shown_to_people(run: Run) -> None:
    shown = run("admin", "token", "create", "ops").output
    assert "pisces-admin-" in shown and "this once" in shown


def test_a_name_that_is_taken_or_unknown_is_an_error(run: Run) -> None:
    assert run("admin", "token", "create", "ops").exit_code == 0
    taken, unknown = run("admin", "token", "create", "ops"), run("admin", "token", "delete", "opps")
    assert (taken.exit_code, unknown.exit_code) == (1, 1)
    assert "exists already" in taken.output
    assert "Did you mean 'ops'?" in unknown.output
