"""A caller of the admin API, with a token of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from gateways import House

from pisces_proxy.admin.tokens import add


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class Operator:
    """`await operator.post("/keys", {...})`: its answer. Paths are below /api/admin/v1."""

    http: aiohttp.ClientSession
    url: str
    secret: str

    async def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.secret}", **more.pop("headers", {})}
        url = self.url + (path if path.startswith("/api/") else "/api/admin/v1" + path)
        sent = {"json": body} if body is not None else {}
        async with self.http.request(method, url, headers=headers, **sent, **more) as response:
            text = await response.text()
            read = await response.json() if text else None
            return Answer(response.status, read, {name.lower(): value for name, value in response.headers.items()})

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self("GET", path, params={name: str(value) for name, value in query.items()})
        assert answer.status == 200, answer.body
        return answer.body

    async def post(self, path: str, body: Any = None) -> Any:
        answer = await self("POST", path, body)
        assert answer.status in (200, 201), answer.body
        return answer.body

    async def audits(self) -> list[dict[str, Any]]:
        """What this operator has changed; the first start has made an account and a key before."""
        return [audit for audit in (await self.get("/audits"))["data"] if audit["actor"] == "ops"]


Hire = Callable[[House], Awaitable[Operator]]


@pytest.fixture
async def hire() -> AsyncIterator[Hire]:
    """`await hire(house)`: an operator named ops."""
    async with aiohttp.ClientSession() as http:

        async def hired(house: House) -> Operator:
            _, secret = await add(house.storage, "ops")
            return Operator(http, house.url, secret)

        yield hired


@pytest.fixture
async def operator(house: Callable[..., Awaitable[House]], hire: Hire) -> Operator:
    """In a house with the built-in demo provider alone."""
    return await hire(await house())
