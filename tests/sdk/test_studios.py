"""Studios that draw and speak in formats of their own, asked by OpenAI's SDK through the gateway over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from aiohttp import web
from media.vendor import Asked
from sdk.studios import B64, FAL, FAST, FLUX, KEYS, PNG, Stage, emptied, open_stage, queue

from pisces_proxy.media import wav

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path_factory.mktemp("studios")) as stage:
        yield stage


@pytest.fixture
def stage(opened: Stage) -> Stage:
    return emptied(opened)


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


async def test_pieces_that_are_paid_for_are_not_made_again_elsewhere(stage: Stage) -> None:
    """The second of three tasks fails: what the others cost would be paid twice on another channel."""
    origin = stage.vendor.origin
    ready = {"id": "t", "status": "Ready", "result": {"sample": f"{origin}/files/a.png"}}
    flux(stage, ready, {"id": "t", "status": "Error", "details": {"error": "Out of memory"}}, ready)
    with pytest.raises(openai.InternalServerError, match="Out of memory"):
        await stage.sdk.images.generate(model="FLUX-pro-1.1", prompt="a cat", n=3)
    record = await stage.house.record()
    assert len(stage.asked(FLUX)) == 3 and len(record.attempts) == 1 and record.cost_nano == 0


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
