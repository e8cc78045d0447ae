"""Compressed answers: opened piece by piece, bounded, and never whole where they are cut off."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable

import brotli
import pytest
from upstreams.raw import Peer, always, raw

from pisces_proxy import encodings
from pisces_proxy.errors import UpstreamBroken
from pisces_proxy.upstream import Timeouts, Upstream

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"".join(b'data: {"text": "number %d"}\n\n' % number for number in range(30))
WAIT = Timeouts()


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZip", gzip.compress),
    "gzip in two members": ("gzip", lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:])),
    "deflate": ("deflate", zlib.compress),
    "deflate without a header": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstd.compress),
    "zstd in two frames": ("zstd", lambda data: zstd.compress(data[:100]) + zstd.compress(data[100:])),
}


def answer(encoding: str, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (encoding.encode(), len(body), body)


@pytest.mark.parametrize("how", PACKED)
async def test_a_compressed_answer_is_the_same_wherever_it_is_cut(client: Upstream, how: str) -> None:
    encoding, pack = PACKED[how]
    packed = pack(TEXT)

    async def script(peer: Peer) -> None:
        said = answer(encoding, packed)
        for cut in range(len(said) - len(packed), len(said)):
            await peer.request()
            await peer.say(said[:cut], said[cut:])
        await peer.request()
        await peer.say(*(said[at : at + 1] for at in range(len(said))))

    async with raw(script) as upstream:
        for _ in range(len(packed) + 1):
            exchange = await client.send("POST", upstream.url, {}, b"", WAIT)
            assert await exchange.read(2**20) == TEXT
            assert exchange.ended
        assert upstream.connections == 1


@pytest.mark.parametrize("how", PACKED)
async def test_a_compressed_answer_that_ends_too_early_is_broken(client: Upstream, how: str) -> None:
    """Its HTTP is whole; what it carries is not."""
    encoding, pack = PACKED[how]
    async with raw(always(answer(encoding, pack(TEXT)[:-3]))) as upstream:
        exchange = await client.send("POST", upstream.url, {}, b"", WAIT)
        with pytest.raises(UpstreamBroken, match="cut off"):
            await exchange.read(2**20)


@pytest.mark.parametrize("how", PACKED)
async def test_what_is_not_compressed_as_it_says_is_broken(client: Upstream, how: str) -> None:
    encoding, _ = PACKED[how]
    async with raw(always(answer(encoding, b"\xff{no such thing}" * 20))) as upstream:
        exchange = await client.send("POST", upstream.url, {}, b"", WAIT)
        with pytest.raises(UpstreamBroken, match="cannot be decompressed"):
            await exchange.read(2**20)


@pytest.mark.parametrize("how", PACKED)
async def test_a_bomb_comes_out_in_pieces_and_stops_at_the_limit(client: Upstream, how: str) -> None:
    encoding, pack = PACKED[how]
    packed = pack(b"\0" * 32 * 2**20)
    assert len(packed) < 2**17
    async with raw(always(answer(encoding, packed))) as upstream:
        exchange = await client.send("POST", upstream.url, {}, b"", WAIT)
        sizes = []
        while piece := await exchange.chunk():
            sizes.append(len(piece))
        assert sum(sizes) == 32 * 2**20 and max(sizes) <= 2 * encodings.BOUND
        exchange = await client.send("POST", upstream.url, {}, b"", WAIT)
        with pytest.raises(UpstreamBroken, match="larger than"):
            await exchange.read(2**20)


@pytest.mark.parametrize(("encoding", "flush"), [("gzip", zlib.Z_SYNC_FLUSH), ("deflate", zlib.Z_SYNC_FLUSH)])
async def test_an_event_is_there_as_soon_as_it_was_sent(client: Upstream, encoding: str, flush: int) -> None:
    """H47: a compressed stream is opened as it comes, not at its end."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS + (16 if encoding == "gzip" else 0))

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % encoding.encode())
        for number in range(3):
            packed = packer.compress(b"data: %d\n\n" % number) + packer.flush(flush)
            await peer.say(b"%x\r\n%b\r\n" % (len(packed), packed))
            await peer.reader.readexactly(1)  # not before the client has read it

    async with raw(script) as upstream:
        exchange = await client.send("POST", upstream.url, {}, b"", WAIT)
        assert await exchange.chunk() == b"data: 0\n\n"
        exchange.close()


@pytest.mark.parametrize("encoding", ["identity", "", "identity, identity"])
async def test_identity_is_no_encoding(client: Upstream, encoding: str) -> None:
    async with raw(always(answer(encoding, TEXT))) as upstream:
        assert await (await client.send("POST", upstream.url, {}, b"", WAIT)).read(2**20) == TEXT


@pytest.mark.parametrize("encoding", ["compress", "gzip, br", "rot13"])
async def test_an_encoding_that_nobody_asked_for_has_a_status_and_no_body(client: Upstream, encoding: str) -> None:
    async with raw(always(answer(encoding, TEXT).replace(b"200 OK", b"429 No"))) as upstream:
        exchange = await client.send("POST", upstream.url, {}, b"", WAIT)
        assert exchange.status == 429 and exchange.headers["content-encoding"] == encoding
        with pytest.raises(UpstreamBroken, match="not known"):
            await exchange.read(2**20)


async def test_an_answer_without_a_body_needs_no_decompression(client: Upstream) -> None:
    async with raw(always(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n")) as upstream:
        assert await (await client.send("POST", upstream.url, {}, b"", WAIT)).read(2**20) == b""


async def test_padding_behind_a_compressed_answer_is_passed_over(client: Upstream) -> None:
    async with raw(always(answer("gzip", gzip.compress(TEXT) + b"\0" * 10))) as upstream:
        assert await (await client.send("POST", upstream.url, {}, b"", WAIT)).read(2**20) == TEXT
