"""The same request again: one upstream call, one charge, the same bytes."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from gateway.asking import NAMES, dialect
from gateways import channel, open_house
from upstreams import script
from upstreams.delivery import Delivery
from upstreams.vendors import OpenAIChat

from money.test_money import BY_WIRE, PRICE, customer, post

KEY = {"Idempotency-Key": "order-1234"}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", NAMES)
async def test_a_finished_answer_is_replayed_byte_for_byte_and_charged_once(house, upstream, wire, stream) -> None:
    only = await upstream(BY_WIRE[wire]())
    only.play(script.text)
    found = await house(channel(only), PRICE.format(model=only.vendor.model))
    key = await customer(found, 1_000_000_000)
    asked = dialect(wire, only.vendor.model)
    path, body = (asked.stream_path, asked.stream_body()) if stream else (asked.path, asked.body)
    first = await post(found.url, key, path, body, **KEY)
    await asyncio.sleep(0.05)
    again = await post(found.url, key, path, body, **KEY)
    assert first[0] == again[0] == 200 and first[2] == again[2]
    assert "idempotency-replayed" not in first[1] and again[1]["idempotency-replayed"] == "true"
    assert len(only.received) == 1
    assert [entry.kind for entry in await found.storage.ledger(account="customer1")] == ["credit", "reserve", "settle"]


async def test_twenty_streams_at_once_are_one_and_all_get_every_byte(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=0.05))
    found = await house(channel(only), PRICE.format(model=only.vendor.model))
    key = await customer(found, 1_000_000_000)
    body = dialect("openai.chat", only.vendor.model).stream_body()
    answers = await asyncio.gather(*(post(found.url, key, "/v1/chat/completions", body, **KEY) for _ in range(20)))
    assert {status for status, _, _ in answers} == {200}
    assert len({text for _, _, text in answers}) == 1
    assert len(only.received) == 1
    assert [entry.kind for entry in await found.storage.ledger(account="customer1")].count("settle") == 1


async def test_of_twenty_whole_answers_at_once_one_runs_and_the_others_are_told_to_ask_again(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=0.3))
    found = await house(channel(only))
    body = dialect("openai.chat", only.vendor.model).body
    answers = await asyncio.gather(*(post(found.url, found.key, "/v1/chat/completions", body, **KEY) for _ in range(20)))
    statuses = [status for status, _, _ in answers]
    assert statuses.count(200) == 1 and statuses.count(409) == 19
    assert all(headers["retry-after"] == "1" for status, headers, _ in answers if status == 409)
    assert len(only.received) == 1


async def test_the_openai_sdk_polls_by_itself_until_the_answer_is_there(house, upstream) -> None:
    from openai import AsyncOpenAI

    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=0.3))
    found = await house(channel(only))
    client = AsyncOpenAI(base_url=found.url + "/v1", api_key=found.key, max_retries=3)
    ask = lambda: client.chat.completions.create(  # noqa: E731
        model=only.vendor.model, messages=[{"role": "user", "content": "Hello"}], extra_headers=KEY
    )
    first, second = await asyncio.gather(ask(), ask())
    assert first == second and len(only.received) == 1
    await client.close()


async def test_another_body_under_the_same_key_is_a_422(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only))
    body = dialect("openai.chat", only.vendor.model).body
    assert (await post(found.url, found.key, "/v1/chat/completions", body, **KEY))[0] == 200
    status, _, text = await post(found.url, found.key, "/v1/chat/completions", {**body, "temperature": 0}, **KEY)
    assert status == 422 and json.loads(text)["error"]["code"] == "idempotency_mismatch"


async def test_the_key_in_the_body_does_not_count_as_another_body(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only))
    body = dialect("openai.chat", only.vendor.model).body
    first = await post(found.url, found.key, "/v1/chat/completions", body, **KEY)
    await asyncio.sleep(0.05)
    again = await post(found.url, found.key, "/v1/chat/completions", {"api_key": found.key, **body}, **KEY)
    assert again[0] == 200 and first[2] == again[2] and len(only.received) == 1


async def test_a_client_that_lost_its_stream_picks_up_the_same_one(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=0.1))
    found = await house(channel(only), PRICE.format(model=only.vendor.model))
    key = await customer(found, 1_000_000_000)
    body = dialect("openai.chat", only.vendor.model).stream_body()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}", **KEY}) as http:
        response = await http.post(found.url + "/v1/chat/completions", json=body)
        seen = await response.content.readany()
        response.close()
    await asyncio.sleep(0.2)
    status, headers, text = await post(found.url, key, "/v1/chat/completions", body, **KEY)
    assert status == 200 and headers["idempotency-replayed"] == "true"
    assert text.startswith(seen.decode()) and "[DONE]" in text
    assert len(only.received) == 1 and not only.last.closed.is_set()
    assert [entry.kind for entry in await found.storage.ledger(account="customer1")] == ["credit", "reserve", "settle"]


async def test_a_stream_that_failed_is_not_replayed(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(ends_after=4))
    found = await house(channel(only))
    body = dialect("openai.chat", only.vendor.model).stream_body()
    _, _, broken = await post(found.url, found.key, "/v1/chat/completions", body, **KEY)
    assert '"error"' in broken
    only.play(script.text)
    await asyncio.sleep(0.05)
    _, _, whole = await post(found.url, found.key, "/v1/chat/completions", body, **KEY)
    assert "[DONE]" in whole and len(only.received) == 1


async def test_a_refusal_is_not_replayed(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.refusing(400, "no"))
    found = await house(channel(only))
    body = dialect("openai.chat", only.vendor.model).body
    assert (await post(found.url, found.key, "/v1/chat/completions", body, **KEY))[0] == 400
    only.play(script.text)
    await asyncio.sleep(0.05)
    assert (await post(found.url, found.key, "/v1/chat/completions", body, **KEY))[0] == 200


async def test_an_answer_survives_a_restart(tmp_path, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    body = dialect("openai.chat", only.vendor.model).stream_body()
    async with open_house(tmp_path, channel(only)) as found:
        secret = found.key
        first = await post(found.url, secret, "/v1/chat/completions", body, **KEY)
        await asyncio.sleep(0.05)
    async with open_house(tmp_path, channel(only), key=secret) as found:
        again = await post(found.url, secret, "/v1/chat/completions", body, **KEY)
    assert first[2] == again[2] and len(only.received) == 1


async def test_an_answer_too_large_to_keep_is_not_run_again(house, upstream, monkeypatch) -> None:
    monkeypatch.setattr("pisces_proxy.idempotency.LIMIT", 100)
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only), PRICE.format(model=only.vendor.model))
    key = await customer(found, 1_000_000_000)
    body = dialect("openai.chat", only.vendor.model).stream_body()
    first = await post(found.url, key, "/v1/chat/completions", body, **KEY)
    assert first[0] == 200 and "[DONE]" in first[2]
    await asyncio.sleep(0.05)
    status, headers, text = await post(found.url, key, "/v1/chat/completions", body, **KEY)
    assert status == 409 and "already done" in text and first[1]["x-request-id"] in text
    assert headers["x-should-retry"] == "false" and len(only.received) == 1


async def test_an_answer_is_kept_for_a_day(house, upstream, tmp_path) -> None:
    import sqlite3
    import time

    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only))
    body = dialect("openai.chat", only.vendor.model).body
    assert (await post(found.url, found.key, "/v1/chat/completions", body, **KEY))[0] == 200
    await asyncio.sleep(0.05)
    with sqlite3.connect(tmp_path / "pisces.db") as reader:
        (until,) = reader.execute("SELECT expires_at FROM idempotency").fetchone()
    reader.close()
    assert 24 * 3600 - 5 < until - time.time() <= 24 * 3600


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
async def test_an_unusable_key_is_named(house, upstream, key) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only))
    body = dialect("openai.chat", only.vendor.model).body
    status, _, text = await post(found.url, found.key, "/v1/chat/completions", body, **{"Idempotency-Key": key})
    assert (status == 200) if key == "" else (status == 400 and "Idempotency-Key" in text)
