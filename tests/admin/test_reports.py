"""Usage, requests, channels and prices, read from a gateway that has served."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from gateways import channel
from upstreams import script
from upstreams.vendors import OpenAIChat

from pisces_proxy.storage import Attempt, Record
from pisces_proxy.usage import Usage

DAY = 86_400.0
START = 1_900_000_000.0  # 2030-03-17T17:46:40Z


async def fill(storage) -> None:
    for number in range(6):
        await storage.finish(
            Record(
                request_id=f"req_{number}",
                at=START + number * DAY / 2,
                key="shop" if number % 2 else "ci",
                account="acme",
                model="gpt-4o" if number < 4 else "o3",
                channel="main",
                status=500 if number == 5 else 200,
                usage=Usage(input=10, output=number),
                cost_nano=number,
                upstream_cost_nano=1 if number < 5 else None,
                price_lines=[{"unit": "output", "quantity": number, "rate": 10**6, "amount_nano": number}],
                attempts=[Attempt(channel="main", upstream_model="up", status=200)],
            )
        )


@pytest.mark.parametrize(
    ("query", "sums"),
    [
        ({}, {"gpt-4o": (4, 6), "o3": (2, 9)}),
        ({"by": "key"}, {"ci": (3, 6), "shop": (3, 9)}),
        ({"by": "account", "model": "o3"}, {"acme": (2, 9)}),
        ({"by": "channel", "key": "ci"}, {"main": (3, 6)}),
        ({"by": "day"}, {"2030-03-20": (1, 5), "2030-03-19": (2, 7), "2030-03-18": (2, 3), "2030-03-17": (1, 0)}),
        ({"since": "2030-03-18T00:00:00Z", "until": "2030-03-19T01:00:00+01:00"}, {"gpt-4o": (2, 3)}),
        ({"account": "nobody"}, {}),
    ],
)  # fmt: skip
async def test_usage_is_summed_and_filtered(house, hire, query, sums) -> None:
    found = await house()
    await fill(found.storage)
    told = await (await hire(found)).get("/usage", **query)
    assert {row["name"]: (row["requests"], row["cost_nano"]) for row in told["data"]} == sums
    assert told["by"] == query.get("by", "model")


async def test_usage_is_read_page_by_page(house, hire) -> None:
    found = await house()
    await fill(found.storage)
    operator = await hire(found)
    whole = await operator.get("/usage", by="day")
    first = await operator.get("/usage", by="day", limit=3)
    rest = await operator.get("/usage", by="day", limit=3, cursor=first["next_cursor"])
    assert first["data"] + rest["data"] == whole["data"]
    assert (len(first["data"]), rest["next_cursor"], whole["next_cursor"]) == (3, None, None)
    assert (await operator("GET", "/usage", params={"cursor": "nobody"})).body["error"]["param"] == "cursor"


async def test_usage_tells_the_margin_over_what_is_known(house, hire) -> None:
    found = await house()
    await fill(found.storage)
    operator = await hire(found)
    # 0, 1, 2, 3, 4 for 1 each; of the last nobody knows what it cost
    for by in ("account", "channel"):
        (told,) = (await operator.get("/usage", by=by))["data"]
        assert (told["cost_nano"], told["upstream_cost_nano"], told["margin_nano"]) == (15, 5, 5)
    days = {row["name"]: row["margin_nano"] for row in (await operator.get("/usage", by="day"))["data"]}
    assert days == {"2030-03-17": -1, "2030-03-18": 1, "2030-03-19": 5, "2030-03-20": 0}
    margins = {row["request_id"]: row["margin_nano"] for row in (await operator.get("/requests"))["data"]}
    assert (margins["req_0"], margins["req_4"], margins["req_5"]) == (-1, 3, None)


async def test_requests_are_filtered_and_paged_the_newest_first(house, hire) -> None:
    found = await house()
    await fill(found.storage)
    operator = await hire(found)
    seen, cursor = [], {}
    while cursor is not None:
        page = await operator.get("/requests", limit=4, **cursor)
        seen += [row["request_id"] for row in page["data"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert seen == [f"req_{number}" for number in reversed(range(6))]
    mine = await operator.get("/requests", key="shop", until="2030-03-19T00:00:00Z")
    assert [row["request_id"] for row in mine["data"]] == ["req_1"]


async def test_one_request_is_told_with_its_attempts_and_price_lines(house, hire) -> None:
    found = await house()
    await fill(found.storage)
    told = await (await hire(found)).get("/requests/req_3")
    assert told["price_lines"] == [{"unit": "output", "quantity": 3, "rate": 10**6, "amount_nano": 3}]
    assert told["attempts"][0]["channel"] == "main"
    assert (told["cost_nano"], told["upstream_cost_nano"]) == (3, 1)
    assert (told["usage"]["output"], told["at"]) == (3, "2030-03-19T05:46:40Z")


async def ask(house, model: str) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"Authorization": f"Bearer {house.key}"}
    async with aiohttp.ClientSession() as http:
        async with http.post(house.url + "/v1/chat/completions", json=body, headers=headers) as response:
            return response.status


async def test_a_request_that_was_served_is_told(house, hire, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only))
    assert await ask(found, only.vendor.model) == 200
    operator = await hire(found)
    row = (await operator.get("/requests"))["data"][0]
    assert (row["model"], row["status"]) == (only.vendor.model, 200)
    assert (await operator.get(f"/requests/{row['request_id']}"))["attempts"][0]["status"] == 200


async def test_a_channel_that_is_disabled_takes_nothing_and_comes_back(house, hire, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only, name="main/1"))
    operator = await hire(found)
    from yarl import URL

    path = f"{operator.url}/api/admin/v1/channels/main%2F1"
    headers = {"Authorization": f"Bearer {operator.secret}"}
    async with operator.http.post(URL(path + "/disable", encoded=True), headers=headers) as response:
        told = await response.json()
    assert (told["state"], told["reason"], told["resting_until"]) == ("disabled", "disabled by the operator", None)
    assert await ask(found, only.vendor.model) == 503
    await asyncio.sleep(0.7)  # the gateway looks at the database meanwhile, and must find the same
    assert await ask(found, only.vendor.model) == 503
    async with operator.http.post(URL(path + "/enable", encoded=True), headers=headers) as response:
        assert (await response.json())["state"] == "ready"
    assert await ask(found, only.vendor.model) == 200
    assert [audit["action"] for audit in await operator.audits()] == ["channel.disable", "channel.enable"]


async def test_a_channel_that_rests_says_why_and_until_when(house, hire, upstream) -> None:
    only = await upstream(OpenAIChat())
    found = await house(channel(only, name="main"))
    operator = await hire(found)
    target = found.gateway.world.routes.targets[0]
    target.rest.rest(asyncio.get_running_loop().time(), 60.0, "overloaded")
    told = (await operator.get("/channels"))["data"][0]
    assert (told["name"], told["state"], told["reason"], told["keys"]) == ("main", "resting", "overloaded", 1)
    from datetime import UTC, datetime

    wait = datetime.fromisoformat(told["resting_until"]) - datetime.now(UTC)
    assert 50 < wait.total_seconds() <= 60
    assert "upstream-key" not in str(told)


PRICED = """
[channel.cost."*"]
input = 1

[price.free-one]
free = true
[price."priced"]
input = 2.5
output = 10
"""


async def test_prices_in_force_are_told_with_what_the_channels_pay(house, hire, upstream) -> None:
    only = await upstream(OpenAIChat())
    found = await house(channel(only, "priced", "never-heard-of", name="main") + PRICED)
    operator = await hire(found)
    told = {row["model"]: row for row in (await operator.get("/prices"))["data"]}
    assert set(told) == {"priced", "never-heard-of", "free-one"}
    assert told["priced"]["rates"]["units"] == {"input": 2_500_000_000, "output": 10_000_000_000}
    assert told["priced"]["costs"]["main"]["units"] == {"input": 1_000_000_000}
    assert told["never-heard-of"]["rates"] is None
    assert told["free-one"]["rates"]["free"] is True
    one = await operator.get("/prices", model="priced")
    assert [row["model"] for row in one["data"]] == ["priced"]


async def test_what_runs_in_this_process_is_told_as_free(operator) -> None:
    (told,) = (await operator.get("/prices", model="demo"))["data"]
    assert (told["rates"]["free"], told["source"]) == (True, "served here")
