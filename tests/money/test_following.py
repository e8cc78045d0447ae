"""The same stream asked for in another process: one upstream call, one charge, every byte, live."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest
from gateway.asking import dialect
from gateways import channel, open_house
from upstreams import script
from upstreams.delivery import Delivery
from upstreams.vendors import OpenAIChat

from money.test_idempotency import KEY
from money.test_money import COST, PRICE, customer, post
from pisces_proxy import idempotency

PATH = "/v1/chat/completions"


@pytest.fixture
async def pair(tmp_path, upstream):
    """Two gateways that share nothing but a database, a customer's key, the upstream of both, and what to ask."""
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=0.3))
    given = (channel(only), PRICE.format(model=only.vendor.model))
    body = dialect("openai.chat", only.vendor.model).stream_body()
    async with open_house(tmp_path, *given) as one, open_house(tmp_path, *given, key="known") as two:
        # both are of this process, and one that had its place before is taken for dead
        two.gateway.once._owner = one.gateway.owner
        yield one, two, await customer(one, 10**9), only, body


async def test_a_stream_of_another_process_is_heard_live_from_its_beginning(pair) -> None:
    one, two, key, only, body = pair
    first = asyncio.ensure_future(post(one.url, key, PATH, body, **KEY))
    await asyncio.sleep(0.4)
    pieces, begun = [], time.monotonic()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}", **KEY}) as http:
        async with http.post(two.url + PATH, json=body) as response:
            async for piece in response.content.iter_any():
                pieces.append((first.done(), piece))
    status, headers, text = await first
    assert (response.status, b"".join(piece for _, piece in pieces).decode()) == (status, text) and "[DONE]" in text
    assert response.headers["idempotency-replayed"] == "true"
    assert response.headers["x-pisces-channel"] == headers["x-pisces-channel"]
    assert not pieces[0][0] and len(pieces) > 2, "it came only when all was over"
    assert time.monotonic() - begun < 20
    assert len(only.received) == 1
    rows = [(entry.kind, entry.amount_nano) for entry in await one.storage.ledger(account="customer1")][2:]
    assert rows == [("settle", COST)]
    flags = [record.flags for record in await one.storage.records()]
    assert sorted(flags) == [[], ["attached"]]
    assert (await one.storage.verify()).ok


async def test_a_client_that_lost_its_stream_picks_it_up_in_another_process(pair, monkeypatch) -> None:
    """And the run goes on for as long as it is asked for there, though nobody listens where it runs."""
    monkeypatch.setattr(idempotency, "GRACE", 0.5)
    one, two, key, only, body = pair
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}", **KEY}) as http:
        response = await http.post(one.url + PATH, json=body)
        seen = await response.content.readany()
        response.close()
    status, _, text = await post(two.url, key, PATH, body, **KEY)
    assert status == 200 and text.startswith(seen.decode()) and "[DONE]" in text
    assert len(only.received) == 1 and not only.last.closed.is_set()
    assert [entry.kind for entry in await one.storage.ledger(account="customer1")] == ["credit", "reserve", "settle"]


async def test_where_the_run_fails_with_nothing_to_hear_the_second_request_runs_itself(pair) -> None:
    one, two, key, only, body = pair
    only.play(script.text, Delivery(instead="first_error", pause=0.6))
    first = asyncio.ensure_future(post(one.url, key, PATH, body, **KEY))
    await asyncio.sleep(0.2)
    assert not first.done()
    second = asyncio.ensure_future(post(two.url, key, PATH, body, **KEY))
    await asyncio.sleep(0.1)
    only.play(script.text)
    assert (await first)[0] >= 500
    status, headers, text = await second
    assert status == 200 and "[DONE]" in text and "idempotency-replayed" not in headers
    assert [entry.kind for entry in await one.storage.ledger(account="customer1")].count("settle") == 2


async def test_a_whole_answer_that_runs_in_another_process_is_told_to_ask_again_and_then_replayed(pair) -> None:
    one, two, key, only, _ = pair
    body = dialect("openai.chat", only.vendor.model).body
    first = asyncio.ensure_future(post(one.url, key, PATH, body, **KEY))
    await asyncio.sleep(0.1)
    status, headers, text = await post(two.url, key, PATH, body, **KEY)
    assert status == 409 and headers["retry-after"] == "1" and "replayed once it is there" in text
    told = await first
    await asyncio.sleep(0.1)
    again = await post(two.url, key, PATH, body, **KEY)
    assert (again[0], again[2], again[1]["idempotency-replayed"]) == (200, told[2], "true")
    assert len(only.received) == 1


async def test_a_stream_that_breaks_off_where_it_runs_does_not_end_well_elsewhere(pair) -> None:
    one, two, key, only, body = pair
    only.play(script.text, Delivery(cut_after=5, pause=0.4))
    first = asyncio.ensure_future(post(one.url, key, PATH, body, **KEY))
    await asyncio.sleep(0.2)
    heard = b""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}", **KEY}) as http:
        async with http.post(two.url + PATH, json=body) as response:
            async for piece in response.content.iter_any():
                heard += piece
    assert b'"delta"' in heard and b"broke off" in heard and b"[DONE]" not in heard
    assert '"error"' in (await first)[2] and len(only.received) == 1
