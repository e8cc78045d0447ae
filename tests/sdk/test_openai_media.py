"""The official OpenAI SDK for images and sound, through the gateway, over real sockets."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import openai
import pytest
import pytest_asyncio
from gateways import House, open_house
from openai import AsyncOpenAI
from upstreams.openai_media import B64, PNG, TEXT, MediaVendor, Refusal

from pisces_proxy.media import wav

pytestmark = pytest.mark.asyncio(loop_scope="module")
SOUND = wav(b"\x10\x00" * 16_000, 8_000)  # two seconds


@dataclass
class Studio:
    house: House
    vendor: MediaVendor
    client: AsyncOpenAI

    async def priced(self) -> Any:
        return await self.house.record()


def channel(vendor: MediaVendor, name: str, provider: str, *models: str, more: str = "") -> str:
    rows = ", ".join(f'"{model}"' for model in models)
    return f"""
[[channel]]
name = "{name}"
provider = "{provider}"
key = "upstream-key"
base_url = "{vendor.origin}/v1"
models = [{rows}]
{more}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Studio]:
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(MediaVendor())
        channels = [
            channel(
                vendor,
                "openai",
                "openai",
                "gpt-image-1",
                "gpt-image-2",
                "dall-e-2",
                "dall-e-3",
                "tts-1",
                "gpt-4o-mini-tts",
                "whisper-1",
                "gpt-4o-transcribe",
            ),
            channel(vendor, "poe", "poe", "playground-v3", "GPT-Image-1", "GPT-4o"),
            channel(vendor, "groq", "groq", "whisper-large-v3", "playai-tts"),
        ]
        house = await stack.enter_async_context(open_house(tmp_path_factory.mktemp("studio"), *channels))
        client = await stack.enter_async_context(AsyncOpenAI(api_key=house.key, base_url=house.url + "/v1", max_retries=0))
        yield Studio(house, vendor, client)


@pytest.fixture
def studio(opened: Studio) -> Studio:
    vendor = opened.vendor
    vendor.fails = vendor.apology = None
    vendor.cut = False
    vendor.received.clear()
    return opened


# -- images --------------------------------------------------------------------------------------------------------------


async def test_an_image_comes_as_data(studio: Studio) -> None:
    answer = await studio.client.images.generate(model="gpt-image-2", prompt="a cat", size="1024x1024", quality="hd", n=2)
    assert answer.data is not None and [item.b64_json for item in answer.data] == [B64, B64]
    assert answer.usage is not None and answer.usage.output_tokens == 272
    assert studio.vendor.last.fields == {
        "model": "gpt-image-2",
        "prompt": "a cat",
        "size": "1024x1024",
        "quality": "high",
        "n": 2,
    }
    record = await studio.priced()
    assert (record.status, record.endpoint, record.usage.output) == (200, "POST /v1/images/generations", 272)


async def test_an_image_comes_by_url_where_the_model_gives_urls(studio: Studio) -> None:
    answer = await studio.client.images.generate(model="dall-e-3", prompt="a cat", response_format="url")
    assert answer.data is not None and answer.data[0].url and answer.data[0].b64_json is None


async def test_playground_v3_answers_with_a_url(studio: Studio) -> None:
    """S0-47: an image model behind a chat."""
    answer = await studio.client.images.generate(model="playground-v3", prompt="a cat", n=1)
    assert answer.data is not None and answer.data[0].url == f"{studio.vendor.origin}/files/a.png"
    assert studio.vendor.last.fields["stream"] is False
    assert (await studio.priced()).upstream_protocol == "openai.chat-images"


async def test_gpt_image_1_edits_a_list_of_files(studio: Studio) -> None:
    """S0-48: a list of one goes as `image[]`; the prompt has Chinese quotation marks."""
    file = ("in.png", PNG, "image/png")
    answer = await studio.client.images.edit(model="gpt-image-1", image=[file], prompt="给这只猫戴上“帽子”", n=1)
    assert answer.data is not None and answer.data[0].b64_json == B64
    assert studio.vendor.last.fields["prompt"] == "给这只猫戴上“帽子”"
    assert [(name, filename, data) for name, filename, _, data in studio.vendor.last.files] == [("image", "in.png", PNG)]


async def test_gpt_image_behind_a_chat_gives_data_all_the_same(studio: Studio) -> None:
    """S0-48 on the default channel."""
    answer = await studio.client.images.edit(model="GPT-Image-1", image=[("in.png", PNG, "image/png")], prompt="x", n=1)
    assert answer.data is not None and answer.data[0].b64_json == B64
    parts = studio.vendor.last.fields["messages"][0]["content"]
    assert parts[1]["image_url"]["url"] == f"data:image/png;base64,{B64}"


async def test_several_files_and_a_mask_arrive(studio: Studio) -> None:
    files = [("a.png", PNG, "image/png"), ("b.png", PNG, "image/png")]
    await studio.client.images.edit(
        model="gpt-image-2", image=files, mask=("m.png", PNG, "image/png"), prompt="x", size="1024x1024"
    )
    assert [(name, filename) for name, filename, _, _ in studio.vendor.last.files] == [
        ("image[]", "a.png"),
        ("image[]", "b.png"),
        ("mask", "m.png"),
    ]


async def test_an_edit_as_json_reaches_the_upstream_as_a_form(studio: Studio) -> None:
    """S1-48: with the key in the body."""
    body = {"model": "gpt-image-1", "prompt": "x", "n": 1, "size": "1024x1024", "image": [f"data:image/png;base64,{B64}"]}
    async with aiohttp.ClientSession() as session:
        async with session.post(studio.house.url + "/v1/images/edits", json={**body, "api_key": studio.house.key}) as got:
            answer = await got.json()
    assert answer["data"][0] == {"b64_json": B64}
    assert [(name, data) for name, _, _, data in studio.vendor.last.files] == [("image", PNG)]
    assert "api_key" not in studio.vendor.last.fields


async def test_partial_images_stream(studio: Studio) -> None:
    stream = await studio.client.images.generate(model="gpt-image-2", prompt="a cat", stream=True, partial_images=2)
    events = [event async for event in stream]
    assert [event.type for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert events[-1].b64_json == B64
    assert (await studio.priced()).usage.output == 272


async def test_an_edit_streams_under_its_own_names(studio: Studio) -> None:
    stream = await studio.client.images.edit(
        model="gpt-image-2", image=("a.png", PNG, "image/png"), prompt="x", stream=True, partial_images=1
    )
    assert [event.type async for event in stream] == ["image_edit.partial_image", "image_edit.completed"]


async def test_a_model_that_does_not_stream_sends_its_picture_at_the_end(studio: Studio) -> None:
    stream = await studio.client.images.generate(model="dall-e-3", prompt="a cat", stream=True)
    events = [event async for event in stream]
    assert [(event.type, event.b64_json) for event in events] == [("image_generation.completed", B64)]


async def test_a_stream_that_breaks_off_raises(studio: Studio) -> None:
    studio.vendor.cut = True
    with pytest.raises(openai.APIError):
        async for _ in await studio.client.images.generate(model="gpt-image-2", prompt="x", stream=True, partial_images=2):
            pass


@pytest.mark.filterwarnings("ignore:deprecated")  # the SDK's mark on variations
async def test_a_variation_is_made_where_there_are_some(studio: Studio) -> None:
    answer = await studio.client.images.create_variation(model="dall-e-2", image=("a.png", PNG, "image/png"), n=2)
    assert answer.data is not None and len(answer.data) == 2
    with pytest.raises(openai.BadRequestError, match="no variations"):
        await studio.client.images.create_variation(model="gpt-image-2", image=("a.png", PNG, "image/png"))


async def test_a_picture_can_be_fetched_without_a_key(studio: Studio) -> None:
    """S1-51: gpt-image gives data only; who asks for a URL gets one of the gateway's."""
    answer = await studio.client.images.generate(model="gpt-image-2", prompt="a cat", response_format="url")
    assert answer.data is not None and answer.data[0].url is not None and answer.data[0].b64_json is None
    async with aiohttp.ClientSession() as session, session.get(answer.data[0].url) as got:
        assert (got.status, got.content_type, await got.read()) == (200, "image/png", PNG)


async def test_a_refusal_keeps_its_words_and_its_field(studio: Studio) -> None:
    studio.vendor.fails = Refusal("prompt", "Your request was rejected by the safety system.", code="moderation_blocked")
    with pytest.raises(openai.BadRequestError, match="safety system"):
        await studio.client.images.generate(model="gpt-image-2", prompt="x")
    with pytest.raises(openai.BadRequestError) as refused:
        await studio.client.images.generate(model="gpt-image-2", prompt="x", n=12)
    assert refused.value.param == "n"


async def test_a_model_that_does_not_draw_is_refused(studio: Studio) -> None:
    with pytest.raises(openai.BadRequestError):
        await studio.client.images.generate(model="GPT-4o", prompt="x")


@pytest.mark.parametrize("root", ["/openai/v1", "/v1beta/openai", "/openai/deployments/gpt-image-2"])
async def test_the_other_doors_lead_there_too(studio: Studio, root: str) -> None:
    client = AsyncOpenAI(api_key=studio.house.key, base_url=studio.house.url + root, max_retries=0)
    answer = await client.images.edit(model="gpt-image-2", image=("a.png", PNG, "image/png"), prompt="x")
    await client.close()
    assert answer.data is not None and answer.data[0].b64_json == B64


# -- speech --------------------------------------------------------------------------------------------------------------


async def test_speech_is_saved_as_it_came(studio: Studio) -> None:
    answer = await studio.client.audio.speech.create(model="tts-1", voice="alloy", input="Hello")
    assert answer.content == studio.vendor.sound
    assert answer.response.headers["content-type"] == "audio/mpeg"
    assert answer.response.headers["x-pisces-channel"] == "openai"
    assert (await studio.priced()).status == 200


async def test_speech_streams(studio: Studio) -> None:
    held = io.BytesIO()
    async with studio.client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="Hi", response_format="wav"
    ) as answer:
        assert answer.headers["content-type"] == "audio/wav"
        async for piece in answer.iter_bytes():
            held.write(piece)
    assert held.getvalue() == studio.vendor.sound


@pytest.mark.parametrize("model", ["gpt-4o-mini-tts", "tts-1"])
async def test_speech_comes_as_events(studio: Studio, model: str) -> None:
    """tts-1 has none of its own."""
    answer = await studio.client.audio.speech.create(model=model, voice="ash", input="Hi", stream_format="sse")
    lines = [line[6:] for line in answer.text.split("\n") if line.startswith("data: ")]
    assert json.loads(lines[-1])["type"] == "speech.audio.done"
    sound = b"".join(base64.b64decode(json.loads(line)["audio"]) for line in lines[:-1])
    assert sound == studio.vendor.sound


async def test_an_error_is_json_whatever_was_asked_for(studio: Studio) -> None:
    """S3-82."""
    with pytest.raises(openai.BadRequestError) as refused:
        await studio.client.audio.speech.create(model="tts-1", voice="nobody", input="Hi")
    assert refused.value.response.headers["content-type"].startswith("application/json") and refused.value.param == "voice"
    studio.vendor.apology = {"error": {"message": "The prompt was flagged", "code": "content_policy_violation"}}
    with pytest.raises(openai.BadRequestError, match="flagged") as refused:
        await studio.client.audio.speech.create(model="tts-1", voice="alloy", input="Hi")
    assert refused.value.response.headers["content-type"].startswith("application/json")


async def test_a_format_that_nobody_makes_is_refused_by_name(studio: Studio) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await studio.client.audio.speech.create(model="playai-tts", voice="Fritz", input="Hi", response_format="opus")
    assert refused.value.param == "response_format"


async def test_sound_that_breaks_off_is_not_taken_for_whole(studio: Studio) -> None:
    studio.vendor.cut = True
    with pytest.raises(openai.APIConnectionError):
        await studio.client.audio.speech.create(model="tts-1", voice="alloy", input="Hi")


# -- transcription -------------------------------------------------------------------------------------------------------


async def test_a_transcript_is_text_and_usage(studio: Studio) -> None:
    """S2-56, S2-57, S2-58."""
    answer = await studio.client.audio.transcriptions.create(model="whisper-1", file=("a.wav", SOUND, "audio/wav"))
    assert answer.text == TEXT
    assert studio.vendor.last.files[0][1:] == ("a.wav", "audio/wav", SOUND)
    assert (await studio.priced()).status == 200


async def test_every_field_arrives(studio: Studio) -> None:
    """S2-59, S2-60, S2-62."""
    await studio.client.audio.transcriptions.create(
        model="whisper-1", file=("a.wav", SOUND), language="en", prompt="names", temperature=0.2, response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )  # fmt: skip
    fields = studio.vendor.last.fields
    assert (fields["language"], fields["prompt"], float(fields["temperature"])) == ("en", "names", 0.2)
    assert fields["timestamp_granularities[]"] == ["word", "segment"]


@pytest.mark.parametrize("wanted", ["text", "srt", "vtt"])
async def test_plain_formats_come_as_text(studio: Studio, wanted: Any) -> None:
    """H133, S2-61."""
    answer: Any = await studio.client.audio.transcriptions.create(
        model="whisper-1", file=("a.wav", SOUND), response_format=wanted
    )
    assert answer == f"{wanted} of {TEXT}\n"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("srt", "1\n00:00:00,000 --> 00:00:01,200\nHello there.\n\n2\n00:00:01,500 --> 00:00:02,000\nGoodbye now.\n\n"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.200\nHello there.\n\n00:00:01.500 --> 00:00:02.000\nGoodbye now.\n\n"),
    ],
)
async def test_subtitles_are_made_where_the_upstream_has_none(studio: Studio, wanted: Any, text: str) -> None:
    answer: Any = await studio.client.audio.transcriptions.create(
        model="whisper-large-v3", file=("a.wav", SOUND), response_format=wanted
    )
    assert answer == text
    assert studio.vendor.last.fields["response_format"] == "verbose_json"


async def test_verbose_json_has_its_segments(studio: Studio) -> None:
    answer = await studio.client.audio.transcriptions.create(
        model="whisper-1", file=("a.wav", SOUND), response_format="verbose_json"
    )
    assert answer.duration == 2.0 and answer.segments is not None and answer.segments[1].text == " Goodbye now."


async def test_a_format_without_times_is_refused_by_name(studio: Studio) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await studio.client.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", SOUND), response_format="srt")
    assert refused.value.param == "response_format"


@pytest.mark.parametrize("model", ["gpt-4o-transcribe", "whisper-1"])
async def test_a_transcript_streams(studio: Studio, model: str) -> None:
    """whisper-1 has no stream of its own."""
    stream = await studio.client.audio.transcriptions.create(model=model, file=("a.wav", SOUND), stream=True)
    events: list[Any] = [event async for event in stream]
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == TEXT
    assert events[-1].type == "transcript.text.done"


@pytest.mark.filterwarnings("ignore:deprecated")  # the SDK's mark on whisper-1
async def test_a_translation_goes_to_its_own_door(studio: Studio) -> None:
    answer = await studio.client.audio.translations.create(model="whisper-1", file=("a.wav", SOUND))
    assert answer.text == TEXT and studio.vendor.last.path == "/v1/audio/translations"


async def test_a_form_without_a_file_is_told_so(studio: Studio) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await studio.client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b""))
    assert refused.value.param == "file"
