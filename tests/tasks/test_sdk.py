"""OpenAI's own SDK on `videos`: create, retrieve, poll, list, download, remix, delete (H135)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import openai
import pytest
from upstreams.studio import MOVIE

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


@pytest.fixture
async def client(customer) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key=customer.secret, base_url=customer.house.url + "/v1", max_retries=0) as client:
        yield client


async def test_a_video_is_made_watched_and_downloaded(client, customer, studio) -> None:
    made = await client.videos.create(prompt="a river", model="dream", seconds="8", size="1280x720")
    assert (made.object, made.status, made.progress, made.seconds, made.size) == ("video", "queued", 0, "8", "1280x720")
    await customer.until(made.id)
    found = await client.videos.retrieve(made.id)
    assert (found.status, found.progress, found.error, found.prompt) == ("completed", 100, None, "a river")
    assert (await client.videos.download_content(made.id)).content == MOVIE
    assert studio.submissions[0]["seconds"] == 8


async def test_a_reference_is_taken_as_a_file(client, customer) -> None:
    picture = ("a.png", b"\x89PNG\r\n\x1a\n1234", "image/png")
    made = await client.videos.create(prompt="stuck", model="dream", input_reference=picture)
    (asset,) = (await customer.row(made.id)).request.assets
    assert (asset.role, asset.data, asset.mime, asset.filename) == ("first_frame", picture[1], "image/png", "a.png")


@pytest.mark.parametrize("extra", ["image_url", "url"])
async def test_a_reference_is_taken_by_its_url(customer, extra: str) -> None:
    body = {"model": "dream", "prompt": "stuck", "input_reference": {extra: "https://example.com/a.png"}}
    _, told, _ = await customer("POST", "/v1/videos", body)
    (asset,) = (await customer.row(told["id"])).request.assets
    assert (asset.role, asset.url) == ("first_frame", "https://example.com/a.png")


async def test_the_sdk_polls_to_the_end(client, customer) -> None:
    video = await client.videos.create_and_poll(prompt="fail", model="dream", poll_interval_ms=50)
    assert (video.status, video.error.message) == ("failed", "The model gave up.")


async def test_a_remix_goes_where_its_source_was_made(client, customer, studio) -> None:
    source = await client.videos.create(prompt="a river", model="dream")
    with pytest.raises(openai.BadRequestError, match="completed"):
        await client.videos.remix(source.id, prompt="a sea")
    await customer.until(source.id)
    made = await client.videos.remix(source.id, prompt="a sea")
    assert (made.remixed_from_video_id, made.prompt, made.model) == (source.id, "a sea", "dream")
    await customer.until(made.id)
    assert studio.submissions[1]["of"] == "job-0"


async def test_videos_are_listed_and_deleted(client, customer) -> None:
    made = [(await client.videos.create(prompt="a river", model="dream")).id for _ in range(3)]
    for id in made:
        await customer.until(id)
    assert [video.id async for video in client.videos.list(limit=2)] == made[::-1]
    assert [video.id async for video in client.videos.list(limit=2, order="asc")] == made
    gone = await client.videos.delete(made[0])
    assert (gone.id, gone.deleted, gone.object) == (made[0], True, "video.deleted")
    with pytest.raises(openai.NotFoundError):
        await client.videos.retrieve(made[0])
