"""The customer's document, request by request as it is written there: Happyhorse, Seedance, three voices (S3-33 to S3-83)."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from sdk.scripted import Desk, open_desk

from pisces_proxy.media import wav
from pisces_proxy.task_bill import hold

pytestmark = pytest.mark.asyncio(loop_scope="module")
MOVIE = bytes(range(256)) * 8
VIDEOS = "/api/v1/services/aigc/video-generation/video-synthesis"
VOICES = "/api/v1/services/aigc/multimodal-generation/generation"
SEEDANCE = "/api/v3/contents/generations/tasks"
SOUND = wav(b"\x10\x00" * 24_000, 24_000)  # a second

T2V = """{
"model": "happyhorse-1.0-t2v",
"input": {
"prompt": "一匹白色小马在草原上奔跑,阳光明媚,电影感镜头"
},
"parameters": {
"resolution": "720P",
"duration": 5,
"ratio": "16:9",
"watermark": false
}
}"""
I2V = """{
"model": "happyhorse-1.0-i2v",
"input": {
"prompt": "让图片中的人物自然挥手,背景保持稳定",
"media": [
{
"type": "input_image",
"url": "https://example.com/input.jpg"
}
]
},
"parameters": {
"resolution": "720P",
"duration": 5,
"watermark": false
}
}"""
R2V = """{
"model": "happyhorse-1.0-r2v",
"input": {
"prompt": "[Image 1]中的人物向镜头挥手,保持人物特征一致",
"media": [
{
"type": "reference_image",
"url": "https://example.com/reference-1.jpg"
},
{
"type": "reference_image",
"url": "https://example.com/reference-2.jpg"
}
]
},
"parameters": {
"resolution": "720P",
"duration": 3,
"ratio": "16:9",
"watermark": false
}
}"""
EDIT = """{
"model": "happyhorse-1.0-video-edit",
"duration": 3,
"input": {
"prompt": "将视频调整为电影感暖色调,保持主体动作自然",
"media": [
{
"type": "video",
"url": "https://example.com/input.mp4"
}
]
},
"parameters": {
"resolution": "720P",
"watermark": false,
"audio_setting": "origin"
}
}"""
SHORT = {"resolution": "720P", "watermark": False}
HAPPYHORSES: dict[str, tuple[str, list[dict[str, str]], dict[str, Any], int]] = {
    "t2v": (T2V, [], {**SHORT, "duration": 5, "ratio": "16:9"}, 5),
    "i2v": (I2V, [{"type": "first_frame", "url": "https://example.com/input.jpg"}], {**SHORT, "duration": 5}, 5),
    "r2v": (
        R2V,
        [{"type": "reference_image", "url": f"https://example.com/reference-{n}.jpg"} for n in (1, 2)],
        {**SHORT, "duration": 3, "ratio": "16:9"},
        3,
    ),
    "video-edit": (EDIT, [{"type": "video", "url": "https://example.com/input.mp4"}], {**SHORT, "audio_setting": "origin"}, 3),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path_factory.mktemp("desk")) as desk:
        yield desk


@pytest.fixture
def desk(opened: Desk) -> Desk:
    opened.vendor.on.clear()
    opened.vendor.asked.clear()
    return opened


def told(status: str, usage: Any = None, **output: Any) -> dict[str, Any]:
    return {"request_id": "r", "output": {"task_id": "t-1", "task_status": status, **output}, "usage": usage or {}}


def makes_videos(desk: Desk, *polls: dict[str, Any]) -> None:
    desk.vendor.says(VIDEOS, told("PENDING"))
    desk.vendor.says("/api/v1/tasks/t-1", *polls)
    desk.vendor.says("/files/v.mp4", MOVIE, mime="video/mp4")


def done(desk: Desk, seconds: int) -> dict[str, Any]:
    usage = {"duration": seconds, "SR": 720, "video_count": 1}
    return told("SUCCEEDED", usage, video_url=f"{desk.vendor.origin}/files/v.mp4")


@pytest.mark.parametrize("name", HAPPYHORSES)
async def test_a_happyhorse_runs_as_the_document_says(desk: Desk, name: str) -> None:
    """S3-33 to S3-59"""
    body, media, parameters, seconds = HAPPYHORSES[name]
    makes_videos(desk, told("PENDING"), told("RUNNING"), done(desk, seconds))
    got, created = await desk.post("/v1/videos", body)
    assert got.status == 200
    assert created["id"] == created["task_id"] and re.fullmatch(r"task_[0-9A-Za-z]{32}", created["id"])
    assert (created["model"], created["status"]) == (json.loads(body)["model"], "queued")
    assert isinstance(created["created_at"], int)

    task = await desk.until_over(created["id"])
    [asked] = desk.asked(VIDEOS)
    assert asked.headers["x-dashscope-async"] == "enable" and asked.headers["authorization"] == "Bearer dashscope-key"
    said = {"prompt": json.loads(body)["input"]["prompt"], **({"media": media} if media else {})}
    assert asked.body == {"model": json.loads(body)["model"], "input": said, "parameters": parameters}

    _, answer = await desk.get(f"/v1/videos/{created['id']}")
    assert (answer["id"], answer["task_id"], answer["model"]) == (task.id, task.id, json.loads(body)["model"])
    assert (answer["status"], answer["progress"], answer["error"]) == ("completed", 100, None)
    got, film = await desk.get(answer["metadata"]["url"])
    assert (got.status, got.content_type, film) == (200, "video/mp4", MOVIE)
    assert (await desk.house.record()).cost_nano == seconds * 10**8  # a tenth of a dollar for a second of 720p


async def test_an_edit_is_held_at_what_the_client_says_and_billed_as_the_vendor_does(desk: Desk) -> None:
    """S3-49: three seconds are said, six are counted: what went in and what came out."""
    makes_videos(desk, done(desk, 6))
    _, created = await desk.post("/v1/videos", EDIT)
    task = await desk.house.storage.task(created["id"])
    assert task is not None and hold(task.request, task.ways) == 3 * 10**8
    await desk.until_over(created["id"])
    assert (await desk.house.record()).cost_nano == 6 * 10**8


async def test_a_video_that_is_refused_says_so_and_costs_nothing(desk: Desk) -> None:
    refused = told("FAILED", code="DataInspectionFailed", message="Output data may contain inappropriate content.")
    makes_videos(desk, told("RUNNING"), refused)
    _, created = await desk.post("/v1/videos", T2V)
    await desk.until_over(created["id"])
    _, answer = await desk.get(f"/v1/videos/{created['id']}")
    assert (answer["status"], answer["error"]["code"]) == ("failed", "content_policy")
    assert (await desk.house.record()).cost_nano == 0


async def test_a_video_that_was_forgotten_has_failed(desk: Desk) -> None:
    """S3-59: never `unknown`."""
    makes_videos(desk, told("UNKNOWN"))
    _, created = await desk.post("/v1/videos", T2V)
    await desk.until_over(created["id"])
    assert (await desk.get(f"/v1/videos/{created['id']}"))[1]["status"] == "failed"


async def test_an_error_under_a_200_ends_the_task_in_the_vendors_words(desk: Desk) -> None:
    desk.vendor.says(VIDEOS, {"code": "InvalidParameter", "message": "duration must be between 3 and 15", "request_id": "r"})
    _, created = await desk.post("/v1/videos", T2V)
    task = await desk.until_over(created["id"])
    assert (task.status, task.error_message) == ("failed", "duration must be between 3 and 15")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("./input.jpg", "path on your own machine"),
        ("~/input.jpg", "path on your own machine"),
        ("ftp://example.com/a.jpg", "not a URL"),
    ],
)
async def test_media_must_be_public_links(desk: Desk, url: str, said: str) -> None:
    """S3-50, S3-51"""
    got, answer = await desk.post("/v1/videos", I2V.replace("https://example.com/input.jpg", url))
    assert got.status == 400 and said in answer["error"]["message"] and not desk.vendor.asked


async def test_pictures_for_a_model_that_takes_none_are_refused_at_once(desk: Desk) -> None:
    got, answer = await desk.post("/v1/videos", I2V.replace("1.0-i2v", "1.0-t2v"))
    assert (got.status, answer["error"]["param"]) == (400, "input.media") and not desk.vendor.asked


async def test_what_is_left_away_of_a_request_stands_in_its_row(desk: Desk) -> None:
    makes_videos(desk, done(desk, 5))
    _, created = await desk.post("/v1/videos", I2V.replace('"duration": 5', '"duration": 5, "ratio": "16:9"'))
    await desk.until_over(created["id"])
    assert any(warning.startswith("ratio;dropped") for warning in (await desk.house.record()).warnings)


async def test_a_strict_client_is_told_what_would_be_lost_before_anything_is_made(desk: Desk) -> None:
    body = I2V.replace('"duration": 5', '"duration": 5, "ratio": "16:9"')
    headers = {"Pisces-Strict": "true", "Content-Type": "application/json"}
    async with desk.session.post(desk.house.url + "/v1/videos", data=body.encode(), headers=headers) as got:
        answer = await got.json()
    assert (got.status, answer["error"]["param"]) == (400, "ratio") and not desk.vendor.asked


# -- Seedance


async def test_seedance_runs_as_the_document_says(desk: Desk) -> None:
    """S3-60 to S3-72"""
    body = """{
"model": "doubao-seedance-2-0-260128",
"prompt": "一个中国男孩在挥舞一把宝剑",
"resolution": "720p",
"ratio": "16:9",
"duration": 4,
"generate_audio": false
}"""
    content = {"video_url": f"{desk.vendor.origin}/files/v.mp4"}
    usage = {"completion_tokens": 86400, "total_tokens": 86400}
    end = {"id": "cgt-1", "status": "succeeded", "content": content, "usage": usage, "resolution": "720p", "duration": 4}
    desk.vendor.says(SEEDANCE, {"id": "cgt-1"})
    desk.vendor.says(f"{SEEDANCE}/cgt-1", {"id": "cgt-1", "status": "queued"}, {"id": "cgt-1", "status": "running"}, end)
    desk.vendor.says("/files/v.mp4", MOVIE, mime="video/mp4")
    got, created = await desk.post("/v1/video/generations", body)
    assert got.status == 200 and created["id"] == created["task_id"] and created["status"] == "queued"
    await desk.until_over(created["id"])
    [asked] = desk.asked(SEEDANCE)
    assert asked.headers["authorization"] == "Bearer ark-key"
    assert asked.body == {
        "model": "doubao-seedance-2-0-260128",
        "content": [{"type": "text", "text": "一个中国男孩在挥舞一把宝剑"}],
        "resolution": "720p",
        "ratio": "16:9",
        "duration": 4,
        "watermark": False,
        "generate_audio": False,
    }
    _, answer = await desk.get(f"/v1/video/generations/{created['id']}")
    assert (answer["data"]["status"], answer["data"]["progress"]) == ("SUCCESS", "100%")
    _, film = await desk.get(answer["data"]["result_url"])
    assert film == MOVIE
    assert (await desk.house.record()).cost_nano == 86400 * 6000  # six dollars a million tokens


async def test_a_seedance_that_waits_is_taken_back_upstream(desk: Desk) -> None:
    desk.vendor.says(SEEDANCE, {"id": "cgt-1"})
    desk.vendor.says(f"{SEEDANCE}/cgt-1", {"id": "cgt-1", "status": "queued"})
    _, created = await desk.post("/v1/video/generations", {"model": "doubao-seedance-2-0-260128", "prompt": "x"})
    while not desk.asked(f"{SEEDANCE}/cgt-1"):
        await desk.get(f"/v1/video/generations/{created['id']}")
    async with desk.session.delete(f"{desk.house.url}/v1/videos/{created['id']}") as got:
        assert got.status == 200
    while not any(asked.method == "DELETE" for asked in desk.asked(f"{SEEDANCE}/cgt-1")):
        await desk.get(f"/v1/video/generations/{created['id']}")
    assert (await desk.get(f"/v1/videos/{created['id']}"))[1]["status"] == "cancelled"


# -- voices


def speaks(desk: Desk, characters: int = 18) -> None:
    output = {"finish_reason": "stop", "audio": {"data": "", "url": f"{desk.vendor.origin}/files/a.wav", "id": "a"}}
    desk.vendor.says(VOICES, {"output": output, "usage": {"characters": characters}, "request_id": "r"})
    desk.vendor.says("/files/a.wav", SOUND, mime="audio/x-wav")


def speaks_in_hex(desk: Desk, format: str = "mp3") -> None:
    facts = {"audio_length": 1000, "usage_characters": 18, "audio_format": format}
    fine = {"status_code": 0, "status_msg": "success"}
    answer = {"data": {"audio": SOUND.hex(), "status": 2}, "extra_info": facts, "base_resp": fine}
    desk.vendor.says("/v1/t2a_v2", answer)


@pytest.mark.parametrize("model", ["qwen3-tts-flash", "MiniMax/speech-2.8-turbo", "MiniMax/speech-2.8-hd"])
async def test_a_voice_speaks_as_the_document_says(desk: Desk, model: str) -> None:
    """S3-73 to S3-81"""
    speaks(desk)
    speaks_in_hex(desk)
    voice = "Cherry" if model.startswith("qwen") else "male-qn-qingse"
    body = f'{{\n"model": "{model}",\n"input": "你好,这是一个测试。",\n"voice": "{voice}"\n}}'
    got, sound = await desk.post("/v1/audio/speech", body)
    assert (got.status, sound) == (200, SOUND)
    assert got.content_type == ("audio/wav" if model.startswith("qwen") else "audio/mpeg")
    if model.startswith("qwen"):
        said = {"text": "你好,这是一个测试。", "voice": "Cherry", "language_type": "Auto"}
        assert desk.asked(VOICES)[0].body == {"model": model, "input": said}
    else:
        sent = desk.asked("/v1/t2a_v2")[0]
        assert sent.body["model"] == model.removeprefix("MiniMax/") and sent.body["text"] == "你好,这是一个测试。"
        assert sent.body["voice_setting"]["voice_id"] == "male-qn-qingse"
    record = await desk.house.record()
    assert (record.measures.characters, record.measures.seconds) == (18, 1.0)
    assert record.cost_nano == {"qwen3-tts-flash": 180_000, "MiniMax/speech-2.8-turbo": 1_080_000}.get(model, 0)


async def test_the_openai_sdk_hears_both_vendors(desk: Desk) -> None:
    speaks(desk)
    speaks_in_hex(desk, "wav")
    whole = await desk.sdk.audio.speech.create(model="qwen3-tts-flash", input="x", voice="Cherry", response_format="pcm")
    assert whole.content == SOUND[44:] and whole.response.headers["content-type"] == "audio/pcm"
    voice: Any = "male-qn-qingse"
    asking = desk.sdk.audio.speech.with_streaming_response.create(
        model="MiniMax/speech-2.8-hd", input="x", voice=voice, response_format="wav", speed=1.25
    )
    async with asking as streamed:
        assert await streamed.read() == SOUND
    assert desk.asked("/v1/t2a_v2")[0].body["voice_setting"]["speed"] == 1.25


async def test_a_format_that_a_voice_has_not_is_a_400_that_names_the_field(desk: Desk) -> None:
    """S3-79, S3-82"""
    asked = {"model": "qwen3-tts-flash", "input": "x", "voice": "Cherry", "response_format": "mp3"}
    got, answer = await desk.post("/v1/audio/speech", asked)
    assert (got.status, got.content_type, answer["error"]["param"]) == (400, "application/json", "response_format")
    assert not desk.vendor.asked


@pytest.mark.parametrize(
    ("code", "status"), [(1002, 429), (1004, 502), (1008, 503), (1026, 400), (1027, 400), (2013, 400), (1000, 502)]
)
async def test_minimaxs_errors_under_a_200_are_errors_for_the_client(desk: Desk, code: int, status: int) -> None:
    """S3-82"""
    for target in desk.house.gateway.world.routes.targets:
        target.rest.well()
        for _, rest in target.keys:
            rest.well()
    desk.vendor.says("/v1/t2a_v2", {"data": None, "base_resp": {"status_code": code, "status_msg": "no"}})
    got, answer = await desk.post("/v1/audio/speech", {"model": "MiniMax/speech-2.8-hd", "input": "x", "voice": "v"})
    assert (got.status, got.content_type) == (status, "application/json") and answer["error"]["message"]
    assert (await desk.house.record()).cost_nano == 0


async def test_qwens_refusal_reaches_the_sdk_as_one(desk: Desk) -> None:
    desk.vendor.says(VOICES, {"code": "InvalidParameter", "message": "Voice 'alloy' is not supported."}, status=400)
    with pytest.raises(openai.BadRequestError, match="not supported"):
        await desk.sdk.audio.speech.create(model="qwen3-tts-flash", input="x", voice="alloy")
