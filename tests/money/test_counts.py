"""Counts that upstreams get wrong: none, too many, fewer than before, or none in time. What is billed can be trusted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from gateway.asking import dialect
from gateways import House

from money.test_money import customer, post

PATH = "/v1/chat/completions"
WORDS = "twelve words "
Count = dict[str, int] | None


def frame(text: str | None, count: Count, end: bool = False) -> bytes:
    delta = {"content": text} if text else {}
    choice = {"index": 0, "delta": delta, "finish_reason": "stop" if end else None}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], "usage": count}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def counted(input: int, output: int) -> Count:
    return {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output}


Talks = Callable[..., Awaitable[House]]


@pytest.fixture
async def talks(house) -> AsyncIterator[Talks]:
    """`await talks(frames, pause)`: a house whose only upstream says that."""
    servers: list[asyncio.Server] = []

    async def opened(frames: list[bytes], pause: float = 0.0, more: str = "") -> House:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
                for one in frames:
                    await asyncio.sleep(pause)
                    writer.write(one)
                    await writer.drain()
            except ConnectionError:
                pass
            finally:
                writer.close()

        servers.append(await asyncio.start_server(answer, "127.0.0.1", 0))
        port = servers[-1].sockets[0].getsockname()[1]
        table = f'[[channel]]\nname="c"\nprovider="openai"\nkey="k"\nwires=["openai.chat"]\nmodels=["m"]\n{more}\n'
        price = '[price."m"]\ninput = 1\noutput = 1\n'
        return await house(table + f'base_url="http://127.0.0.1:{port}/v1"\n', price, server="metrics = true")

    yield opened
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    ("counts", "tokens", "flags"),
    [
        ([None, None], None, ["usage_estimated"]),
        ([None, counted(10, 7)], (10, 7), []),
        ([counted(10, 3), counted(10, 7)], (10, 7), []),
        ([counted(10, 7), counted(10, 3)], (10, 7), ["usage_clamped"]),
        ([counted(10, 7), counted(0, 0)], (10, 7), ["usage_clamped"]),
        ([counted(10, 7), counted(-10, -7)], (10, 7), ["usage_clamped"]),
        ([None, counted(-5, -7)], (0, 0), ["usage_clamped"]),
        ([None, counted(10**15, 7)], None, ["usage_clamped", "usage_estimated"]),
        ([None, counted(10, 10**12)], None, ["usage_clamped", "usage_estimated"]),
    ],
    ids=[
        "none",
        "at the end",
        "growing",
        "shrinking",
        "to nothing",
        "below nothing",
        "negative",
        "absurd prompt",
        "absurd answer",
    ],
)
async def test_what_is_billed_can_be_trusted(talks, counts, tokens, flags) -> None:
    frames = [frame(WORDS, counts[0]), frame(WORDS, counts[1]), frame(None, counts[1], end=True), b"data: [DONE]\n\n"]
    found = await talks(frames)
    key = await customer(found, 10**9)
    asked = dialect("openai.chat", "m")
    assert "[DONE]" in (await post(found.url, key, PATH, asked.stream_body()))[2]
    record = await found.record()
    assert sorted(record.flags) == flags
    used = (record.usage.input, record.usage.output)
    assert used == tokens if tokens else 5 <= used[0] <= 30 and 5 <= used[1] <= 10
    assert record.cost_nano == sum(used) * 1000
    assert (await found.storage.balance("customer1")).balance_nano == 10**9 - record.cost_nano
    async with aiohttp.ClientSession() as http, http.get(found.url + "/metrics") as response:
        assert ('pisces_usage_clamped_total{channel="c"} 1.0' in await response.text()) == ("usage_clamped" in flags)


async def hang_up(found: House, key: str, **more: object) -> None:
    async with aiohttp.ClientSession(headers={"x-api-key": key}) as http:
        response = await http.post(found.url + PATH, json={**dialect("openai.chat", "m").stream_body(), **more})
        await response.content.readany()
        response.close()
    async with asyncio.timeout(5):
        while not await found.storage.records(limit=1):
            await asyncio.sleep(0.02)


LONG = [frame(WORDS, None)] * 200 + [frame(None, counted(10, 500), end=True), b"data: [DONE]\n\n"]


@pytest.mark.parametrize(
    ("patched", "value"), [("DRAIN_TOKENS", 20), ("DRAIN_SECONDS", 0.3)], ids=["so many tokens", "so long"]
)
async def test_a_drain_ends_somewhere(talks, monkeypatch, patched, value) -> None:
    monkeypatch.setattr(f"pisces_proxy.relay.{patched}", value)
    found = await talks(LONG, 0.01, 'on_disconnect = "drain"')
    key = await customer(found, 10**9)
    await hang_up(found, key)
    record = await found.record()
    assert {"client_left", "drained", "usage_estimated"} <= set(record.flags) and record.status == 499
    assert 0 < record.usage.output < 200
    assert (await found.storage.balance("customer1")).balance_nano == 10**9 - record.cost_nano


async def test_a_drain_reads_to_the_real_count_within_its_bounds(talks) -> None:
    found = await talks(LONG, 0.002, 'on_disconnect = "drain"')
    key = await customer(found, 10**9)
    await hang_up(found, key)
    record = await found.record()
    assert (record.usage.input, record.usage.output, record.cost_nano) == (10, 500, 510_000)
    assert "usage_estimated" not in record.flags
