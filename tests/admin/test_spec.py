"""/api/public/spec: nobody is asked who they are, and what it says is what runs (S0-32 to S0-41)."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from gateways import channel
from upstreams.vendors import OpenAIChat

from pisces_proxy import errors


async def spec(house, **headers: str) -> tuple[Any, dict[str, str]]:
    async with aiohttp.ClientSession() as http, http.get(house.url + "/api/public/spec", headers=headers) as response:
        assert response.status == 200
        return await response.json(), {name.lower(): value for name, value in response.headers.items()}


async def test_the_matrix_is_the_running_routes(house) -> None:
    found = await house()
    told, headers = await spec(found, Origin="https://docs.example")
    assert headers["access-control-allow-origin"] == "*"  # S0-34: a docs page fetches it
    rows = {(row["protocol"], row["method"], row["path"]): row for row in told["endpoints"]}
    assert all(set(row) == {"protocol", "method", "path", "streaming", "description"} for row in told["endpoints"])  # S0-33
    assert rows["openai", "POST", "/v1/chat/completions"]["streaming"] is True
    assert any(path.endswith(":streamGenerateContent") for _, _, path in rows)
    served = [endpoint for endpoint in found.gateway.registry.endpoints if endpoint.kind != "unsupported"]
    assert len(told["endpoints"]) == len(served)
    assert not any(":rest" in row["path"] for row in told["endpoints"])


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("authentication", ["Authorization: Bearer pisces-", "x-api-key", "x-goog-api-key", "api_key"]),  # S0-36
        ("rate_limit", ["retry-after", "exponential backoff", "77", "402", "x-ratelimit-remaining-requests"]),  # S0-37
        ("idempotency", ["Idempotency-Key", "charged once", "409", "422"]),  # S0-38, S0-39
        ("tracing", ["x-request-id", "pisces"]),  # S0-40
    ],
)
async def test_the_lists_say_what_holds_here(house, part, words) -> None:
    found = await house(server="[defaults]\nrpm = 77\nbalance_status = 402")
    told, _ = await spec(found)
    text = "\n".join(told[part])
    assert all(word in text for word in words), text


async def test_the_error_table_has_every_class_in_every_protocol(house) -> None:
    found = await house(server="[defaults]\nbalance_status = 402")
    told, _ = await spec(found)
    rows = told["errors"]
    protocols = {row["protocol"] for row in told["endpoints"]}
    assert {row["protocol"] for row in rows} == protocols
    for protocol in protocols:
        mine = [row for row in rows if row["protocol"] == protocol]
        assert {400, 401, 402, 404, 429, 500} <= {row["http"] for row in mine}
        assert all(row["type"] for row in mine)
    openai = {(row["http"], row["type"], row["code"]) for row in rows if row["protocol"] == "openai"}  # S0-41
    assert (401, "invalid_request_error", "invalid_api_key") in openai
    assert (402, "insufficient_quota", "insufficient_quota") in openai
    assert errors.ConfigError.kind not in {row["error"] for row in rows}


async def test_models_are_told_with_prices_and_badges_and_without_what_they_cost_us(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    more = '[channel.cost."*"]\ninput = 1\n[price.m]\ninput = 2\n[model.m]\nbadges = ["recommended"]\ncontext = 9'
    told, _ = await spec(await house(channel(only, "m", more=more)))
    (model,) = told["models"]
    assert (model["id"], model["badges"], model["context"]) == ("m", ["recommended"], 9)
    assert model["price"]["rates"]["units"] == {"input": 2_000_000_000}
    assert model["price"]["costs"] == {}
    assert "upstream-key" not in str(told) and only.base_url not in str(told)
