"""What goes out: heads that cannot be broken into, bodies whole and by parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from upstreams.raw import Peer, always, raw, saying, until

from pisces_proxy import heads
from pisces_proxy.errors import UpstreamBroken, UpstreamTimeout
from pisces_proxy.upstream import Timeouts, Upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
WAIT = Timeouts(first_byte=5, idle=5)
MEGA = 2**20


async def parts(*some: bytes, seconds: float = 0.0) -> AsyncIterator[bytes]:
    for part in some:
        await asyncio.sleep(seconds)
        yield part


async def test_a_request_is_what_was_asked_for_and_nothing_more(client: Upstream) -> None:
    async with raw(always(OK)) as upstream:
        answer = await client.send("POST", f"{upstream.url}/v1/x?a=b%20c", {"X-Key": "se cret", "x-empty": ""}, b"{}", WAIT)
        assert await answer.read(10) == b"ok"
    (heard,) = upstream.requests
    assert heard.line == "POST /v1/x?a=b%20c HTTP/1.1"
    host = f"127.0.0.1:{upstream.port}"
    assert heard.headers == {"host": host, "x-key": "se cret", "x-empty": "", "content-length": "2"}
    assert heard.body == b"{}"


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [("GET", b"", None), ("DELETE", b"", None), ("HEAD", b"", None), ("POST", b"", "0"), ("PUT", b"", "0"), ("GET", b"x", "1")],
)
async def test_a_body_that_is_missing_is_announced_where_one_is_expected(
    client: Upstream, method: str, body: bytes, length: str | None
) -> None:
    async with raw(always(b"HTTP/1.1 204 No Content\r\n\r\n")) as upstream:
        await client.send(method, upstream.url, {}, body, WAIT)
    assert upstream.requests[0].headers.get("content-length") == length
    assert upstream.requests[0].line == f"{method} / HTTP/1.1"


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        ("POST", "", {"X-A": "b\r\nX-Evil: c"}),
        ("POST", "", {"X-A": "b\nX-Evil: c"}),
        ("POST", "", {"X-A": "b\r"}),
        ("POST", "", {"X-A": "b\0"}),
        ("POST", "", {"X-A\r\nX-Evil": "b"}),
        ("POST", "", {"X-A: b": "c"}),
        ("POST", "", {"": "c"}),
        ("POST", "", {"Content-Length": "7"}),
        ("POST", "", {"transfer-encoding": "chunked"}),
        ("PO ST", "", {}),
        ("POST", "/a b", {}),
        ("POST", "/a\r\nX-Evil:c", {}),
        ("POST", "/a\tb", {}),
    ],
)
async def test_nothing_can_be_smuggled_into_a_head(client: Upstream, method: str, url: str, headers: dict[str, str]) -> None:
    async with raw(always(OK)) as upstream:
        with pytest.raises(UpstreamBroken, match="cannot be sent"):
            await client.send(method, upstream.url + url, headers, b"", WAIT)
        assert upstream.connections == 0


@pytest.mark.parametrize(
    ("url", "origin", "target", "host"),
    [
        ("http://Example.com", ("http", "example.com", 80), "/", "example.com"),
        ("https://example.com:443/a#b", ("https", "example.com", 443), "/a", "example.com"),
        ("https://example.com:8443/a?b", ("https", "example.com", 8443), "/a?b", "example.com:8443"),
        ("http://[::1]:81/%2F?", ("http", "::1", 81), "/%2F", "[::1]:81"),
        ("http://b\u00fccher.example/\u00fc", ("http", "xn--bcher-kva.example", 80), "/%C3%BC", "xn--bcher-kva.example"),
        ("http://x/models/a:b@c|{d}\"e", ("http", "x", 80), "/models/a:b@c|{d}\"e", "x"),
    ],
)  # fmt: skip
def test_an_address_is_read_once(url: str, origin: tuple[str, str, int], target: str, host: str) -> None:
    found = heads.address(url)
    assert (found.origin, found.target, found.host) == (origin, target, f"Host: {host}\r\n")
    assert heads.address(url) is found


@pytest.mark.parametrize("url", ["ftp://x/", "//x/", "x", "http://", "http://x:99999/", "http://x:y/", "http://\u00fc..x/"])
def test_what_is_no_address_says_so(url: str) -> None:
    with pytest.raises(ValueError):
        heads.address(url)


def test_a_password_in_the_url_is_sent_as_basic_but_never_beside_another() -> None:
    to = heads.address("http://me:pa%40ss@x/")
    assert b"Authorization: Basic bWU6cGFAc3M=\r\n" in heads.head("GET", to, {}, 0)
    assert b"Basic" not in heads.head("GET", to, {"authorization": "Bearer x"}, 0)


def test_a_host_may_be_set_for_an_address() -> None:
    head = heads.head("GET", heads.address("http://10.0.0.1/"), {"host": "inner.example"}, 0)
    assert head == b"GET / HTTP/1.1\r\nhost: inner.example\r\n\r\n"


@pytest.mark.parametrize("length", [None, 6], ids=["unknown", "known"])
async def test_a_body_by_parts_arrives_whole(client: Upstream, length: int | None) -> None:
    async with raw(always(OK)) as upstream:
        for _ in range(3):
            answer = await client.send("POST", upstream.url, {}, parts(b"ab", b"", b"cdef"), WAIT, length=length)
            assert await answer.read(10) == b"ok"
        assert upstream.connections == 1
    framing = {"content-length": "6"} if length else {"transfer-encoding": "chunked"}
    for heard in upstream.requests:
        assert heard.body == b"abcdef" and framing.items() <= heard.headers.items()


@pytest.mark.parametrize(("length", "wrong"), [(3, "longer"), (9, "shorter")])
async def test_a_body_of_another_length_than_was_said_is_not_sent_as_one(client: Upstream, length: int, wrong: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)

    async with raw(script) as upstream:
        with pytest.raises(ValueError, match=wrong):
            await client.send("POST", upstream.url, {}, parts(b"ab", b"cdef"), WAIT, length=length)
        await until(lambda: upstream.left == 1)


async def test_what_a_body_raises_comes_out_as_it_is_and_closes_the_connection(client: Upstream) -> None:
    async def leaving() -> AsyncIterator[bytes]:
        yield b"a"
        raise ConnectionResetError("the client has left")

    async with raw(always(OK)) as upstream:
        with pytest.raises(ConnectionResetError, match="the client has left"):
            await client.send("POST", upstream.url, {}, leaving(), WAIT)
        await until(lambda: upstream.left == 1)


async def test_an_upload_goes_only_as_fast_as_its_upstream_reads(client: Upstream) -> None:
    given = 0
    go = asyncio.Event()

    async def much() -> AsyncIterator[bytes]:
        nonlocal given
        for _ in range(64):
            given += MEGA
            yield b"x" * MEGA

    async def script(peer: Peer) -> None:
        await peer.head()
        await go.wait()
        await peer.reader.readexactly(64 * MEGA)
        await peer.say(OK)

    async with raw(script) as upstream:
        sending = asyncio.create_task(client.send("POST", upstream.url, {}, much(), WAIT, length=64 * MEGA))
        await until(lambda: upstream.connections == 1)
        await asyncio.sleep(0.3)
        held = given
        assert held < 48 * MEGA  # the kernel's and the fake's own buffers
        go.set()
        assert await (await sending).read(10) == b"ok"
        assert given == 64 * MEGA


@pytest.mark.parametrize("seconds", [0.0, 0.01], ids=["fast", "slow"])
@pytest.mark.parametrize("length", [None, 400 * MEGA], ids=["unknown", "known"])
async def test_an_early_answer_ends_an_upload(client: Upstream, length: int | None, seconds: float) -> None:
    said = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!"
    closed = False

    async def much() -> AsyncIterator[bytes]:
        nonlocal closed
        try:
            for _ in range(400):
                await asyncio.sleep(seconds)
                yield b"x" * MEGA
        finally:
            closed = True

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.say(said)
        await peer.reader.read()

    async with raw(script) as upstream:
        answer = await client.send("POST", upstream.url, {}, much(), WAIT, length=length)
        assert (answer.status, await answer.read(10)) == (413, b"no!")
        assert closed
        second = await client.send("POST", upstream.url, {}, b"", WAIT)
        assert second.status == 413 and upstream.connections == 2  # the first was left in the middle of a request


async def test_a_large_body_that_was_not_read_leaves_no_connection_behind(client: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.say(OK)
        await asyncio.sleep(0.2)
        await peer.reader.read()

    async with raw(script) as upstream:
        for _ in range(2):
            assert await (await client.send("POST", upstream.url, {}, b"x" * 64 * MEGA, WAIT)).read(10) == b"ok"
        assert upstream.connections == 2


async def test_an_upstream_that_stops_reading_times_out(client: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await asyncio.sleep(10)

    async with raw(script) as upstream:
        body = parts(*[b"x" * MEGA] * 64)
        with pytest.raises(UpstreamTimeout):
            await client.send("POST", upstream.url, {}, body, Timeouts(idle=0.2, first_byte=5), length=64 * MEGA)
        with pytest.raises(UpstreamTimeout):
            await client.send("POST", upstream.url, {}, b"x" * 64 * MEGA, Timeouts(total=0.3))


async def test_a_slow_upload_is_not_a_silent_upstream(client: Upstream) -> None:
    async with raw(saying(OK)) as upstream:
        body = parts(*[b"x"] * 5, seconds=0.1)
        answer = await client.send("POST", upstream.url, {}, body, Timeouts(first_byte=0.2, idle=0.2))
        assert await answer.read(10) == b"ok"


async def test_an_upload_that_is_cancelled_closes_its_connection_and_its_body(client: Upstream) -> None:
    closed = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal closed
        try:
            yield b"a"
            await asyncio.sleep(10)
        finally:
            closed = True

    async with raw(always(OK)) as upstream:
        sending = asyncio.create_task(client.send("POST", upstream.url, {}, body(), WAIT))
        await until(lambda: len(upstream.requests) == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert closed
        await until(lambda: upstream.left == 1, 1.0)


async def test_the_time_to_the_first_byte_begins_behind_a_large_body_that_goes_out_slowly(client: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        for number in range(64):  # the last half fits into the fake's own buffers
            await peer.reader.readexactly(MEGA)
            await asyncio.sleep(0.05 if number < 24 else 0)
        await peer.say(OK)

    async with raw(script) as upstream:
        answer = await client.send("POST", upstream.url, {}, b"x" * 64 * MEGA, Timeouts(first_byte=0.8))
        assert await answer.read(10) == b"ok"
