"""`pisces prices`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from pisces_proxy.cli.prices import prices

FILE = """
[[channel]]
name = "one"
provider = "compatible"
base_url = "http://127.0.0.1:1/v1"
models = { "house" = "gpt-4o", "mine" = "theirs", "unpriced" = "unpriced" }
[channel.cost."theirs"]
input = 0.5

[price."mine"]
input = 1
output = 2
per_call = 0.001
[price."mine".per_image]
"1024x1024/high" = 0.04
"*" = 0.1
[[price."mine".tiers]]
above = 200_000
input = 1.5

[price."gift"]
free = true
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "channels.toml").write_text(FILE, encoding="utf-8")
    return lambda *arguments: CliRunner().invoke(prices, [*arguments], catch_exceptions=False)


def read(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)


def test_the_list_holds_what_has_a_table_and_what_channels_name(run: Any) -> None:
    rows = {row["model"]: row for row in read(run("--json"))}
    assert list(rows) == ["mine", "gift", "house", "unpriced"]
    assert rows["mine"]["units"] == {"input": 10**9, "output": 2 * 10**9, "call": 10**12}
    assert rows["mine"]["source"] == "channels.toml"
    assert rows["house"]["source"] == "built-in"  # by the upstream's name
    assert rows["house"]["units"]["input"] == 2_500_000_000
    assert rows["gift"]["free"]
    assert rows["unpriced"]["source"] is None


def test_people_read_dollars(run: Any) -> None:
    shown = run().output
    assert "$2.50" in shown
    assert "channels.toml, free" in shown
    assert "no price: refused to accounts with a balance" in shown
    assert "call, images, tiers" in shown


def test_one_model_shows_all_of_its_rates_and_what_channels_pay(run: Any) -> None:
    row = read(run("mine", "--json"))
    assert row["tiers"] == [{"above": 200_000, "units": {"input": 1_500_000_000, "output": 2 * 10**9, "call": 10**12}}]
    assert row["images"] == {"1024x1024/high": 4 * 10**13, "*": 10**14}
    assert row["cost"]["one"]["units"] == {"input": 500_000_000}
    shown = run("mine").output
    for part in (
        "above 200,000 tokens",
        "image 1024x1024/high",
        "$0.04 each",
        "$0.001 each",
        "What channel one pays",
        "$0.50 per million",
    ):
        assert part in shown


def test_a_model_of_the_built_in_book_needs_no_channel(run: Any) -> None:
    assert read(run("claude-sonnet-4-6", "--json"))["units"]["cache_write"] == 3_750_000_000


def test_a_model_without_a_price_is_an_error_with_the_nearest_name(run: Any) -> None:
    result = run("mien")
    assert result.exit_code == 1
    assert "'mine'" in result.output
