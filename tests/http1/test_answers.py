"""How answers are framed: where a body ends, what is no answer, and what is never taken for a whole one."""

from __future__ import annotations

import asyncio

import pytest
from upstreams.raw import Peer, always, raw, saying, until

from pisces_proxy.errors import UpstreamBroken
from pisces_proxy.upstream import Exchange, Timeouts, Upstream

BODY = b'data: {"a": "b"}\n\ndata: [DONE]\n\n'
SIZED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"12;sign=\"a;b\"\r\n" + BODY[:18] + b"\r\n" + b"%X\r\n" % len(BODY[18:]) + BODY[18:] + b"\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n"
)  # fmt: skip
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + SIZED
LINEFEEDS = SIZED.replace(b"\r\n", b"\n")
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + BODY
OLD = b"HTTP/1.0 200 OK\r\n\r\n" + BODY
FRAMINGS = {
    "content-length": SIZED,
    "chunks with extensions and trailers": CHUNKED,
    "interim answers before it": INTERIM,
    "line feeds alone": LINEFEEDS,
}
LIMIT = 2**20


async def get(client: Upstream, url: str, method: str = "POST", **timeouts: float) -> Exchange:
    return await client.send(method, url + "/v1", {"Accept": "*/*"}, b"{}" if method == "POST" else b"", Timeouts(**timeouts))


async def by_chunks(exchange: Exchange) -> list[bytes]:
    found = []
    while chunk := await exchange.chunk():
        found.append(chunk)
    return found


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_an_answer_is_the_same_wherever_the_network_cuts_it(client: Upstream, framing: str) -> None:
    said = FRAMINGS[framing]

    async def script(peer: Peer) -> None:
        for cut in range(1, len(said)):
            await peer.request()
            await peer.say(said[:cut], said[cut:])
        await peer.request()
        await peer.say(*(said[at : at + 1] for at in range(len(said))))

    async with raw(script) as upstream:
        for _ in range(len(said)):
            exchange = await get(client, upstream.url)
            assert exchange.status == 200
            assert b"".join(await by_chunks(exchange)) == BODY
            assert exchange.ended
        assert upstream.connections == 1


@pytest.mark.parametrize("said", [UNTIL_CLOSE, OLD], ids=["1.1", "1.0"])
async def test_a_body_without_a_length_ends_with_its_connection(client: Upstream, said: bytes) -> None:
    async with raw(saying(said)) as upstream:
        for _ in range(2):
            assert await (await get(client, upstream.url)).read(LIMIT) == BODY
        assert upstream.connections == 2


@pytest.mark.parametrize("framing", ["content-length", "chunks with extensions and trailers"])
async def test_a_body_that_is_cut_off_is_never_whole(client: Upstream, framing: str) -> None:
    said = FRAMINGS[framing]
    start = said.index(b"\r\n\r\n") + 4
    cuts = iter(range(start, len(said)))

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(said[: next(cuts)])

    async with raw(script) as upstream:
        for _ in range(start, len(said)):
            exchange = await get(client, upstream.url)
            with pytest.raises(UpstreamBroken, match="broke off"):
                await by_chunks(exchange)
            assert not exchange.ended


async def test_what_came_before_a_break_is_read_first(client: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(SIZED[:-5])
        await asyncio.sleep(0.05)
        peer.reset()

    async with raw(script) as upstream:
        exchange = await get(client, upstream.url)
        await asyncio.sleep(0.1)
        assert await exchange.chunk() == BODY[:-5]
        with pytest.raises(UpstreamBroken):
            await exchange.chunk()


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("DELETE", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ("POST", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
)
async def test_an_answer_that_has_no_body_ends_with_its_head(client: Upstream, method: str, said: bytes) -> None:
    async with raw(always(said)) as upstream:
        for _ in range(2):
            exchange = await get(client, upstream.url, method)
            assert exchange.ended and await exchange.read(LIMIT) == b""
        assert [heard.line.split()[0] for heard in upstream.requests] == [method] * 2


@pytest.mark.parametrize(
    "said",
    [
        b"<html>no protocol at all</html>\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nName\x00: value\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nLong: " + b"x" * 40_000 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"H%d: %b\r\n" % (n, b"x" * 1000) for n in range(300)),
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
    ],
    ids=range(11),
)
async def test_what_is_no_answer_is_the_upstreams_fault(client: Upstream, said: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(said)
        await peer.reader.read()

    async with raw(script) as upstream:
        with pytest.raises(UpstreamBroken, match="no HTTP"):
            await get(client, upstream.url, first_byte=2.0)


@pytest.mark.parametrize(
    "chunks",
    [b"zz\r\nab\r\n", b"-1\r\nab\r\n", b"2\r\nabcd\r\n", b"5" * 17 + b"\r\n", b"2\r\nab\r\n0\r\n" + b"X: y\r\n" * 100_000],
    ids=range(5),
)
async def test_chunks_that_are_none_break_the_answer(client: Upstream, chunks: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n", chunks)
        await peer.reader.read()

    async with raw(script) as upstream:
        exchange = await get(client, upstream.url, idle=2.0)
        assert await exchange.chunk() == b"abc"
        with pytest.raises(UpstreamBroken, match="no HTTP"):
            await by_chunks(exchange)


async def test_an_upstream_that_hangs_up_without_a_word_is_broken(client: Upstream) -> None:
    async with raw(saying(b"")) as upstream:
        with pytest.raises(UpstreamBroken, match="without an answer"):
            await get(client, upstream.url)


@pytest.mark.parametrize("more", [SIZED, b"garbage", b"\x00", b"HTTP/1.1"], ids=["answer", "garbage", "nul", "half"])
async def test_a_connection_that_says_more_than_it_should_is_not_used_again(client: Upstream, more: bytes) -> None:
    async with raw(always(CHUNKED + more)) as upstream:
        for _ in range(3):
            assert await (await get(client, upstream.url)).read(LIMIT) == BODY
        assert upstream.connections == 3


async def test_a_word_out_of_turn_ends_an_idle_connection(client: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(SIZED)
        await asyncio.sleep(0.05)
        await peer.say(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await peer.request()

    async with raw(script) as upstream:
        assert await (await get(client, upstream.url)).read(LIMIT) == BODY
        await until(lambda: upstream.left == 1)
        assert await (await get(client, upstream.url)).read(LIMIT) == BODY


async def test_everything_that_comes_at_once_is_one_chunk(client: Upstream) -> None:
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(BODY), BODY) for _ in range(100))
    async with raw(always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n")) as upstream:
        exchange = await get(client, upstream.url)
        assert await by_chunks(exchange) == [BODY * 100]


async def test_an_answer_larger_than_the_limit_is_broken(client: Upstream) -> None:
    async with raw(always(SIZED)) as upstream:
        with pytest.raises(UpstreamBroken, match="larger than 10 bytes"):
            await (await get(client, upstream.url)).read(10)

    async def endless(peer: Peer) -> None:
        await peer.request()
        await peer.say(UNTIL_CLOSE)
        while True:
            await peer.say(b"x" * 65536)

    async with raw(endless) as upstream:
        with pytest.raises(UpstreamBroken, match="larger than 1000000 bytes"):
            await (await get(client, upstream.url)).read(1_000_000)
        await until(lambda: upstream.left == 1)


async def test_headers_are_found_whatever_their_case(client: Upstream) -> None:
    said = b"HTTP/1.1 429 Slow Down\r\nRETRY-after:  7 \r\nX-Name: gr\xc3\xbc\xc3\x9fe\r\nContent-Length: 0\r\n\r\n"
    async with raw(always(said)) as upstream:
        exchange = await get(client, upstream.url)
    assert exchange.status == 429
    assert exchange.headers["retry-after"] == exchange.headers["Retry-After"] == "7"
    assert exchange.headers.get("missing") is None and "x-name" in exchange.headers


async def test_trailers_are_nobodys_headers(client: Upstream) -> None:
    async with raw(always(CHUNKED)) as upstream:
        for _ in range(2):
            exchange = await get(client, upstream.url)
            assert await exchange.read(LIMIT) == BODY
            assert list(exchange.headers) == ["Transfer-Encoding"]
        assert upstream.connections == 1


async def test_a_reader_that_is_slow_holds_its_upstream_back(client: Upstream) -> None:
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * 2**20))
        for _ in range(1024):
            await peer.say(b"x" * 65536)
            sent += 65536

    async with raw(script) as upstream:
        exchange = await get(client, upstream.url, idle=0.3)
        await asyncio.sleep(0.5)  # longer than the idle time: it is not the upstream that is silent
        held = sent
        await asyncio.sleep(0.1)
        assert sent == held < 32 * 2**20  # what fits into the kernel's buffers
        assert len(await exchange.chunk()) < 2**20
        assert len(await exchange.read(64 * 2**20)) > 60 * 2**20
        assert sent == 64 * 2**20
