"""Fetching for clients: public addresses only, whatever the name says."""

import socket

import pytest
from aiohttp import web
from yarl import URL

from pisces_proxy import chat, fetch
from pisces_proxy.errors import BadRequest

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1",
        "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "::",
        "not an address",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not fetch.public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"])
def test_addresses_of_the_open_internet_are_public(address: str) -> None:
    assert fetch.public(address)


def image(url: str) -> chat.Media:
    return chat.Media(kind="image", url=url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x.png",
        "http://[::1]/x.png",
        "http://169.254.169.254/latest/meta-data",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://localhost:1/x.png",
        "file:///etc/passwd",
        "ftp://example.com/x",
    ],
)
async def test_urls_that_point_inside_are_refused_naming_the_part(url: str) -> None:  # H97
    async with fetch.session() as session:
        with pytest.raises(BadRequest) as caught:
            await fetch.Fetcher(session).media(image(url), "messages[0].content[1]")
    assert caught.value.param == "messages[0].content[1]"


async def test_a_name_that_resolves_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(host: str, port: int, *rest: object, **more: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)  # the network's edge: a DNS server under somebody else's control
    async with fetch.session() as session:
        with pytest.raises(BadRequest, match="not a public address"):
            await fetch.Fetcher(session).media(image("http://innocent.example/x.png"), "p")


async def serve(handler: object) -> tuple[web.AppRunner, URL]:
    app = web.Application()
    app.router.add_get("/{tail:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, URL(f"http://127.0.0.1:{runner.addresses[0][1]}")


async def test_bytes_and_their_real_type_take_the_place_of_the_url() -> None:
    async def lying(_: web.Request) -> web.Response:
        return web.Response(body=PNG, content_type="text/plain")

    runner, url = await serve(lying)
    async with fetch.session(True) as session:
        media = await fetch.Fetcher(session, True).media(image(str(url / "cat.png")), "p")
    await runner.cleanup()
    assert (media.mime, media.url, media.filename) == ("image/png", "", "cat.png")
    assert media.data.startswith("iVBOR")


async def test_a_redirect_is_followed_three_times_and_no_more() -> None:
    async def hop(request: web.Request) -> web.Response:
        left = int(request.path[1:])
        if left == 0:
            return web.Response(body=PNG)
        return web.Response(status=302, headers={"Location": f"/{left - 1}"})

    runner, url = await serve(hop)
    async with fetch.session(True) as session:
        fetcher = fetch.Fetcher(session, True)
        assert (await fetcher.media(image(str(url / "3")), "p")).mime == "image/png"
        with pytest.raises(BadRequest, match="redirects"):
            await fetcher.media(image(str(url / "4")), "p")
    await runner.cleanup()


async def test_a_redirect_cannot_lead_inside(monkeypatch: pytest.MonkeyPatch) -> None:  # H97
    async def inside(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/secret"})

    def answer(host: str, port: int, *rest: object, **more: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    runner, url = await serve(inside)
    monkeypatch.setattr(socket, "getaddrinfo", answer)
    async with fetch.session(True) as session:  # the name leads to a server of ours, which sends us on
        with pytest.raises(BadRequest, match=r"169\.254\.169\.254 is not a public address"):
            await fetch.Fetcher(session, False).media(image(f"http://public.example:{url.port}/"), "p")
    await runner.cleanup()


async def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def large(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 4096)

    monkeypatch.setattr(fetch, "LIMIT", 1024)
    runner, url = await serve(large)
    async with fetch.session(True) as session:
        with pytest.raises(BadRequest, match="larger than"):
            await fetch.Fetcher(session, True).media(image(str(url)), "p")
    await runner.cleanup()


async def test_media_in_tool_results_are_fetched_too() -> None:
    async def picture(_: web.Request) -> web.Response:
        return web.Response(body=PNG)

    runner, url = await serve(picture)
    turns = (chat.Turn(role="user", blocks=(chat.ToolResult(id="c", blocks=(image(str(url)),)), image(str(url)))),)
    async with fetch.session(True) as session:
        fetched = await fetch.inlined(chat.Request(model="m", turns=turns), frozenset(), fetch.Fetcher(session, True))
        untouched = await fetch.inlined(
            chat.Request(model="m", turns=turns), frozenset({"image"}), fetch.Fetcher(session, True)
        )
    await runner.cleanup()
    result, direct = fetched.turns[0].blocks
    assert isinstance(result, chat.ToolResult) and isinstance(direct, chat.Media)
    assert result.blocks[0] == direct and direct.data
    assert untouched.turns == turns
