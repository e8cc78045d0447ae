"""The official Google SDK for videos: started, watched, downloaded, over real sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from google.genai import errors, types
from sdk.gemini.conftest import Street
from upstreams.gemini_media import B64, FILM, PNG

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # the SDKs' marks on what is given up
    pytest.mark.filterwarnings("ignore:deprecated"),
    pytest.mark.filterwarnings("ignore:The Sora API"),
    pytest.mark.filterwarnings("ignore:The (generate|edit|upscale)_"),
    pytest.mark.filterwarnings("ignore::google.genai._common.ExperimentalWarning"),
]


async def until_done(client: Any, operation: Any) -> Any:
    async with asyncio.timeout(15):
        while not operation.done:
            await asyncio.sleep(0.05)
            operation = await client.operations.get(operation)
    return operation


async def test_a_video_is_made_and_downloaded(street: Street) -> None:
    street.google.polls = 2
    first = types.Image(image_bytes=PNG, mime_type="image/png")
    config = types.GenerateVideosConfig(duration_seconds=8, aspect_ratio="16:9", resolution="720p", last_frame=first)
    started = await street.vertex.models.generate_videos(
        model="veo-3.1-generate-preview", source=types.GenerateVideosSource(prompt="a cat", image=first), config=config
    )
    assert started.name.startswith("models/veo-3.1-generate-preview/operations/task_") and not started.done
    client = street.client()
    done = await until_done(client, started)
    (made,) = done.response.generated_videos
    assert await client.files.download(file=made.video) == FILM  # with the key in the header, as from Google
    asked = street.google.received[0].body
    file = {"bytesBase64Encoded": B64, "mimeType": "image/png"}
    assert asked["instances"] == [{"prompt": "a cat", "image": file, "lastFrame": file}]
    assert asked["parameters"] == {"aspectRatio": "16:9", "durationSeconds": 8, "resolution": "720p"}
    for _ in range(100):
        if (record := await street.house.record()).endpoint.endswith(":predictLongRunning"):
            break
        await asyncio.sleep(0.05)
    assert (record.status, record.measures.seconds) == (200, 8.0)


async def test_vertexs_clients_look_where_vertex_puts_it(street: Street) -> None:
    client = street.vertex
    started = await client.models.generate_videos(
        model="veo-3.1-generate-preview", source=types.GenerateVideosSource(prompt="a cat")
    )
    done = await until_done(client, started)
    (made,) = done.response.generated_videos
    async with aiohttp.ClientSession() as anybody, anybody.get(made.video.uri) as got:
        assert (got.status, await got.read()) == (200, FILM)
    task = await street.house.storage.task(started.name.rpartition("/")[2])
    assert task is not None and (task.seconds, task.cost_nano) == (8.0, 800_000_000)  # as long as Google makes them


async def test_any_dialect_shows_the_video(street: Street) -> None:
    video = await street.openai.videos.create(model="veo-3.1-generate-preview", prompt="a cat", seconds="8", size="720x1280")
    name = f"models/veo-3.1-generate-preview/operations/{video.id}"
    done = await until_done(street.client(), types.GenerateVideosOperation(name=name))
    assert done.response.generated_videos
    content = await street.openai.videos.download_content(video.id)
    assert content.content == FILM
    assert street.google.received[0].body["parameters"] == {
        "aspectRatio": "9:16", "durationSeconds": 8, "resolution": "720p",
    }  # fmt: skip


async def test_a_video_that_is_withheld_has_failed(street: Street) -> None:
    street.google.filtered = ["Celebrities cannot be shown."]
    started = await street.vertex.models.generate_videos(
        model="veo-3.1-generate-preview", source=types.GenerateVideosSource(prompt="x")
    )
    done = await until_done(street.client(), started)
    assert done.response.rai_media_filtered_reasons == ["Celebrities cannot be shown."]
    task = await street.house.storage.task(started.name.rpartition("/")[2])
    assert task is not None and (task.status, task.error_code, task.cost_nano) == ("failed", "content_policy", 0)


async def test_a_wrong_wish_is_refused_by_its_name(street: Street) -> None:
    source = types.GenerateVideosSource(prompt="x")
    for config, named in (
        (types.GenerateVideosConfig(duration_seconds=5), "seconds"),
        (types.GenerateVideosConfig(number_of_videos=3), "sampleCount"),
        (types.GenerateVideosConfig(aspect_ratio="wide"), "aspectRatio"),
        (types.GenerateVideosConfig(resolution="480p"), "resolution"),
    ):
        with pytest.raises(errors.ClientError, match=named) as refused:
            await street.vertex.models.generate_videos(model="veo-3.1-generate-preview", source=source, config=config)
        assert refused.value.code == 400
    async with street.http.get(street.house.url + "/v1beta/files/nothing:download") as got:
        assert got.status == 404 and (await got.json())["error"]["status"] == "NOT_FOUND"
    async with street.http.get(street.house.url + "/v1beta/models/veo/operations/task_0") as got:
        assert got.status == 404
