"""A hundred clients that hang up at random points: each pays for what it got, give or take a chunk."""

from __future__ import annotations

import asyncio
import json
import random
import time

import aiohttp
import pytest
from gateway.asking import dialect
from gateways import channel
from upstreams.delivery import Delivery
from upstreams.script import Counted, Heard, Said

from money.test_money import BY_WIRE, PRICE, customer

CHUNKS = 40
WORD = "river. "  # seven letters: a chunk of the fake vendors'


def many_words(heard: Heard) -> Said:
    return Said(text=WORD * CHUNKS, counted=Counted(input=100, cached=0, output=2 * CHUNKS))


def delivered(wire: str, text: str) -> int:
    """Whole chunks of text that reached the client."""
    told = [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {") and line.endswith("}")]
    match wire:
        case "anthropic.messages":
            return sum(1 for frame in told if frame["type"] == "content_block_delta")
        case _:
            return sum(1 for frame in told if frame["choices"] and frame["choices"][0]["delta"].get("content"))


@pytest.mark.parametrize(
    ("client", "up"),
    [("openai.chat", "openai.chat"), ("openai.chat", "anthropic.messages"), ("anthropic.messages", "anthropic.messages")],
)
async def test_who_hangs_up_pays_for_what_was_delivered_and_the_upstream_is_closed(house, upstream, client, up) -> None:
    only = await upstream(BY_WIRE[up]())
    only.play(many_words, Delivery(pause=0.03))
    found = await house(channel(only), PRICE.format(model=only.vendor.model))
    key = await customer(found, 10**12)
    asked = dialect(client, only.vendor.model)
    draw = random.Random(5)

    async def leaves(number: int) -> tuple[str, int]:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http:
            response = await http.post(found.url + asked.path, json=asked.stream_body())
            end, text = time.monotonic() + draw.uniform(0.1, 1.0), b""
            while time.monotonic() < end:
                try:
                    text += await asyncio.wait_for(response.content.readany(), 0.05)
                except TimeoutError:
                    continue
            response.close()
            return response.headers["x-request-id"], delivered(client, text.decode())

    left = await asyncio.gather(*(leaves(number) for number in range(34)))
    await asyncio.wait_for(asyncio.gather(*(received.closed.wait() for received in only.received)), 1.0)
    await asyncio.sleep(0.1)
    for request_id, chunks in left:
        record = await found.storage.record(request_id)
        assert record is not None and record.status == 499 and record.usage.estimated
        paid = record.usage.output * 4 / len(WORD)  # a token is about four letters
        assert abs(paid - chunks) <= 1.6, (paid, chunks, record.usage)
        assert record.cost_nano > 0
    balance = await found.storage.balance("customer1")
    assert balance.reserved_nano == 0 and (await found.storage.verify()).ok
