"""`pisces keys`: made before the first start, shown once, found by name or id, refused with a hint."""

from __future__ import annotations

import re
import sqlite3
import time
from pathlib import Path

import pytest
from cli.conftest import Json, Run, Stored

from pisces_proxy.keys import digest
from pisces_proxy.ledger import Reservation
from pisces_proxy.storage import Record, Storage

MADE = {"id", "name", "account", "key", "kind", "models", "rpm", "tpm", "concurrency", "quota_nano", "expires_at", "created_at"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def test_a_key_is_made_before_the_first_start_and_only_its_hash_is_kept(json: Json, tmp_path: Path) -> None:
    made = json("keys", "create", "alice")
    assert set(made) == MADE
    assert re.fullmatch(r"pisces-[A-Za-z0-9]{40}", made["key"])
    assert (made["account"], made["kind"], made["models"], made["expires_at"]) == ("default", "live", None, None)
    assert TIME.fullmatch(made["created_at"])
    stored = (tmp_path / "pisces.db").read_bytes()
    assert made["key"].encode() not in stored
    assert digest(made["key"]).encode() in stored


def test_every_option_of_a_key_is_kept(json: Json) -> None:
    json("accounts", "create", "acme")
    made = json(
        "keys", "create", "shop", "--account", "acme", "--models", "gpt-4o, [M]claude", "--rpm", "60", "--tpm", "1000",
        "--concurrency", "3", "--quota", "0.25", "--expires", "30d", "--ip", "10.1.2.3/8", "--ip", "::1", "--kind", "test",
    )  # fmt: skip
    shown = json("keys", "show", "shop")
    assert {name: shown[name] for name in MADE - {"key"}} == {name: made[name] for name in MADE - {"key"}}
    assert (made["models"], made["quota_nano"], made["kind"]) == (["gpt-4o", "[M]claude"], 250_000_000, "test")
    assert (made["rpm"], made["tpm"], made["concurrency"], made["account"]) == (60, 1000, 3, "acme")
    assert TIME.fullmatch(made["expires_at"])
    assert shown["networks"] == ["10.0.0.0/8", "::1/128"]
    assert shown["hint"] == made["key"][-4:]
    assert "key" not in shown


@pytest.mark.parametrize(("period", "said"), [("day", "$5.00 a day"), ("month", "$5.00 a month"), (None, "$5.00 in total")])
def test_a_quota_has_its_period(json: Json, run: Run, period: str | None, said: str) -> None:
    json("keys", "create", "shop", "--quota", "5", *(["--quota-period", period] if period else []))
    shown = json("keys", "show", "shop")
    assert (shown["quota_nano"], shown["quota_period"]) == (5_000_000_000, period or "total")
    assert said in run("keys", "show", "shop").output


def test_a_quota_says_what_is_left_of_it(json: Json, run: Run, stored: Stored) -> None:
    made = json("keys", "create", "shop", "--quota", "5", "--quota-period", "day")
    assert "$5.00 a day, $0.00 of it spent" in run("keys", "show", "shop").output
    now = time.time()

    async def spend(storage: Storage) -> None:
        for n, cost in enumerate((250_000_000, None)):
            at = {"at": now, "expires_at": now + 600}
            held = Reservation(request_id=f"r{n}", account="default", key=made["id"], amount_nano=10**9, **at)
            assert await storage.reserve(held) is None
            if cost is not None:
                await storage.settle(Record(request_id=f"r{n}", at=now, account="default", cost_nano=cost), made["id"])

    stored(spend)
    shown = json("keys", "show", "shop")
    assert (shown["quota_spent_nano"], shown["quota_reserved_nano"]) == (250_000_000, 10**9)
    assert "$5.00 a day, $0.25 of it spent and $1.00 held" in run("keys", "show", "shop").output


def test_what_is_changed_of_a_key_changes_and_the_rest_stays(json: Json, run: Run) -> None:
    json("keys", "create", "shop", "--rpm", "60", "--models", "gpt-4o", "--quota", "5", "--ip", "10.0.0.0/8", "--expires", "1d")
    before = json("keys", "show", "shop")
    changed = json(
        "keys", "change", "shop", "--name", "store", "--rpm", "none", "--tpm", "9", "--quota", "7.5", "--quota-period", "day",
        "--models", "none", "--expires", "none", "--ip", "none", "--images-as-text",
    )  # fmt: skip
    told = {"name": "store", "rpm": None, "tpm": 9, "quota_nano": 7_500_000_000, "quota_period": "day", "models": None}
    told |= {"expires_at": None, "networks": [], "images_as_text": True}
    assert changed == {name: value for name, value in before.items() if not name.startswith("quota_") or name in changed} | told
    assert "rpm, tpm" in run("keys", "change", "store", "--rpm", "1", "--tpm", "2").output
    assert (json("keys", "show", "store")["rpm"], json("keys", "show", "store")["concurrency"]) == (1, None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "Say what to change"),
        (("--rpm", "0"), "no number of 1 or more"),
        (("--rpm", "many"), "no number of 1 or more"),
        (("--quota", "-1"), "0 or more dollars"),
        (("--ip", "everywhere"), "no address range"),
    ],
)
def test_a_change_that_says_nothing_or_nonsense_is_refused(json: Json, run: Run, given: tuple[str, ...], said: str) -> None:
    json("keys", "create", "shop", "--rpm", "60")
    result = run("keys", "change", "shop", *given)
    assert result.exit_code == 2 and said in result.output
    assert json("keys", "show", "shop")["rpm"] == 60


def test_a_key_cannot_take_the_name_of_another(json: Json, run: Run) -> None:
    json("keys", "create", "shop")
    json("keys", "create", "store")
    result = run("keys", "change", "shop", "--name", "store")
    assert result.exit_code == 1 and "'store' exists already" in result.output


def test_a_change_stands_in_the_audits_without_what_came_of_a_secret(json: Json, run: Run, stored: Stored) -> None:
    json("keys", "create", "shop")
    run("keys", "change", "shop", "--rpm", "7")
    run("keys", "rotate", "shop")
    audits = stored(lambda storage: storage.audits())
    details = {audit.action: audit.detail for audit in audits}
    assert details["key.change"]["rpm"] == 7
    assert set(details["key.rotate"]) == {"id"}


def test_a_key_may_want_pictures_as_text(json: Json, run: Run) -> None:
    """S3-32, as resellers write them."""
    json("keys", "create", "old", "--images-as-text")
    json("keys", "create", "new")
    assert [json("keys", "show", name)["images_as_text"] for name in ("old", "new")] == [True, False]
    assert "images_as_text" in run("keys", "show", "old").output and "images_as_text" not in run("keys", "show", "new").output


def test_the_secret_is_printed_once_and_never_again(run: Run) -> None:
    secret = re.search(r"pisces-\w{40}", run("keys", "create", "alice").output)
    assert secret is not None
    for command in (("keys", "list"), ("keys", "show", "alice"), ("keys", "list", "--json")):
        output = run(*command).output
        assert secret[0] not in output
        assert secret[0][-4:] in output


def test_names_in_brackets_are_shown_as_they_are(run: Run) -> None:
    run("keys", "create", "alice", "--models", "[M]claude-sonnet-4,[bold]x")
    assert "[M]claude-sonnet-4, [bold]x" in run("keys", "list").output
    assert "[M]claude-sonnet-4, [bold]x" in run("keys", "show", "alice").output


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_key_is_disabled_enabled_rotated_and_deleted_by_name_or_id(json: Json, run: Run, by: str) -> None:
    made = json("keys", "create", "alice")
    name = made[by]
    assert "disabled" in run("keys", "disable", name).output
    assert json("keys", "show", name)["enabled"] is False
    assert "disabled" in run("keys", "list").output
    assert run("keys", "enable", name).exit_code == 0
    assert json("keys", "show", name)["enabled"] is True
    rotated = json("keys", "rotate", name)
    assert set(rotated) == MADE
    assert rotated["id"] == made["id"]
    assert rotated["key"] != made["key"]
    assert json("keys", "show", name)["hint"] == rotated["key"][-4:]
    assert run("keys", "delete", name).exit_code == 0
    assert json("keys", "list") == []


@pytest.mark.parametrize("verb", ["show", "disable", "enable", "rotate", "delete", "change"])
def test_an_unknown_key_is_an_error_with_the_nearest_name(run: Run, verb: str) -> None:
    run("keys", "create", "alice")
    more = ("--rpm", "1") if verb == "change" else ()
    result = run("keys", verb, "alcie", *more)
    assert result.exit_code == 1
    assert "Did you mean 'alice'?" in result.output
    assert "pisces keys list" in run("keys", verb, "zzz", *more).output


def test_a_name_that_is_taken_is_an_error(run: Run) -> None:
    assert run("keys", "create", "alice").exit_code == 0
    result = run("keys", "create", "alice")
    assert result.exit_code == 1
    assert "'alice' exists already" in result.output


def test_an_unknown_account_is_an_error_with_the_nearest_name(run: Run) -> None:
    run("accounts", "create", "acme")
    assert "Did you mean 'acme'?" in run("keys", "create", "x", "--account", "acmee").output
    assert "pisces accounts create zzz" in run("keys", "create", "x", "--account", "zzz").output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--quota", "-1"),
        ("--quota", "much"),
        ("--quota", "nan"),
        ("--quota", "0.0000000001"),
        ("--quota", "1e30"),
        ("--expires", "soon"),
        ("--ip", "10.0.0.0/99"),
        ("--rpm", "0"),
        ("--kind", "dead"),
        ("--models", ","),
        ("--quota-period", "week"),
    ],
    ids="=".join,
)
def test_an_impossible_value_names_its_option_and_makes_nothing(run: Run, json: Json, arguments: tuple[str, str]) -> None:
    result = run("keys", "create", "alice", *arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.output
    assert json("keys", "list") == []


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201])
def test_a_name_is_printable(run: Run, name: str) -> None:
    assert "printable" in run("keys", "create", name).output


def test_the_prefix_and_the_database_are_the_configurations(json: Json, run: Run, tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text('[server]\nkey_prefix = "sk-shop-"\ndatabase = "sqlite:///shop.db"\n')
    assert re.fullmatch(r"sk-shop-\w{40}", json("keys", "create", "alice", "--config", "shop.toml")["key"])
    assert (tmp_path / "shop.db").exists()
    assert json("keys", "list", "--config", "shop.toml", "--database", "sqlite:///other.db") == []


def test_the_environment_names_the_database(json: Json, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PISCES_DATABASE", "sqlite:///elsewhere.db")
    json("keys", "create", "alice")
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere.db"]


def test_a_damaged_database_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pisces.db").write_bytes(b"not a database at all" * 100)
    result = run("keys", "list")
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert "not a SQLite database" in result.output


def test_a_change_is_seen_by_whoever_has_the_database_open(run: Run, tmp_path: Path) -> None:
    run("keys", "create", "alice")
    with sqlite3.connect(tmp_path / "pisces.db") as reader:
        before = reader.execute("SELECT value FROM changes").fetchone()
        run("keys", "disable", "alice")
        assert reader.execute("SELECT value FROM changes").fetchone() != before
    reader.close()
