"""A gateway in front of Google and others, and Google's SDK in front of the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from gateways import House, open_house
from google import genai
from openai import AsyncOpenAI
from upstreams.gemini_media import GeminiMedia
from upstreams.openai_media import MediaVendor

from pisces_proxy.task_steps import Pace

CHANNELS = """
[[channel]]
name = "google"
provider = "gemini"
key = "upstream-key"
base_url = "{google}/v1beta"
models = [
  "gemini-embedding-001", "gemini-embedding-2", "gemini-3.1-flash-image-preview", "gemini-2.5-flash-image", "imagen-4.0-generate-001",
  "gemini-2.5-flash-preview-tts", "gemini-2.5-flash", "veo-3.1-generate-preview",
]

[[channel]]
name = "reseller"
provider = "gemini"
key = "upstream-key"
base_url = "{google}/v1beta"
models = {{ "resold-image" = "gemini-2.5-flash-image" }}
flags = {{ images_as_text = true }}

[[channel]]
name = "openai"
provider = "openai"
key = "upstream-key"
base_url = "{openai}/v1"
models = ["gpt-image-2"]

[price."veo-3.1-generate-preview"]
per_second = 0.1
"""
QUICK = Pace(tick=0.05, speed=0.02)


@dataclass
class Street:
    house: House
    google: GeminiMedia
    openai: AsyncOpenAI
    http: aiohttp.ClientSession

    def client(self, **more: Any) -> Any:
        return genai.Client(api_key=self.house.key, http_options={"base_url": self.house.url}, **more).aio

    @property
    def vertex(self) -> Any:
        """As Google's cloud is asked with an API key: the only way in which the SDK starts images and videos."""
        return self.client(vertexai=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(GeminiMedia())
        dalle = await stack.enter_async_context(MediaVendor())
        channels = CHANNELS.format(google=google.origin, openai=dalle.origin)
        house = await stack.enter_async_context(
            open_house(tmp_path_factory.mktemp("google"), channels, server="fetch_private = true")
        )
        house.gateway.work.engine.steps.pace = QUICK
        client = await stack.enter_async_context(AsyncOpenAI(api_key=house.key, base_url=house.url + "/v1", max_retries=0))
        http = await stack.enter_async_context(aiohttp.ClientSession(headers={"x-goog-api-key": house.key}))
        yield Street(house, google, client, http)


@pytest.fixture
def street(opened: Street) -> Street:
    opened.google.reset()
    return opened
