"""TLS: certificates checked against a name and an authority, HTTP/1.1 agreed on."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from upstreams.raw import Peer, always, raw

from pisces_proxy.errors import UpstreamBroken, UpstreamTimeout
from pisces_proxy.upstream import Timeouts, Upstream, connect

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
WAIT = Timeouts()


async def ask(client: Upstream, url: str) -> bytes:
    return await (await client.send("POST", url, {}, b"{}", WAIT)).read(1000)


async def silent(peer: Peer) -> None:
    await peer.request()


@pytest.fixture(scope="module")
def authority() -> object:
    trustme = pytest.importorskip("trustme", reason="makes certificates; in the `test` extra")
    return trustme.CA()


def served(authority: object, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["h2", "http/1.1"])
    authority.issue_cert(*names).configure_cert(context)  # type: ignore[attr-defined]
    return context


def trusting(authority: object) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    authority.configure_trust(context)  # type: ignore[attr-defined]
    return context


async def test_a_certificate_that_is_trusted_is_talked_to(authority: object) -> None:
    chosen: list[str | None] = []

    async def script(peer: Peer) -> None:
        chosen.append(peer.writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await always(OK)(peer)

    async with connect(trusting(authority)) as client, raw(script, served(authority, "localhost")) as upstream:
        for _ in range(3):
            assert await ask(client, f"https://localhost:{upstream.port}/") == b"ok"
        assert upstream.connections == 1 and chosen == ["http/1.1"]


async def test_a_body_over_tls_is_whole_and_large(authority: object) -> None:
    body = b"x" * 3_000_000
    said = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with connect(trusting(authority)) as client, raw(always(said + body), served(authority, "localhost")) as upstream:
        for _ in range(2):
            answer = await client.send("POST", f"https://localhost:{upstream.port}/", {}, body, WAIT)
            assert await answer.read(2**23) == body
        assert upstream.requests[0].body == body and upstream.connections == 1


@pytest.mark.parametrize("trusted", [True, False], ids=["another name", "another authority"])
async def test_a_certificate_of_somebody_else_is_refused(authority: object, trusted: bool) -> None:
    names = ("elsewhere.example",) if trusted else ("localhost",)
    async with connect(trusting(authority) if trusted else None) as client, raw(silent, served(authority, *names)) as upstream:
        with pytest.raises(UpstreamBroken, match="certificate is not trusted"):
            await ask(client, f"https://localhost:{upstream.port}/")
        assert upstream.requests == []


async def test_a_handshake_that_hangs_is_a_timeout(client: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read()

    async with raw(script) as upstream:
        with pytest.raises(UpstreamTimeout, match="connecting"):
            await client.send("POST", f"https://127.0.0.1:{upstream.port}/", {}, b"", Timeouts(connect=0.2))


async def test_a_body_over_tls_without_a_length_waits_for_its_reader(authority: object) -> None:
    """The connection is gone while half of the answer still waits."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300_000)

    async with connect(trusting(authority)) as client, raw(script, served(authority, "localhost")) as upstream:
        answer = await client.send("POST", f"https://localhost:{upstream.port}/", {}, b"", WAIT)
        await asyncio.sleep(0.2)
        assert await answer.read(2**20) == b"x" * 300_000
