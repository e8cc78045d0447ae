"""How long an upstream may take: to begin, between two chunks, in all."""

from __future__ import annotations

import asyncio
import time

import pytest
from upstreams.raw import Peer, raw, until

from pisces_proxy.errors import UpstreamTimeout
from pisces_proxy.upstream import Timeouts, Upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def silent(peer: Peer) -> None:
    await peer.request()
    await peer.reader.readexactly(1)


async def test_no_first_byte_in_time(client: Upstream) -> None:
    async with raw(silent) as upstream:
        began = time.monotonic()
        with pytest.raises(UpstreamTimeout, match="no first byte"):
            await client.send("POST", upstream.url, {}, b"", Timeouts(first_byte=0.2))
        assert 0.15 < time.monotonic() - began < 1.5
        await until(lambda: upstream.left == 1, 1.0)


async def stalling(peer: Peer) -> None:
    while True:
        await peer.request()
        for part in (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"a", b"b", b"c"):
            await peer.say(part)
            await asyncio.sleep(0.1)
        await peer.reader.readexactly(1)


async def test_silence_between_two_chunks_is_a_timeout(client: Upstream) -> None:
    async with raw(stalling) as upstream:
        answer = await client.send("POST", upstream.url, {}, b"", Timeouts(first_byte=60, idle=0.25))
        assert [await answer.chunk() for _ in range(3)] == [b"a", b"b", b"c"]
        began = time.monotonic()
        with pytest.raises(UpstreamTimeout, match="stopped sending"):
            await answer.chunk()
        assert 0.1 < time.monotonic() - began < 1.5
        await until(lambda: upstream.left == 1, 1.0)


async def test_a_time_for_everything_holds_whatever_comes(client: Upstream) -> None:
    async with raw(stalling) as upstream:
        answer = await client.send("POST", upstream.url, {}, b"", Timeouts(total=0.25))
        with pytest.raises(UpstreamTimeout):
            await answer.read(100)


async def test_an_unwatched_answer_waits_until_it_is_expired(client: Upstream) -> None:
    async with raw(stalling) as upstream:
        answer = await client.send("POST", upstream.url, {}, b"", Timeouts(idle=0.2))
        answer.unwatched()
        waiting = asyncio.create_task(answer.read(100))
        await asyncio.sleep(0.7)
        assert not waiting.done()
        answer.expire()
        with pytest.raises(UpstreamTimeout, match="stopped sending"):
            await waiting


async def test_the_timer_of_one_request_does_not_end_the_next(client: Upstream) -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await asyncio.sleep(0.15)
            await peer.say(OK)

    async with raw(script) as upstream:
        for _ in range(5):
            answer = await client.send("POST", upstream.url, {}, b"", Timeouts(first_byte=0.4, idle=0.4, total=0.5))
            assert await answer.read(10) == b"ok"
        assert upstream.connections == 1
