"""A vendor at the network's edge that answers as a test tells it, and somebody with a key to the gateway before it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from gateways import House

PLUGIN = Path(__file__).parent / "plugin.py"
Handle = Callable[["Asked", web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Asked:
    """One request that the vendor has received."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


class Vendor:
    """Answers by path: `vendor.on["/v1/draw"] = handle`. `handle(asked, request)` returns a response."""

    def __init__(self) -> None:
        self.on: dict[str, Handle] = {}
        self.asked: list[Asked] = []
        self.origin = ""

    def says(self, path: str, *bodies: Any, status: int = 200, mime: str = "application/json") -> None:
        """Answer with these in turn, the last again and again; bytes as they are, anything else as JSON."""
        left = list(bodies)

        async def handle(asked: Asked, request: web.Request) -> web.StreamResponse:
            body = left.pop(0) if len(left) > 1 else left[0]
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            return web.Response(body=data, status=status, headers={"Content-Type": mime})

        self.on[path] = handle

    def count(self, path: str) -> int:
        return sum(1 for asked in self.asked if asked.path == path)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Vendor]:
        app = web.Application(client_max_size=1 << 28)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(request.method, request.path, headers, await request.read())
        self.asked.append(asked)
        try:
            return await self.on[request.path](asked, request)
        except (asyncio.CancelledError, ConnectionError):
            asked.closed.set()
            raise


@dataclass
class Client:
    """Somebody with a key."""

    house: House
    session: aiohttp.ClientSession

    async def post(self, path: str, body: Any = None, **more: Any) -> Told:
        sent = {"json": body} if body is not None else {}
        async with self.session.post(self.house.url + path, **sent, **more) as response:
            return Told(response.status, response.headers, await response.read())

    async def get(self, url: str, **more: Any) -> Told:
        async with self.session.get(url if "://" in url else self.house.url + url, **more) as response:
            return Told(response.status, response.headers, await response.read())


@dataclass
class Told:
    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


def channel(vendor: Vendor, provider: str, *models: str, name: str = "", more: str = "") -> str:
    rows = ", ".join(f'"{model}"' for model in models)
    return (
        f'[[channel]]\nname = "{name or provider}"\nprovider = "{provider}"\nkey = "upstream-key"\n'
        f'base_url = "{vendor.origin}/v1"\nmodels = [{rows}]\n{more}\n'
    )
