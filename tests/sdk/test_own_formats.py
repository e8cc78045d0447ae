"""Vendors asked in their own formats by clients of OpenAI's: pictures, videos, transcripts, ranks, through the gateway."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import openai
import pytest
import pytest_asyncio
from sdk.scripted import Desk, open_desk

from pisces_proxy.media import wav

pytestmark = pytest.mark.asyncio(loop_scope="module")
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
DRAWING = "/api/v1/services/aigc/multimodal-generation/generation"
FINE = {"status_code": 0, "status_msg": "success"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path_factory.mktemp("desk")) as desk:
        yield desk


@pytest.fixture
def desk(opened: Desk) -> Desk:
    opened.vendor.on.clear()
    opened.vendor.asked.clear()
    opened.vendor.says("/files/a.png", PNG, mime="image/png")
    opened.vendor.says("/files/v.mp4", b"movie", mime="video/mp4")
    return opened


def draws(desk: Desk) -> None:
    content = [{"image": f"{desk.vendor.origin}/files/a.png"}]
    choices = [{"finish_reason": "stop", "message": {"role": "assistant", "content": content}}]
    usage = {"image_count": 1, "width": 1328, "height": 1328}
    desk.vendor.says(DRAWING, {"output": {"choices": choices}, "usage": usage, "request_id": "r"})


# -- pictures


async def test_qwen_draws_for_the_openai_sdk_as_url_and_as_data(desk: Desk) -> None:
    draws(desk)
    images = await desk.sdk.images.generate(model="qwen-image-plus", prompt="a cat", size="1024x1024")
    assert images.data and images.data[0].url == f"{desk.vendor.origin}/files/a.png"
    [asked] = desk.asked(DRAWING)
    assert asked.headers["authorization"] == "Bearer dashscope-key"
    assert asked.body["parameters"] == {"watermark": False, "size": "1328*1328", "n": 1}
    record = await desk.house.record()
    assert record.cost_nano == 30_000_000 and record.measures.images[0].size == "1328x1328"
    data = await desk.sdk.images.generate(model="qwen-image-plus", prompt="a cat", response_format="b64_json")
    assert data.data and data.data[0].b64_json == base64.b64encode(PNG).decode()


async def test_two_pictures_of_a_model_that_draws_one_cost_two(desk: Desk) -> None:
    draws(desk)
    images = await desk.sdk.images.generate(model="qwen-image-plus", prompt="a cat", n=2)
    assert images.data and len(images.data) == 2 and len(desk.asked(DRAWING)) == 2
    assert (await desk.house.record()).cost_nano == 60_000_000


async def test_an_older_wan_draws_in_the_background_and_the_client_waits(desk: Desk) -> None:
    results = [{"url": f"{desk.vendor.origin}/files/a.png"}]
    desk.vendor.says("/api/v1/services/aigc/text2image/image-synthesis", {"output": {"task_id": "t", "task_status": "PENDING"}})
    desk.vendor.says("/api/v1/tasks/t", {"output": {"task_id": "t", "task_status": "SUCCEEDED", "results": results}})
    got, answer = await desk.post("/v1/images/generations", {"model": "wan2.5-t2i-preview", "prompt": "x", "style": "vivid"})
    assert got.status == 200 and answer["data"] == [{"url": f"{desk.vendor.origin}/files/a.png"}]
    assert "style" in got.headers["x-pisces-warnings"]
    _, created = await desk.post("/v1/images/tasks", {"model": "wan2.5-t2i-preview", "prompt": "x", "resolution": "1K"})
    task = await desk.until_over(created["task_id"])
    assert (task.status, len(task.assets)) == ("completed", 1)


async def test_seedream_edits_an_upload(desk: Desk) -> None:
    path = "/api/v3/images/generations"
    usage = {"generated_images": 1, "output_tokens": 9, "total_tokens": 9}
    desk.vendor.says(
        path, {"data": [{"b64_json": base64.b64encode(PNG).decode(), "size": "1x1"}], "created": 5, "usage": usage}
    )
    images = await desk.sdk.images.edit(
        model="doubao-seedream-4-5-251128", image=("a.png", PNG, "image/png"), prompt="a hat", response_format="b64_json"
    )
    assert images.data and images.data[0].b64_json == base64.b64encode(PNG).decode() and images.created == 5
    [asked] = desk.asked(path)
    assert asked.body["image"] == "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert asked.body["watermark"] is False and asked.body["response_format"] == "b64_json"


async def test_a_refused_prompt_is_a_400_for_the_sdk(desk: Desk) -> None:
    desk.vendor.says(DRAWING, {"code": "DataInspectionFailed", "message": "Input data may contain inappropriate content."})
    with pytest.raises(openai.BadRequestError) as raised:
        await desk.sdk.images.generate(model="qwen-image-plus", prompt="x")
    assert raised.value.code == "content_policy_violation"


# -- videos


@pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")  # the SDK's word about one vendor; the format lives on
async def test_hailuo_makes_a_video_for_the_openai_sdk(desk: Desk) -> None:
    desk.vendor.says("/v1/video_generation", {"task_id": "176", "base_resp": FINE})
    looking = {"task_id": "176", "status": "Processing", "file_id": "", "base_resp": FINE}
    done = {**looking, "status": "Success", "file_id": "205", "video_width": 1366, "video_height": 768}
    desk.vendor.says("/v1/query/video_generation", looking, done)
    file = {"file_id": 205, "download_url": f"{desk.vendor.origin}/files/v.mp4"}
    desk.vendor.says("/v1/files/retrieve", {"file": file, "base_resp": FINE})
    model: Any = "MiniMax-Hailuo-2.3"
    seconds: Any = "6"
    created = await desk.sdk.videos.create(model=model, prompt="a horse", seconds=seconds, size="1280x720")
    await desk.until_over(created.id)
    [asked] = desk.asked("/v1/video_generation")
    told = {"model": "MiniMax-Hailuo-2.3", "prompt": "a horse", "aigc_watermark": False, "duration": 6, "resolution": "768P"}
    assert asked.body == told
    video = await desk.sdk.videos.retrieve(created.id)
    assert (video.status, video.size) == ("completed", "1366x768")
    assert (await desk.sdk.videos.download_content(created.id)).content == b"movie"
    assert any(warning.startswith("resolution;changed") for warning in (await desk.house.record()).warnings)


async def test_hailuos_refusal_under_a_200_ends_the_task(desk: Desk) -> None:
    desk.vendor.says("/v1/video_generation", {"task_id": "", "base_resp": {"status_code": 1026, "status_msg": "new_sensitive"}})
    _, created = await desk.post("/v1/videos", {"model": "MiniMax-Hailuo-2.3", "prompt": "x"})
    task = await desk.until_over(created["id"])
    assert (task.status, task.error_code) == ("failed", "content_policy")


async def test_cogvideox_makes_a_video_with_a_cover(desk: Desk) -> None:
    base = "/api/paas/v4"
    desk.vendor.says(f"{base}/videos/generations", {"id": "88", "model": "cogvideox-3", "task_status": "PROCESSING"})
    film = {"url": f"{desk.vendor.origin}/files/v.mp4", "cover_image_url": f"{desk.vendor.origin}/files/a.png"}
    desk.vendor.says(
        f"{base}/async-result/88", {"task_status": "PROCESSING"}, {"task_status": "SUCCESS", "video_result": [film]}
    )
    asked = {"model": "cogvideox-3", "prompt": "x", "resolution": "1080p", "aspect_ratio": "9:16", "duration_seconds": 5}
    _, created = await desk.post("/v1/videos/tasks", asked)
    await desk.until_over(created["task_id"])
    [sent] = desk.asked(f"{base}/videos/generations")
    assert (sent.body["size"], sent.body["duration"], sent.body["watermark_enabled"]) == ("1080x1920", 5, False)
    assert sent.body["request_id"] == created["task_id"]
    got, cover = await desk.get(f"/v1/videos/{created['task_id']}/content?variant=thumbnail")
    assert (got.status, cover) == (200, PNG)


async def test_cogview_is_asked_as_openai_is(desk: Desk) -> None:
    path = "/api/paas/v4/images/generations"
    desk.vendor.says(path, {"created": 5, "data": [{"url": f"{desk.vendor.origin}/files/a.png"}]})
    images = await desk.sdk.images.generate(model="cogview-4", prompt="x", size="1024x1024")
    assert images.data and images.data[0].url and desk.asked(path)[0].body["size"] == "1024x1024"


# -- texts


async def test_qwen_hears_an_upload_of_the_openai_sdk(desk: Desk) -> None:
    message = {"role": "assistant", "content": [{"text": "Good morning."}], "annotations": [{"language": "en"}]}
    desk.vendor.says(DRAWING, {"output": {"choices": [{"message": message}]}, "usage": {"seconds": 2}, "request_id": "r"})
    sound = wav(b"\x10\x00" * 32_000, 16_000)
    heard = await desk.sdk.audio.transcriptions.create(
        model="qwen3-asr-flash", file=("a.wav", sound, "audio/wav"), language="en"
    )
    assert heard.text == "Good morning." and (await desk.house.record()).measures.seconds == 2.0
    [asked] = desk.asked(DRAWING)
    content = asked.body["input"]["messages"][-1]["content"]
    assert content == [{"audio": "data:audio/wav;base64," + base64.b64encode(sound).decode()}]


async def test_long_sound_goes_by_url_and_an_upload_is_told_so(desk: Desk) -> None:
    desk.vendor.says("/api/v1/services/audio/asr/transcription", {"output": {"task_id": "t", "task_status": "PENDING"}})
    results = [{"file_url": "x", "transcription_url": f"{desk.vendor.origin}/files/t.json", "subtask_status": "SUCCEEDED"}]
    desk.vendor.says("/api/v1/tasks/t", {"output": {"task_id": "t", "task_status": "SUCCEEDED", "results": results}})
    sentence = {"begin_time": 0, "end_time": 1500, "text": "Good morning."}
    desk.vendor.says("/files/t.json", {"transcripts": [{"text": "Good morning.", "sentences": [sentence]}]})
    asked = {"model": "fun-asr", "url": "https://example.com/long.mp3", "response_format": "srt"}
    got, text = await desk.post("/v1/audio/transcriptions", asked)
    assert (got.status, text) == (200, b"1\n00:00:00,000 --> 00:00:01,500\nGood morning.\n\n")
    form = aiohttp.FormData({"model": "fun-asr"})
    form.add_field("file", b"ID3sound", filename="a.mp3", content_type="audio/mpeg")
    async with desk.session.post(f"{desk.house.url}/v1/audio/transcriptions", data=form) as refused:
        answer = await refused.json()
    assert (refused.status, answer["error"]["param"]) == (400, "file") and "as `url`" in answer["error"]["message"]


async def test_both_rankers_of_dashscope_rank(desk: Desk) -> None:
    old, new = "/api/v1/services/rerank/text-rerank/text-rerank", "/compatible-api/v1/reranks"
    results = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.2}]
    desk.vendor.says(old, {"output": {"results": results}, "usage": {"total_tokens": 7}, "request_id": "r"})
    desk.vendor.says(new, {"object": "list", "results": results, "model": "qwen3-rerank", "usage": {"total_tokens": 7}})
    for model, path in (("gte-rerank-v2", old), ("qwen3-rerank", new)):
        asked = {"model": model, "query": "q", "documents": ["a", "b"], "return_documents": True}
        got, answer = await desk.post("/v1/rerank", asked)
        assert got.status == 200 and [hit["index"] for hit in answer["results"]] == [1, 0]
        assert len(desk.asked(path)) == 1 and (await desk.house.record()).usage.input == 7
