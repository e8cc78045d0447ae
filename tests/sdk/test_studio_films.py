"""Studios that film in formats of their own, asked by OpenAI's SDK through the gateway over real sockets."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from media.vendor import Asked
from sdk.studios import B64, MOVIE, PNG, Stage, emptied, open_stage, queue

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path_factory.mktemp("studios")) as stage:
        yield stage


@pytest.fixture
def stage(opened: Stage) -> Stage:
    return emptied(opened)


async def test_fal_makes_videos(stage: Stage) -> None:
    queue(stage, "/fal-ai/veo3", {"video": {"url": f"{stage.vendor.origin}/files/v.mp4", "content_type": "video/mp4"}})
    made = await stage.sdk.videos.create(model="veo", prompt="a river", seconds="8", size="1280x720")
    assert (await stage.over(made.id)).status == "completed"
    assert (await stage.sdk.videos.download_content(made.id)).content == MOVIE
    [asked] = stage.asked("/fal-ai/veo3")
    assert asked.body == {"prompt": "a river", "aspect_ratio": "16:9", "resolution": "720p", "duration": "8s"}


# -- Kling


def kling(status: str, **data: Any) -> dict[str, Any]:
    return {"code": 0, "message": "SUCCEED", "data": {"task_id": "831", "task_status": status, **data}}


def filmed(stage: Stage) -> dict[str, Any]:
    return kling("succeed", task_result={"videos": [{"id": "v", "url": f"{stage.vendor.origin}/files/v.mp4", "duration": "5"}]})


async def test_kling_animates_a_picture(stage: Stage) -> None:
    stage.vendor.says("/v1/videos/image2video", kling("submitted"))
    stage.vendor.says("/v1/videos/image2video/831", kling("processing"), filmed(stage))
    reference = ("a.png", PNG, "image/png")
    made = await stage.sdk.videos.create(
        model="kling-v2-1", prompt="it moves", input_reference=reference, extra_body={"seconds": "5"}
    )
    task = await stage.over(made.id)
    assert (task.status, task.state["kind"], task.seconds) == ("completed", "image2video", 5.0)
    assert (await stage.sdk.videos.download_content(made.id)).content == MOVIE
    [asked] = stage.asked("/v1/videos/image2video")
    assert asked.body == {
        "model_name": "kling-v2-1",
        "image": B64,
        "prompt": "it moves",
        "duration": "5",
        "external_task_id": made.id,
    }
    head, claims, _ = asked.headers["authorization"].removeprefix("Bearer ").split(".")
    assert (
        json.loads(base64.b64decode(claims + "=="))["iss"] == "AK"
        and json.loads(base64.b64decode(head + "=="))["alg"] == "HS256"
    )
    assert task.cost_nano == 500_000_000


async def test_a_submission_to_kling_that_was_lost_is_found_by_our_id(stage: Stage) -> None:
    async def lost(asked: Asked, request: web.Request) -> web.StreamResponse:
        stage.vendor.says(f"/v1/videos/text2video/{asked.body['external_task_id']}", filmed(stage))
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    stage.vendor.on["/v1/videos/text2video"] = lost
    stage.vendor.says("/v1/videos/text2video/831", filmed(stage))
    made = await stage.sdk.videos.create(model="kling-v2-1", prompt="a river")
    task = await stage.over(made.id)
    assert (task.status, task.state) == ("completed", {"kind": "text2video", "id": "831"})
    assert len(stage.asked("/v1/videos/text2video")) == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"code": 1301, "message": "Content security policy"}, "content_policy"),
        ({"code": 1201, "message": "duration is invalid"}, "invalid_request"),
        ({"code": 1101, "message": "Account in arrears"}, "no_channel"),
    ],
)
async def test_a_refusal_inside_a_200_ends_the_task(stage: Stage, answer: dict[str, Any], code: str) -> None:
    stage.vendor.says("/v1/videos/text2video", answer)
    made = await stage.sdk.videos.create(model="kling-v2-1", prompt="...")
    task = await stage.over(made.id)
    assert (task.status, task.error_code, task.cost_nano) == ("failed", code, 0)
    assert "arrears" not in task.error_message


# -- Grok Imagine, SiliconFlow


async def test_grok_films(stage: Stage) -> None:
    done = {"status": "done", "video": {"url": f"{stage.vendor.origin}/files/v.mp4", "duration": 6}, "progress": 100}
    stage.vendor.says("/v1/videos/generations", {"request_id": "r1"})
    stage.vendor.says("/v1/videos/r1", {"status": "pending", "progress": 5}, done)
    made = await stage.sdk.videos.create(model="grok-imagine-video", prompt="a wave", extra_body={"seconds": "6"})
    assert (await stage.over(made.id)).seconds == 6.0
    assert stage.asked("/v1/videos/generations")[0].body == {"model": "grok-imagine-video", "prompt": "a wave", "duration": 6}
    assert (await stage.sdk.videos.download_content(made.id)).content == MOVIE


async def test_siliconflow_films(stage: Stage) -> None:
    stage.vendor.says("/v1/video/submit", {"requestId": "r1"})
    videos = {"videos": [{"url": f"{stage.vendor.origin}/files/v.mp4"}]}
    stage.vendor.says("/v1/video/status", {"status": "InQueue"}, {"status": "Succeed", "results": videos})
    made = await stage.sdk.videos.create(model="Wan-AI/Wan2.2-T2V-A14B", prompt="a wave", size="1280x720")
    assert (await stage.over(made.id)).status == "completed"
    assert stage.asked("/v1/video/status")[0].body == {"requestId": "r1"}
