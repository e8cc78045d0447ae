"""A gateway in front of one vendor that answers as a test tells it, with the channels of vendors that have formats of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import openai
from gateways import House, open_house
from media.vendor import Vendor

from pisces_proxy.task import Task
from pisces_proxy.task_steps import Pace

QUICK = Pace(tick=0.02, speed=0.01)
CHANNELS = """
[[channel]]
name = "bailian"
provider = "dashscope"
key = "dashscope-key"
base_url = "{origin}"
models = [
  "happyhorse-1.0-t2v", "happyhorse-1.0-i2v", "happyhorse-1.0-r2v", "happyhorse-1.0-video-edit", "wan2.6-t2v",
  "qwen3-tts-flash", "qwen3-asr-flash", "fun-asr", "qwen-image-plus", "wan2.5-t2i-preview", "gte-rerank-v2", "qwen3-rerank",
]

[[channel]]
name = "minimax"
provider = "minimax"
key = "minimax-key"
base_url = "{origin}/v1"
models = ["MiniMax/speech-2.8-turbo", "MiniMax/speech-2.8-hd", "MiniMax-Hailuo-2.3"]

[[channel]]
name = "ark"
provider = "volcengine"
key = "ark-key"
base_url = "{origin}/api/v3"
models = ["doubao-seedance-2-0-260128", "doubao-seedream-4-5-251128"]

[[channel]]
name = "zhipu"
provider = "zhipu"
key = "zhipu-key"
base_url = "{origin}/api/paas/v4"
models = ["cogvideox-3", "cogview-4"]

[price."happyhorse-1.0-t2v"]
per_second = {{ "720p" = 0.1, "1080p" = 0.2 }}
[price."happyhorse-1.0-i2v"]
per_second = {{ "720p" = 0.1, "1080p" = 0.2 }}
[price."happyhorse-1.0-r2v"]
per_second = {{ "720p" = 0.1, "1080p" = 0.2 }}
[price."happyhorse-1.0-video-edit"]
per_second = {{ "720p" = 0.1, "1080p" = 0.2 }}
[price."doubao-seedance-2-0-260128"]
output = 6
[price."qwen3-tts-flash"]
per_million_characters = 10
[price."MiniMax/speech-2.8-turbo"]
per_million_characters = 60
[price."qwen-image-plus"]
per_image = 0.03
"""


@dataclass
class Desk:
    """Somebody with a key, and the vendor that they know nothing of."""

    house: House
    vendor: Vendor
    session: aiohttp.ClientSession
    sdk: openai.AsyncOpenAI

    async def post(self, path: str, body: Any) -> tuple[aiohttp.ClientResponse, Any]:
        """`body` as text is sent as it stands, as curl does."""
        sent = {"data": body.encode()} if isinstance(body, str) else {"json": body}
        headers = {"Content-Type": "application/json"}
        async with self.session.post(self.house.url + path, headers=headers, **sent) as got:
            return got, await (got.json() if got.content_type == "application/json" else got.read())

    async def get(self, url: str) -> tuple[aiohttp.ClientResponse, Any]:
        async with self.session.get(url if "://" in url else self.house.url + url) as got:
            return got, await (got.json() if got.content_type == "application/json" else got.read())

    async def until_over(self, id: str) -> Task:
        return await until_over(self.house, id)

    def asked(self, path: str) -> list[Any]:
        return [asked for asked in self.vendor.asked if asked.path == path]


async def until_over(house: House, id: str) -> Task:
    end = time.monotonic() + 15
    while True:
        task = await house.storage.task(id)
        assert task is not None and time.monotonic() < end, task
        if task.over:
            return task
        await asyncio.sleep(0.02)


@asynccontextmanager
async def open_front(
    folder: Path, channels: str, pace: Pace = QUICK
) -> AsyncIterator[tuple[House, Vendor, openai.AsyncOpenAI]]:
    """A gateway with these channels, all at one vendor, and a client."""
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(Vendor().listening())
        house = await stack.enter_async_context(
            open_house(folder, channels.format(origin=vendor.origin), server="fetch_private = true")
        )
        house.gateway.work.engine.steps.pace = pace
        sdk = openai.AsyncOpenAI(api_key=house.key, base_url=house.url + "/v1", max_retries=0)
        yield house, vendor, await stack.enter_async_context(sdk)


@asynccontextmanager
async def open_desk(folder: Path) -> AsyncIterator[Desk]:
    async with open_front(folder, CHANNELS) as (house, vendor, sdk):
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {house.key}"}) as session:
            yield Desk(house, vendor, session, sdk)
