"""Connections: used again while that is safe, closed when it is not, and never left behind."""

from __future__ import annotations

import asyncio
import gc
import socket
import time

import pytest
from upstreams.raw import Peer, always, raw, saying, until

from pisces_proxy import http1
from pisces_proxy.errors import UpstreamBroken
from pisces_proxy.pool import Pool
from pisces_proxy.proxied import Proxied
from pisces_proxy.upstream import Timeouts, Upstream, connect

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
WAIT = Timeouts(first_byte=5, idle=5)


async def ask(client: Upstream, url: str, method: str = "POST") -> bytes:
    answer = await client.send(method, url, {}, b"{}", WAIT)
    try:
        return await answer.read(1000)
    finally:
        answer.close()


async def test_requests_one_after_another_share_a_connection(client: Upstream) -> None:
    async with raw(always(OK)) as upstream:
        for _ in range(20):
            assert await ask(client, upstream.url) == b"ok"
        assert upstream.connections == 1


async def test_requests_at_once_have_a_connection_each_and_there_is_no_limit(client: Upstream) -> None:
    release = asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await release.wait()
            await peer.say(OK)

    async with raw(script) as upstream:
        asked = [asyncio.create_task(ask(client, upstream.url)) for _ in range(150)]
        await until(lambda: len(upstream.requests) == 150)
        release.set()
        assert await asyncio.gather(*asked) == [b"ok"] * 150
        assert await asyncio.gather(*(ask(client, upstream.url) for _ in range(150))) == [b"ok"] * 150
        assert upstream.connections == 150


async def test_the_youngest_connection_is_used_first(client: Upstream) -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await asyncio.sleep(0.05)
            await peer.say(OK[:-2] + b"%02d" % number[peer])

    number: dict[Peer, int] = {}

    async def numbered(peer: Peer) -> None:
        number[peer] = len(number)
        await script(peer)

    async with raw(numbered) as upstream:
        await asyncio.gather(*(ask(client, upstream.url) for _ in range(3)))
        assert len({await ask(client, upstream.url) for _ in range(5)}) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1, max=9\r\nContent-Length: 2\r\n\r\nok",
    ],
    ids=["close", "1.0", "kept for a second"],
)
async def test_a_connection_that_is_to_be_closed_is_not_used_again(client: Upstream, said: bytes) -> None:
    async with raw(always(said)) as upstream:
        assert [await ask(client, upstream.url) for _ in range(3)] == [b"ok"] * 3
        assert upstream.connections == 3


async def test_an_old_upstream_may_keep_its_connection(client: Upstream) -> None:
    said = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
    async with raw(always(said)) as upstream:
        assert [await ask(client, upstream.url) for _ in range(3)] == [b"ok"] * 3
        assert upstream.connections == 1


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_connection_that_the_upstream_has_closed_is_seen_before_it_is_used(client: Upstream, reset: bool) -> None:
    gone = 0

    async def script(peer: Peer) -> None:
        nonlocal gone
        await peer.request()
        await peer.say(OK)
        await asyncio.sleep(0.01)
        if reset:
            peer.reset()
        gone += 1

    async with raw(script) as upstream:
        for number in range(3):
            assert await ask(client, upstream.url) == b"ok"
            await until(lambda number=number: gone > number)  # type: ignore[misc]
            await asyncio.sleep(0.05)
        assert len(upstream.requests) == 3


def hasty(listening: socket.socket) -> None:
    """Answers one request on each of two connections, and closes them. A thread: it goes on while the client's loop stands."""
    for _ in range(2):
        connection, _ = listening.accept()
        with connection:
            connection.settimeout(3)
            connection.recv(65536)
            connection.sendall(OK)
            time.sleep(0.02)


async def test_one_that_has_rested_is_looked_at_before_a_request_is_lost_on_it(
    client: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end stands in the socket, and the loop has not come to it yet."""
    monkeypatch.setattr(http1, "_QUIET", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(3)
        serving = asyncio.create_task(asyncio.to_thread(hasty, listening))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        assert await ask(client, url) == b"ok"
        time.sleep(0.1)  # noqa: ASYNC251  (the loop stands while the other side closes)
        assert await ask(client, url) == b"ok"
        await serving


class Closing:
    """Answers the first request of its first connection, and closes it when the second has come."""

    def __init__(self, at_once: bool = False) -> None:
        self.first = True
        self.at_once = at_once

    async def __call__(self, peer: Peer) -> None:
        first, self.first = self.first, False
        await peer.request()
        await peer.say(OK)
        await peer.request()
        if first and not self.at_once:
            return
        await peer.say(OK)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT"])
async def test_what_may_be_done_twice_is_asked_again_where_a_used_connection_breaks(client: Upstream, method: str) -> None:
    async with raw(Closing()) as upstream:
        await ask(client, upstream.url)
        answer = await client.send(method, upstream.url, {}, b"", WAIT)
        assert answer.status == 200
        assert upstream.connections == 2 and len(upstream.requests) == 3


async def test_what_costs_money_is_never_sent_twice(client: Upstream) -> None:
    async with raw(Closing()) as upstream:
        await ask(client, upstream.url)
        with pytest.raises(UpstreamBroken, match="without an answer"):
            await ask(client, upstream.url, "POST")
        assert upstream.connections == 1 and len(upstream.requests) == 2


async def test_a_new_connection_that_breaks_is_not_tried_again(client: Upstream) -> None:
    async with raw(saying(b"")) as upstream:
        with pytest.raises(UpstreamBroken):
            await ask(client, upstream.url, "GET")
        assert upstream.connections == 1


async def test_one_word_of_an_answer_and_nothing_is_asked_again(client: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.request()
        await peer.say(b"HTTP/1.1 2")

    async with raw(script) as upstream:
        await ask(client, upstream.url, "GET")
        with pytest.raises(UpstreamBroken, match="broke off"):
            await ask(client, upstream.url, "GET")
        assert upstream.connections == 1


async def test_an_idle_connection_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "_KEPT", 0.1)
    monkeypatch.setattr("pisces_proxy.pool._SWEEP", 0.05)
    async with connect() as client, raw(always(OK)) as upstream:
        await ask(client, upstream.url)
        await until(lambda: upstream.left == 1)
        await ask(client, upstream.url)
        assert upstream.connections == 2


async def test_a_request_that_is_cancelled_closes_its_connection(client: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.reader.readexactly(1)

    async with raw(script) as upstream:
        asked = asyncio.create_task(ask(client, upstream.url))
        await until(lambda: len(upstream.requests) == 1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await until(lambda: upstream.left == 1, 1.0)


async def test_a_cancelled_request_leaves_the_next_one_on_its_connection_alone() -> None:
    """The answer is there, the connection free and taken by another; then whoever asked first is cancelled, not having run."""
    pool = Pool()
    client = Upstream(pool, Proxied())
    async with raw(always(OK)) as upstream:
        first = asyncio.create_task(ask(client, upstream.url))
        while not pool.idle:
            await asyncio.sleep(0)
        assert not first.done()
        first.cancel()
        assert await ask(client, upstream.url) == b"ok"
        with pytest.raises(asyncio.CancelledError):
            await first
        assert upstream.connections == 1
        await pool.close()


async def test_an_answer_closed_before_its_end_closes_its_connection(client: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")
        await peer.reader.readexactly(1)

    async with raw(script) as upstream:
        answer = await client.send("POST", upstream.url, {}, b"", WAIT)
        answer.close()
        answer.close()
        await until(lambda: upstream.left == 1, 1.0)


async def test_a_finished_answer_closed_late_leaves_the_next_one_alone(client: Upstream) -> None:
    async with raw(always(OK)) as upstream:
        first = await client.send("POST", upstream.url, {}, b"", WAIT)
        second = await client.send("POST", upstream.url, {}, b"", WAIT)
        first.close()
        first.expire()
        first.unwatched()
        assert await second.read(10) == b"ok" and await first.read(10) == b"ok"
        assert upstream.connections == 1


async def test_closing_the_pool_ends_what_is_under_way_and_leaves_nothing_open() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK[:-1])
        await peer.reader.readexactly(1)

    async with raw(script) as upstream, raw(always(OK)) as other:
        async with connect() as client:
            answer = await client.send("POST", upstream.url, {}, b"", WAIT)
            await ask(client, other.url)
            waiting = asyncio.create_task(answer.read(10))
        with pytest.raises(UpstreamBroken):
            await waiting
        await until(lambda: upstream.left == other.left == 1, 1.0)
        with pytest.raises(UpstreamBroken):
            await ask(client, other.url)
    gc.collect()  # a transport that was left open would warn, and fail the test


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://no-such-host.invalid/"])
async def test_an_upstream_that_is_not_there_is_broken(client: Upstream, url: str) -> None:
    with pytest.raises(UpstreamBroken, match="could not be reached"):
        await ask(client, url)


async def test_an_address_of_the_sixth_version_is_reached(client: Upstream) -> None:
    try:
        async with raw(always(OK), host="::1") as upstream:
            assert await ask(client, upstream.url) == b"ok"
    except OSError:
        pytest.skip("this machine has no IPv6")


async def test_the_other_address_of_a_name_is_tried(client: Upstream) -> None:
    """`localhost` is ::1 and 127.0.0.1 on most machines; only one of them answers."""
    async with raw(always(OK)) as upstream:
        assert await ask(client, f"http://localhost:{upstream.port}/") == b"ok"
        assert upstream.requests[0].headers["host"] == f"localhost:{upstream.port}"
