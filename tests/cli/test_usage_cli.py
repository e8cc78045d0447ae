"""`pisces usage` and `pisces request`: sums and single requests, for people and for machines."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from cli.conftest import Json, Run

from pisces_proxy.storage import Attempt, Record
from pisces_proxy.usage import Usage

Finish = Callable[..., None]


def records() -> list[Record]:
    usage = Usage(input=1000, cached_input=400, output=50, reasoning=20)
    now = time.time()
    return [
        Record(
            request_id="a",
            at=now - 60,
            key="alice",
            account="acme",
            channel="c",
            model="[M]m",
            usage=usage,
            cost_nano=1_250_000_000,
        ),
        Record(request_id="b", at=now - 60, key="alice", account="acme", channel="c", model="[M]m", usage=usage, status=502),
        Record(request_id="old", at=now - 7200, key="bob", account="acme", channel="d", model="n", usage=usage),
    ]


@pytest.mark.parametrize(
    ("by", "names"), [("model", ["[M]m", "n"]), ("key", ["alice", "bob"]), ("channel", ["c", "d"]), ("account", ["acme"])]
)
def test_usage_sums_by(json: Json, finish: Finish, by: str, names: list[str]) -> None:
    finish(*records())
    groups = json("usage", "--by", by)
    assert [group[by] for group in groups] == [group["name"] for group in groups] == names
    assert sum(group["requests"] for group in groups) == 3
    assert sum(group["cost_nano"] for group in groups) == 1_250_000_000
    assert groups[0]["input_tokens"] / groups[0]["requests"] == 1000
    assert {"errors", "output_tokens", "cached_tokens", "reasoning_tokens"} <= set(groups[0])


def test_usage_looks_back_as_far_as_asked(json: Json, finish: Finish) -> None:
    finish(*records())
    assert [group["requests"] for group in json("usage", "--since", "1h")] == [2]
    assert [group["requests"] for group in json("usage", "--since", "3h")] == [2, 1]


def test_usage_for_people_ends_in_a_total(run: Run, finish: Finish) -> None:
    assert "none" in run("usage").output
    finish(*records())
    lines = [line.split() for line in run("usage").output.splitlines() if line.strip()]
    assert ["[M]m", "2", "1", "2,000", "800", "100", "40", "$1.25"] in lines
    assert lines[-1] == ["total", "3", "1", "3,000", "1,200", "150", "60", "$1.25"]


def test_usage_tells_the_margin_where_a_channel_says_what_it_pays(json: Json, run: Run, finish: Finish) -> None:
    finish(*records())
    assert "margin" not in run("usage").output
    paid = {"at": time.time() - 60, "account": "acme", "model": "[M]m", "upstream_cost_nano": 1_000_000_000}
    finish(Record(request_id="c", cost_nano=3_000_000_000, **paid), Record(request_id="d", **paid))
    (first, second) = json("usage")
    assert (first["cost_nano"], first["upstream_cost_nano"], first["margin_nano"]) == (4_250_000_000, 2 * 10**9, 10**9)
    assert (second["upstream_cost_nano"], second["margin_nano"]) == (0, 0)
    lines = [line.split() for line in run("usage").output.splitlines() if line.strip()]
    assert lines[-1][-3:] == ["$4.25", "$2.00", "$1.00"]


def test_a_wrong_duration_names_the_right_ones(run: Run) -> None:
    result = run("usage", "--since", "yesterday")
    assert result.exit_code == 2
    assert "30d" in result.output


def test_a_request_is_shown_whole(json: Json, run: Run, finish: Finish) -> None:
    record = Record(
        request_id="req_1",
        at=time.time(),
        key="alice",
        account="acme",
        model="m",
        channel="second",
        protocol="a",
        upstream_protocol="b",
        status=200,
        usage=Usage(input=1200, output=3, estimated=True),
        cost_nano=7,
        upstream_cost_nano=9,
        price_lines=[
            {"unit": "cached_input", "quantity": 1200, "rate": 2_500_000_000, "amount_nano": 3_000_000},
            {"unit": "image 1024x1024/hd", "quantity": 2, "rate": 80_000_000 * 10**6, "amount_nano": 160_000_000},
        ],
        warnings=["top_k;dropped;no such knob"],
        flags=["translated"],
        first_byte_ms=12.0,
        attempts=[
            Attempt(channel="first", upstream_model="m1", status=429, error="rate_limit", started_ms=1.0, total_ms=5.0),
            Attempt(channel="second", upstream_model="m2", status=200, started_ms=6.0, first_byte_ms=12.0, total_ms=20.0),
        ],
    )
    finish(record)
    told = json("request", "req_1")
    assert set(told) == {
        "request_id",
        "key",
        "account",
        "model",
        "protocol",
        "status",
        "attempts",
        "usage",
        "measures",
        "price_lines",
        "cost_nano",
        "upstream_cost_nano",
        "margin_nano",
        "warnings",
        "flags",
    }
    assert told["attempts"][0] == {
        "channel": "first",
        "upstream_model": "m1",
        "status": 429,
        "error": "rate_limit",
        "started_ms": 1.0,
        "first_byte_ms": None,
        "total_ms": 5.0,
    }
    assert (told["usage"]["input_tokens"], told["usage"]["output_tokens"], told["usage"]["estimated"]) == (1200, 3, True)
    assert (told["cost_nano"], told["upstream_cost_nano"], told["margin_nano"]) == (7, 9, -2)
    shown = run("request", "req_1").output
    lines = [line.split() for line in shown.splitlines()]
    assert ["cached", "input", "1,200", "$2.50", "per", "million", "$0.003"] in lines
    assert ["image", "1024x1024/hd", "2", "$0.08", "each", "$0.16"] in lines
    for text in (
        "rate_limit",
        "second",
        "m2",
        "1,200 input tokens",
        "(estimated)",
        "$0.000000007",
        "$0.000000009",
        "-$0.000000002",
        "top_k",
        "translated to b",
    ):
        assert text in shown


def test_an_unknown_request_says_where_its_id_stands(run: Run) -> None:
    result = run("request", "nobody")
    assert result.exit_code == 1
    assert "x-request-id" in result.output


def test_every_field_of_a_usage_is_told(json: Json, finish: Finish) -> None:
    numbers: dict[str, Any] = {name: n for n, name in enumerate(Usage.__struct_fields__, 1) if name != "estimated"}
    finish(Record(request_id="r", at=1.0, usage=Usage(**numbers)))
    assert set(numbers.values()) <= set(json("request", "r")["usage"].values())
