"""kill -9 at any moment: what a client has seen complete is settled once, at the right price, and nothing stays held."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from gateways import channel, open_process
from upstreams import script
from upstreams.delivery import Delivery
from upstreams.vendors import AnthropicMessages, OpenAIChat

from money.test_money import COST, PRICE
from pisces_proxy.config import Config
from pisces_proxy.keys import digest, new_secret
from pisces_proxy.registry import find_storage
from pisces_proxy.storage import Account, Key

BALANCE = 10**15


async def ask(http: aiohttp.ClientSession, url: str, model: str, stream: bool, seen: list[str]) -> None:
    """One request; its id goes into `seen` once the answer is complete."""
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Where does the Seine flow?"}]}
    try:
        async with http.post(url + "/v1/chat/completions", json=body) as response:
            text = (await response.read()).decode()
        whole = "data: [DONE]" in text if stream else "usage" in json.loads(text)
        if response.status == 200 and whole:
            seen.append(response.headers["x-request-id"])
    except (aiohttp.ClientError, ConnectionError, json.JSONDecodeError):
        return


async def load(url: str, key: str, models: list[str], seen: list[str], over: asyncio.Event) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http:

        async def client(number: int) -> None:
            turn = number
            while not over.is_set():
                await ask(http, url, models[turn % len(models)], bool(turn % 3), seen)
                turn += 1

        await asyncio.gather(*(client(number) for number in range(12)))


async def rounds(tmp_path: Path, upstream, count: int) -> None:
    chat, messages = await upstream(OpenAIChat()), await upstream(AnthropicMessages())
    chat.play(script.text, Delivery(pause=0.004))
    messages.play(script.text, Delivery(pause=0.004))
    models = [chat.vendor.model, messages.vendor.model]
    prices = "".join(PRICE.format(model=model) for model in models)
    url = f"sqlite:///{tmp_path / 'pisces.db'}"
    storage = find_storage(url, Config())
    await storage.open()
    secret = new_secret()
    await storage.add_account(Account(name="shop"))
    await storage.credit("shop", BALANCE, id="first")
    await storage.add_key(Key(id="k", name="k", account="shop", digest=digest(secret)))
    everything: list[str] = []
    try:
        for number in range(count):
            seen: list[str] = []
            async with open_process(tmp_path, channel(chat), channel(messages), prices, key=secret) as found:
                over = asyncio.Event()
                running = asyncio.ensure_future(load(found.url, secret, models, seen, over))
                async with asyncio.timeout(30):
                    while len(seen) < 6:  # however slow the machine is: killed under load, not before it
                        await asyncio.sleep(0.01)
                await asyncio.sleep(random.Random(number).uniform(0.0, 0.5))
                os.kill(found.process.pid, signal.SIGKILL)
                over.set()
                await running
            everything += seen
        async with open_process(tmp_path, channel(chat), channel(messages), prices, key=secret):
            await asyncio.sleep(1.0)  # a start gives back what killed processes held
            balance = await storage.balance("shop")
        settled = Counter()
        costs = {}
        after = 0
        while page := await storage.ledger(account="shop", after=after, limit=5000):
            after = page[-1].id
            for entry in page:
                if entry.kind == "settle":
                    settled[entry.request_id] += 1
                    costs[entry.request_id] = entry.amount_nano
        assert len(everything) > 5 * count
        assert [request for request in everything if settled[request] != 1] == []
        assert {costs[request] for request in everything} == {COST}
        assert max(settled.values()) == 1
        assert balance.reserved_nano == 0
        assert balance.balance_nano == BALANCE - sum(costs.values())
        verified = await storage.verify()
        assert verified.ok, verified.problems
    finally:
        await storage.close()


async def test_nothing_is_lost_or_charged_twice_when_the_process_is_killed(tmp_path, upstream) -> None:
    await rounds(tmp_path, upstream, 2)


@pytest.mark.slow
async def test_nothing_is_lost_or_charged_twice_in_thirty_kills(tmp_path, upstream) -> None:
    await rounds(tmp_path, upstream, 30)
