"""Studios with formats of their own, asked by OpenAI's SDK through the gateway over real sockets."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import openai
import pytest
import pytest_asyncio
from aiohttp import web
from gateways import House, open_house
from media.vendor import Asked, Vendor

from pisces_proxy.media import wav
from pisces_proxy.task import Task
from pisces_proxy.task_steps import Pace

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
]
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
B64 = base64.b64encode(PNG).decode()
MOVIE = bytes(range(256)) * 20
FLUX, FAL, FAST = "/v1/flux-pro-1.1", "/fal-ai/flux/dev", "/v1/models/black-forest-labs/flux-1.1-pro/predictions"
KEYS = {
    "bfl": "bfl-key",
    "fal": "fal-key",
    "replicate": "r8-key",
    "kling": "AK:SK",
    "elevenlabs": "eleven-key",
    "xai": "xai-key",
}
CHANNELS = """
[[channel]]
name = "bfl"
provider = "bfl"
key = "bfl-key"
base_url = "{origin}/v1"
models = ["FLUX-pro-1.1", "flux-kontext-pro"]

[[channel]]
name = "fal"
provider = "fal"
key = "fal-key"
base_url = "{origin}"
models = {{ "flux-dev" = "fal-ai/flux/dev", "veo" = "fal-ai/veo3" }}

[[channel]]
name = "replicate"
provider = "replicate"
key = "r8-key"
base_url = "{origin}/v1"
models = {{ "flux-fast" = "black-forest-labs/flux-1.1-pro" }}

[[channel]]
name = "kling"
provider = "kling"
key = "AK:SK"
base_url = "{origin}/v1"
models = ["kling-v2-1"]

[[channel]]
name = "elevenlabs"
provider = "elevenlabs"
key = "eleven-key"
base_url = "{origin}/v1"
models = ["eleven_multilingual_v2", "scribe_v1"]

[[channel]]
name = "xai"
provider = "xai"
key = "xai-key"
base_url = "{origin}/v1"
models = ["grok-imagine-video"]

[[channel]]
name = "siliconflow"
provider = "siliconflow"
key = "silicon-key"
base_url = "{origin}/v1"
models = ["Wan-AI/Wan2.2-T2V-A14B"]

[price."FLUX-pro-1.1"]
per_image = 0.04
[price."kling-v2-1"]
per_second = 0.1
[price."eleven_multilingual_v2"]
per_million_characters = 100
[price."scribe_v1"]
per_second = 0.001
"""


@dataclass
class Stage:
    house: House
    vendor: Vendor
    sdk: openai.AsyncOpenAI
    http: aiohttp.ClientSession

    async def open(self, url: str) -> tuple[int, str, bytes]:
        """What anybody gets who has the URL."""
        async with self.http.get(url) as got:
            return got.status, got.content_type, await got.read()

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.house.key}"}
        async with self.http.post(self.house.url + path, json=body, headers=headers) as got:
            return got.status, await got.json()

    async def over(self, id: str) -> Task:
        end = time.monotonic() + 15
        while True:
            task = await self.house.storage.task(id)
            assert task is not None and time.monotonic() < end, task
            if task.over:
                return task
            await asyncio.sleep(0.02)

    def asked(self, path: str, method: str = "POST") -> list[Asked]:
        return [asked for asked in self.vendor.asked if (asked.path, asked.method) == (path, method)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(Vendor().listening())
        channels = CHANNELS.format(origin=vendor.origin)
        folder = tmp_path_factory.mktemp("studios")
        house = await stack.enter_async_context(open_house(folder, channels, server="fetch_private = true"))
        house.gateway.work.engine.steps.pace = Pace(tick=0.02, speed=0.01, busy=())
        http = await stack.enter_async_context(aiohttp.ClientSession())
        sdk = openai.AsyncOpenAI(api_key=house.key, base_url=house.url + "/v1", max_retries=0)
        yield Stage(house, vendor, await stack.enter_async_context(sdk), http)


@pytest.fixture
def stage(opened: Stage) -> Stage:
    vendor = opened.vendor
    vendor.on.clear()
    vendor.asked.clear()
    vendor.says("/files/a.png", PNG, mime="image/png")
    vendor.says("/files/v.mp4", MOVIE, mime="video/mp4")
    return opened


def flux(stage: Stage, *looks: dict[str, Any], path: str = FLUX) -> None:
    origin = stage.vendor.origin
    ready = {"id": "t", "status": "Ready", "result": {"sample": f"{origin}/files/a.png"}}
    stage.vendor.says(path, {"id": "t", "polling_url": f"{origin}/eu/v1/get_result?id=t"})
    stage.vendor.says("/eu/v1/get_result", *(looks or ({"id": "t", "status": "Pending"}, ready)))


# -- Black Forest Labs


async def test_flux_comes_by_a_url_that_lasts(stage: Stage) -> None:
    """S1-17, S1-46: `data[0].url`. The vendor's own URL is gone after ten minutes."""
    flux(stage)
    images = await stage.sdk.images.generate(model="FLUX-pro-1.1", prompt="a cat", size="1024x1024")
    assert images.data is not None and images.data[0].url is not None and images.data[0].b64_json is None
    assert images.data[0].url.startswith(f"{stage.house.url}/v1/media/")
    assert await stage.open(images.data[0].url) == (200, "image/png", PNG)
    [asked] = stage.asked(FLUX)
    assert asked.headers["x-key"] == KEYS["bfl"] and asked.body == {"prompt": "a cat", "width": 1024, "height": 1024}
    record = await stage.house.record()
    assert (record.status, record.upstream_protocol, record.cost_nano) == (200, "bfl.images", 40_000_000)
    assert record.measures.images[0].size == "1024x1024" and not record.usage.estimated


async def test_flux_comes_as_data_where_that_is_wanted(stage: Stage) -> None:
    flux(stage)
    images = await stage.sdk.images.generate(model="FLUX-pro-1.1", prompt="a cat", response_format="b64_json")
    assert images.data is not None and (images.data[0].b64_json, images.data[0].url) == (B64, None)


async def test_several_pictures_are_several_tasks(stage: Stage) -> None:
    """S1-44: n from 1 to 4, of a vendor whose task draws one."""
    flux(stage, {"id": "t", "status": "Ready", "result": {"sample": f"{stage.vendor.origin}/files/a.png"}})
    images = await stage.sdk.images.generate(model="FLUX-pro-1.1", prompt="a cat", n=3)
    assert images.data is not None and len(images.data) == 3 and len(stage.asked(FLUX)) == 3
    assert (await stage.house.record()).cost_nano == 120_000_000


async def test_kontext_edits_a_picture(stage: Stage) -> None:
    """S2-9."""
    flux(stage, path="/v1/flux-kontext-pro")
    images = await stage.sdk.images.edit(
        model="flux-kontext-pro", image=("a.png", PNG, "image/png"), prompt="a hat", size="1024x1024"
    )
    assert images.data is not None and images.data[0].url is not None
    [asked] = stage.asked("/v1/flux-kontext-pro")
    assert asked.body == {"prompt": "a hat", "aspect_ratio": "1:1", "input_image": B64}


async def test_a_prompt_that_is_moderated_is_the_clients_to_change(stage: Stage) -> None:
    flux(stage, {"id": "t", "status": "Request Moderated", "details": {"Moderation Reasons": ["Safety Filter"]}})
    with pytest.raises(openai.BadRequestError, match="Safety Filter"):
        await stage.sdk.images.generate(model="FLUX-pro-1.1", prompt="...")
    assert (await stage.house.record()).cost_nano == 0


async def test_flux_is_a_task_too_and_its_file_is_kept(stage: Stage) -> None:
    """S4: the slow door; what the vendor throws away is kept at once."""
    flux(stage)
    status, told = await stage.post("/v1/images/tasks", {"model": "FLUX-pro-1.1", "prompt": "a cat", "style": "vivid"})
    assert status == 202
    task = await stage.over(told["task_id"])
    assert task.status == "completed" and stage.vendor.count("/files/a.png") == 1
    assert [loss.field for loss in task.losses] == ["style"]
    stage.vendor.says("/files/a.png", b"gone", status=404)
    assert await stage.open(task.assets[0].url) == (200, "image/png", PNG)
    status, told = await stage.post("/v1/images/tasks", {"model": "FLUX-pro-1.1", "prompt": "a cat", "n": 2})
    assert (status, told["error"]["param"]) == (400, "n")


# -- fal, Replicate


def queue(stage: Stage, path: str, answer: dict[str, Any], **ended: Any) -> None:
    here = f"{stage.vendor.origin}{path}/requests/42"
    urls = {"status_url": here + "/status", "response_url": here, "cancel_url": here + "/cancel"}
    stage.vendor.says(path, {"request_id": "42", **urls})
    stage.vendor.says(f"{path}/requests/42/status", {"status": "IN_QUEUE"}, {"status": "COMPLETED", **ended})
    stage.vendor.says(f"{path}/requests/42", answer)


async def test_fal_draws(stage: Stage) -> None:
    url = f"{stage.vendor.origin}/files/a.png"
    queue(stage, FAL, {"images": [{"url": url, "width": 1024, "height": 1024}] * 2})
    images = await stage.sdk.images.generate(
        model="flux-dev", prompt="a cat", n=2, size="1024x1024", extra_body={"guidance_scale": 3}
    )
    assert images.data is not None and [image.url for image in images.data] == [url, url]
    [asked] = stage.asked(FAL)
    assert asked.headers["authorization"] == f"Key {KEYS['fal']}"
    size = {"width": 1024, "height": 1024}
    assert asked.body == {"prompt": "a cat", "image_size": size, "num_images": 2, "guidance_scale": 3}


async def test_a_refusal_of_fal_at_the_very_end_is_told(stage: Stage) -> None:
    queue(stage, FAL, {})
    flagged = {"detail": [{"loc": ["body", "prompt"], "msg": "The prompt was flagged.", "type": "content_policy_violation"}]}
    stage.vendor.says(f"{FAL}/requests/42", flagged, status=422)
    with pytest.raises(openai.BadRequestError, match="flagged"):
        await stage.sdk.images.generate(model="flux-dev", prompt="...")


async def test_fal_makes_videos(stage: Stage) -> None:
    queue(stage, "/fal-ai/veo3", {"video": {"url": f"{stage.vendor.origin}/files/v.mp4", "content_type": "video/mp4"}})
    made = await stage.sdk.videos.create(model="veo", prompt="a river", seconds="8", size="1280x720")
    assert (await stage.over(made.id)).status == "completed"
    assert (await stage.sdk.videos.download_content(made.id)).content == MOVIE
    [asked] = stage.asked("/fal-ai/veo3")
    assert asked.body == {"prompt": "a river", "aspect_ratio": "16:9", "resolution": "720p", "duration": "8s"}


async def test_replicate_draws(stage: Stage) -> None:
    output = [f"{stage.vendor.origin}/files/a.png"]
    stage.vendor.says(FAST, {"id": "p1", "status": "starting"}, status=201)
    stage.vendor.says(
        "/v1/predictions/p1", {"id": "p1", "status": "processing"}, {"id": "p1", "status": "succeeded", "output": output}
    )
    images = await stage.sdk.images.generate(model="flux-fast", prompt="a cat", size="1792x1024")
    assert images.data is not None and images.data[0].url is not None
    assert (await stage.open(images.data[0].url))[2] == PNG
    [asked] = stage.asked(FAST)
    assert asked.headers["authorization"] == f"Bearer {KEYS['replicate']}"
    assert asked.body == {"input": {"prompt": "a cat", "aspect_ratio": "16:9"}}


async def test_work_that_nobody_waits_for_is_called_off(stage: Stage) -> None:
    stage.vendor.says(FAST, {"id": "p1", "status": "starting"}, status=201)
    stage.vendor.says("/v1/predictions/p1", {"id": "p1", "status": "processing"})
    stage.vendor.says("/v1/predictions/p1/cancel", {"id": "p1", "status": "canceled"})
    with pytest.raises(openai.APITimeoutError):
        await stage.sdk.images.generate(model="flux-fast", prompt="a cat", timeout=1.2)
    for _ in range(100):
        if stage.asked("/v1/predictions/p1/cancel"):
            break
        await asyncio.sleep(0.05)
    assert len(stage.asked("/v1/predictions/p1/cancel")) == 1


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


# -- ElevenLabs

VOICE = "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM"


async def test_elevenlabs_speaks(stage: Stage) -> None:
    async def sound(asked: Asked, request: web.Request) -> web.StreamResponse:
        assert request.query["output_format"] == "mp3_44100_128"
        return web.Response(body=b"ID3sound", headers={"Content-Type": "audio/mpeg", "character-cost": "12"})

    stage.vendor.on[VOICE] = sound
    answer = await stage.sdk.audio.speech.create(model="eleven_multilingual_v2", voice="rachel", input="Hello there.")
    assert answer.content == b"ID3sound" and answer.response.headers["content-type"] == "audio/mpeg"
    [asked] = stage.asked(VOICE)
    assert asked.headers["xi-api-key"] == KEYS["elevenlabs"]
    record = await stage.house.record()
    assert (record.measures.characters, record.cost_nano, record.usage.estimated) == (12, 1_200_000, False)


async def test_elevenlabs_refuses_in_words_and_never_in_sound(stage: Stage) -> None:
    told = {"detail": {"status": "voice_not_found", "message": "A voice with the voice_id x was not found."}}
    stage.vendor.says("/v1/text-to-speech/nobody", told, status=404)
    with pytest.raises(openai.BadRequestError, match="voice_id") as caught:
        await stage.sdk.audio.speech.create(model="eleven_multilingual_v2", voice="nobody", input="Hello")
    assert caught.value.param == "voice"


HEARD = {
    "language_code": "eng",
    "text": "Hello there. Goodbye.",
    "words": [
        {"text": "Hello", "start": 0.0, "end": 0.4, "type": "word"},
        {"text": " ", "start": 0.4, "end": 0.5, "type": "spacing"},
        {"text": "there.", "start": 0.5, "end": 0.9, "type": "word"},
        {"text": " ", "start": 0.9, "end": 1.0, "type": "spacing"},
        {"text": "Goodbye.", "start": 1.0, "end": 1.5, "type": "word"},
    ],
}


async def test_scribe_listens(stage: Stage) -> None:
    stage.vendor.says("/v1/speech-to-text", HEARD)
    file = ("a.wav", wav(b"\0\0" * 16_000, 8_000), "audio/wav")  # two seconds
    heard = await stage.sdk.audio.transcriptions.create(
        model="scribe_v1", file=file, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert heard.text == "Hello there. Goodbye." and heard.duration == 2.0
    assert [segment.text for segment in heard.segments or ()] == ["Hello there.", "Goodbye."]
    assert [word.word for word in heard.words or ()] == ["Hello", "there.", "Goodbye."]
    [asked] = stage.asked("/v1/speech-to-text")
    assert b'name="model_id"\r\n\r\nscribe_v1' in asked.raw and file[1] in asked.raw
    assert (await stage.house.record()).cost_nano == 2_000_000
    subtitles = await stage.sdk.audio.transcriptions.create(model="scribe_v1", file=file, response_format="srt")
    assert str(subtitles).startswith("1\n00:00:00,000 --> 00:00:00,900\nHello there.")
