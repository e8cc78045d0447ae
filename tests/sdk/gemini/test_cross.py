"""Google's SDK in front of other vendors: vectors, pictures, videos made by whoever makes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from gateways import House, open_house
from google import genai
from google.genai import errors, types
from media.texts import vector_of, vendor
from tasks.conftest import plugin, studio_channel
from upstreams.gemini_media import FILM, GeminiMedia
from upstreams.openai_media import MediaVendor
from upstreams.studio import MOVIE, open_studio

from pisces_proxy.task_steps import Pace

pytestmark = pytest.mark.filterwarnings("ignore:The (generate|edit|upscale)_")


def google(house: House, **more: Any) -> Any:
    return genai.Client(api_key=house.key, http_options={"base_url": house.url}, **more).aio


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.mark.parametrize("provider", ["openai", "mistral", "voyage", "cohere"])
async def test_vectors_of_any_vendor(tmp_path: Path, stack: AsyncExitStack, provider: str) -> None:
    upstream = await stack.enter_async_context(vendor())
    root = "/v2" if provider == "cohere" else "/v1"
    channel = f'[[channel]]\nname="x"\nprovider="{provider}"\nkey="k"\nbase_url="{upstream.url}{root}"\nmodels=["m"]\n'
    house = await stack.enter_async_context(open_house(tmp_path, channel))
    config = {"task_type": "RETRIEVAL_QUERY"}
    answer = await google(house).models.embed_content(model="m", contents=["Hello", "world"], config=config)
    assert [len(row.values) for row in answer.embeddings] == [len(vector_of("x"))] * 2
    assert answer.embeddings[0].values == pytest.approx(vector_of("Hello"), rel=1e-6)
    record = await house.record()
    assert (record.protocol, record.status) == ("gemini.embed", 200) and record.usage.input > 0


async def test_a_video_of_any_vendor(tmp_path: Path, stack: AsyncExitStack) -> None:
    studio = await stack.enter_async_context(open_studio())
    house = await stack.enter_async_context(open_house(tmp_path, studio_channel(studio), server=plugin()))
    house.gateway.work.engine.steps.pace = Pace(tick=0.05, speed=0.05)
    started = await google(house, vertexai=True).models.generate_videos(
        model="dream", source=types.GenerateVideosSource(prompt="a cat"), config=types.GenerateVideosConfig(duration_seconds=5)
    )
    client, operation = google(house), started
    async with asyncio.timeout(15):
        while not operation.done:
            await asyncio.sleep(0.05)
            operation = await client.operations.get(operation)
    assert await client.files.download(file=operation.response.generated_videos[0].video) == MOVIE
    assert studio.submissions[0]["prompt"] == "a cat"


async def test_a_video_that_failed_says_why(tmp_path: Path, stack: AsyncExitStack) -> None:
    studio = await stack.enter_async_context(open_studio())
    house = await stack.enter_async_context(open_house(tmp_path, studio_channel(studio), server=plugin()))
    house.gateway.work.engine.steps.pace = Pace(tick=0.05, speed=0.05)
    started = await google(house, vertexai=True).models.generate_videos(
        model="dream", source=types.GenerateVideosSource(prompt="fail")
    )
    client, operation = google(house), started
    async with asyncio.timeout(15):
        while not operation.done:
            await asyncio.sleep(0.05)
            operation = await client.operations.get(operation)
    assert operation.error["message"] and operation.response is None


async def test_a_channel_that_only_draws_says_so(tmp_path: Path, stack: AsyncExitStack) -> None:
    """generateContent is a conversation; a channel with the Images API alone holds none."""
    upstream = await stack.enter_async_context(MediaVendor())
    channel = (
        '[[channel]]\nname="x"\nprovider="openai"\nkey="k"\nwires=["openai.images"]\nmodels=["gpt-image-2"]\n'
        f'base_url="{upstream.origin}/v1"\n'
    )
    house = await stack.enter_async_context(open_house(tmp_path, channel))
    with pytest.raises(errors.ClientError, match="does not serve chat requests for 'gpt-image-2'") as refused:
        await google(house).models.generate_content(model="gpt-image-2", contents="a cat")
    assert refused.value.code == 400 and not upstream.received
    made = await google(house, vertexai=True).models.generate_images(model="gpt-image-2", prompt="a cat")
    assert made.generated_images


async def test_a_video_that_is_kept_is_downloaded_too(tmp_path: Path, stack: AsyncExitStack) -> None:
    """`[server] media` set: it is fetched at once, with the key that Google wants, and the SDK is led to where it lies."""
    veo = await stack.enter_async_context(GeminiMedia())
    channel = (
        f'[[channel]]\nname="x"\nprovider="gemini"\nkey="upstream-key"\nmodels=["veo-3.1"]\nbase_url="{veo.origin}/v1beta"\n'
    )
    server = f'fetch_private = true\nmedia = "file://{tmp_path}/kept"'
    house = await stack.enter_async_context(open_house(tmp_path, channel, server=server))
    house.gateway.work.engine.steps.pace = Pace(tick=0.05, speed=0.05)
    operation = await google(house, vertexai=True).models.generate_videos(
        model="veo-3.1", source=types.GenerateVideosSource(prompt="a cat")
    )
    client = google(house)
    async with asyncio.timeout(15):
        while not operation.done:
            await asyncio.sleep(0.05)
            operation = await client.operations.get(operation)
    assert await client.files.download(file=operation.response.generated_videos[0].video) == FILM
