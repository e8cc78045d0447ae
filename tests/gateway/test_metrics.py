"""Counters for Prometheus, and rows that are dropped in time."""

from __future__ import annotations

import asyncio
import json

import aiohttp
from gateways import channel
from upstreams import script
from upstreams.vendors import OpenAIChat

from gateway.asking import dialect


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        return response.status, await response.text()


async def test_metrics_count_by_channel_and_status_and_never_by_what_clients_name(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only, "*", name="one"), server="metrics = true")
    async with aiohttp.ClientSession(headers={"x-api-key": found.key}) as http:
        for number in range(3):
            body = dialect("openai.chat", f"typo-{number}").body
            async with http.post(found.url + "/v1/chat/completions", json=body):
                pass
    status, text = await get(found.url + "/metrics")
    assert status == 200
    assert 'pisces_requests_total{channel="one",protocol="openai.chat",status="200"} 3.0' in text
    assert 'pisces_tokens_total{channel="one",kind="input"} 315.0' in text
    assert "typo" not in text


async def test_metrics_are_off_unless_asked_for(house, upstream) -> None:
    found = await house(channel(await upstream(OpenAIChat())))
    assert (await get(found.url + "/metrics"))[0] == 404


async def test_impossible_counts_are_mended_flagged_and_counted(house) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        usage = {"prompt_tokens": -5, "completion_tokens": 10**15, "total_tokens": 3}
        choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
        body = json.dumps(
            {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
        ).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
            + body
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    found = await house(
        f'[[channel]]\nname="c"\nprovider="openai"\nkey="k"\nwires=["openai.chat"]\nmodels=["m"]\nbase_url="http://127.0.0.1:{port}/v1"',
        server="metrics = true",
    )
    async with aiohttp.ClientSession(headers={"x-api-key": found.key}) as http:
        async with http.post(found.url + "/v1/chat/completions", json=dialect("openai.chat", "m").body) as response:
            assert response.status == 200
    record = await found.record()
    assert record.usage.estimated and 0 < record.usage.output < 5 and 0 < record.usage.input < 50
    assert {"usage_clamped", "usage_estimated"} <= set(record.flags)
    assert 'pisces_usage_clamped_total{channel="c"} 1.0' in (await get(found.url + "/metrics"))[1]
    server.close()


async def test_rows_older_than_the_retention_are_dropped(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only), server='retention = "500ms"')
    async with aiohttp.ClientSession(headers={"x-api-key": found.key}) as http:
        async with http.post(found.url + "/v1/chat/completions", json=dialect("openai.chat", only.vendor.model).body):
            pass
    assert len(await found.storage.records()) == 1
    await asyncio.sleep(0.6)
    await found.gateway._prune()
    assert await found.storage.records() == []
