"""A gateway with a video vendor behind it, quick enough for tests, and clients of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from gateways import House
from upstreams.studio import Receiver, Studio, open_receiver, open_studio

from pisces_proxy.keys import digest, new_secret
from pisces_proxy.media import Video
from pisces_proxy.storage import Account, Key
from pisces_proxy.task import Task
from pisces_proxy.task_steps import Pace

PLUGIN = Path(__file__).parents[1] / "thirdparty" / "pisces-studio" / "pisces_studio.py"
QUICK = Pace(tick=0.05, parked=0.6, busy=(0.05, 0.05), late=(0.3, 0.3), misses=3, speed=0.05)
PRICES = """
[price.dream]
per_second = { "720p" = 0.1, "*" = 0.2 }
[price.dream-forgetful]
per_second = 0.1
"""


def plugin(dev: bool = True) -> str:
    """Into [server] and behind it."""
    return f'dev = {str(dev).lower()}\nfetch_private = true\n[plugins]\nfiles = ["{PLUGIN}"]\n'


def studio_channel(studio: Studio, provider: str = "studio", model: str = "dream", name: str = "", more: str = "") -> str:
    return f"""
[[channel]]
name = "{name or provider}"
provider = "{provider}"
key = "upstream-key"
base_url = "{studio.base_url}"
models = {{ "{model}" = "up-{model}" }}
{more}
"""


@dataclass
class Customer:
    """One who pays, and asks over HTTP."""

    house: House
    http: aiohttp.ClientSession
    account: str
    secret: str
    sent: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any, dict[str, str]]:
        headers = {"Authorization": f"Bearer {self.secret}", **more.pop("headers", {})}
        sent = {"json": body} if body is not None else {}
        async with self.http.request(method, self.house.url + path, headers=headers, **sent, **more) as response:
            names = {name.lower(): value for name, value in response.headers.items()}
            told = await response.json() if "json" in response.content_type else await response.read()
            return response.status, told, names

    async def make(self, prompt: str, model: str = "dream", **more: Any) -> str:
        """A task's id."""
        status, told, _ = await self(
            "POST", "/v1/videos/tasks", {"model": model, "prompt": prompt, "resolution": "720p", **more}
        )
        assert status == 202, told
        return str(told["task_id"])

    async def row(self, id: str) -> Task:
        found = await self.house.storage.task(id)
        assert found is not None
        return found

    async def until(self, id: str, test: Callable[[Task], bool] = lambda task: task.over, seconds: float = 10.0) -> Task:
        end = time.monotonic() + seconds
        while not test(task := await self.row(id)):
            assert time.monotonic() < end, task
            await asyncio.sleep(0.02)
        return task

    async def balance(self) -> tuple[int, int]:
        """(balance, reserved) in nano-dollars."""
        found = await self.house.storage.balance(self.account)
        assert found is not None
        return found.balance_nano, found.reserved_nano


@pytest.fixture
async def studio(stack: AsyncExitStack) -> Studio:
    return await stack.enter_async_context(open_studio())


@pytest.fixture
async def receiver(stack: AsyncExitStack) -> Receiver:
    return await stack.enter_async_context(open_receiver())


@pytest.fixture
async def enlist(stack: AsyncExitStack) -> Callable[..., Awaitable[Customer]]:
    """`await enlist(house)`: a customer with a hundred dollars."""
    http = await stack.enter_async_context(aiohttp.ClientSession())

    async def enlisted(house: House, account: str = "shop", usd: int = 100) -> Customer:
        secret = new_secret()
        await house.storage.add_account(Account(name=account))
        if usd:
            await house.storage.credit(account, usd * 10**9, id=f"first {account}")
        await house.storage.add_key(Key(id=f"k-{account}", name=account, account=account, digest=digest(secret)))
        return Customer(house, http, account, secret)

    return enlisted


@pytest.fixture
async def customer(house, studio: Studio, enlist) -> AsyncIterator[Customer]:
    """In front of one channel that leads to the studio."""
    opened = await house(
        studio_channel(studio), studio_channel(studio, "forgetful", "dream-forgetful"), PRICES, server=plugin()
    )
    opened.gateway.work.engine.steps.pace = QUICK
    yield await enlist(opened)


@pytest.fixture
def task_row() -> Task:
    """A row, with what it must have."""
    return Task(
        id="task_1", account="shop", key="k", type="video", facade="f", model="m", request=Video(prompt="x"),
        request_id="r", created_at=0.0, deadline=60.0,
    )  # fmt: skip
