"""A channel behind a proxy: the same seam, another client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from upstreams.raw import Peer, always, raw, saying, until

from pisces_proxy.errors import UpstreamBroken, UpstreamTimeout
from pisces_proxy.upstream import Timeouts, Upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
URL = "http://upstream.example/v1/chat"


def by(port: int) -> str:
    return f"http://me:secret@127.0.0.1:{port}"


async def parts() -> AsyncIterator[bytes]:
    yield b"ab"
    yield b"cd"


async def test_a_request_goes_through_the_proxy_with_its_password(client: Upstream) -> None:
    async with raw(always(OK)) as proxy:
        for body in (b"{}", parts()):
            answer = await client.send("POST", URL, {"X-Key": "k"}, body, Timeouts(), by(proxy.port), 4)
            assert (answer.status, await answer.read(10), answer.ended) == (200, b"ok", True)
            answer.close()
    first, second = proxy.requests
    assert first.line == second.line == f"POST {URL} HTTP/1.1"
    assert first.headers["proxy-authorization"] == "Basic bWU6c2VjcmV0" and first.headers["x-key"] == "k"
    assert (first.body, second.body, second.headers["content-length"]) == (b"{}", b"abcd", "4")


async def test_a_secure_upstream_is_asked_for_by_connect(client: Upstream) -> None:
    async with raw(saying(b"HTTP/1.1 403 Forbidden\r\n\r\n")) as proxy:
        with pytest.raises(UpstreamBroken):
            await client.send("POST", URL.replace("http:", "https:"), {}, b"", Timeouts(), by(proxy.port))
    assert proxy.requests[0].line == "CONNECT upstream.example:443 HTTP/1.1"


async def test_times_hold_behind_a_proxy_too(client: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK[:-1])
        await peer.request()

    async with raw(script) as proxy:
        answer = await client.send("POST", URL, {}, b"", Timeouts(idle=0.2), by(proxy.port))
        with pytest.raises(UpstreamTimeout):
            await answer.read(10)
        answer.close()
        await until(lambda: proxy.left == 1)
        answer = await client.send("POST", URL, {}, b"", Timeouts(idle=0.1), by(proxy.port))
        assert await answer.chunk() == b"o"
        answer.unwatched()
        waiting = asyncio.create_task(answer.chunk())
        await asyncio.sleep(0.3)
        assert not waiting.done()
        answer.expire()
        with pytest.raises(UpstreamTimeout):
            await waiting
        answer.close()


async def test_a_proxy_that_says_nothing_is_a_timeout(client: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.reader.read()

    async with raw(script) as proxy:
        with pytest.raises(UpstreamTimeout, match="no first byte"):
            await client.send("POST", URL, {}, b"", Timeouts(first_byte=0.1), by(proxy.port))
