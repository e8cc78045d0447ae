"""One fake vendor: an aiohttp server on loopback, its scenario, its delivery, and what it has received."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from . import script
from .delivery import HTML, PLAIN, Delivery, stream
from .script import Heard, Refused, Said, Scenario


class Vendor(Protocol):
    """A vendor's protocol: how it reads requests (strictly), and how it writes answers and errors."""

    wire: str
    provider: str
    prefix: str  # the version segment of its base URL
    model: str

    def routes(self) -> list[str]: ...
    def count(self, path: str, body: Any) -> dict[str, Any] | None:
        """The answer to a call that only counts, None for a call that is not one."""

    def hear(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: Any) -> Heard: ...
    def whole(self, said: Said, heard: Heard) -> dict[str, Any]: ...
    def frames(self, said: Said, heard: Heard) -> list[bytes]: ...
    def refusal(self, refused: Refused) -> dict[str, Any]: ...
    def error_frame(self, refused: Refused) -> bytes: ...
    def content_type(self, query: Mapping[str, str]) -> str: ...


@dataclass
class Received:
    """One request, as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]  # lower-case names
    raw: bytes
    body: Any
    closed: asyncio.Event = field(default_factory=asyncio.Event)  # set when the caller left before the end


class Upstream:
    """`async with Upstream(vendor) as upstream: upstream.play(script.text)`."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.received: list[Received] = []
        self.asked = asyncio.Event()  # a request has come
        self.heard: list[Heard] = []
        self.scenario: Scenario = script.text
        self.delivery = PLAIN
        self._runner: web.AppRunner | None = None
        self.origin = ""

    @property
    def base_url(self) -> str:
        return self.origin + self.vendor.prefix

    @property
    def last(self) -> Received:
        return self.received[-1]

    def play(self, scenario: Scenario, delivery: Delivery = PLAIN) -> None:
        self.received.clear()
        self.asked.clear()
        self.heard.clear()
        self.scenario, self.delivery = scenario, delivery

    async def __aenter__(self) -> Upstream:
        app = web.Application(client_max_size=1 << 27)
        for route in self.vendor.routes():
            app.router.add_post(self.vendor.prefix + route, self._answer)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(request.path, dict(request.query), headers, raw, json.loads(raw))
        self.received.append(received)
        self.asked.set()
        try:
            counted = self.vendor.count(request.path, received.body)
            if counted is not None:
                return web.json_response(counted)
            heard = self.vendor.hear(request.path, received.query, headers, received.body)
            self.heard.append(heard)
            return await self._deliver(request, heard, self.scenario(heard))
        except Refused as refused:
            body = self.vendor.refusal(refused)
            return web.json_response(body, status=refused.status, headers=refused.headers)
        except (asyncio.CancelledError, ConnectionError):
            received.closed.set()
            raise

    async def _deliver(self, request: web.Request, heard: Heard, said: Said) -> web.StreamResponse:
        how, vendor = self.delivery, self.vendor
        broken = Refused(503, "The model is overloaded.")
        match how.instead:
            case "html":
                return web.Response(status=502, body=HTML, content_type="text/html")
            case "empty":
                return web.Response(status=200, body=b"", content_type="application/json")
            case "error":
                return web.json_response(vendor.refusal(broken))
            case "first_error" if heard.stream:
                return await stream(request, [vendor.error_frame(broken)], how)
        if not heard.stream:
            await asyncio.sleep(how.pause)
            return web.json_response(vendor.whole(said, heard), headers={"x-request-id": "upstream-1"}, dumps=_compact)
        frames = vendor.frames(said, heard)
        if how.instead == "late_error":
            frames = [*frames[: len(frames) // 2], vendor.error_frame(broken)]
        return await stream(request, frames, how, vendor.content_type(dict(request.query)))


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
