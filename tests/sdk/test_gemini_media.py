"""The official Google SDK for everything that is not a conversation, through the gateway, over real sockets."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from gateways import House, open_house
from google import genai
from google.genai import errors, types
from openai import AsyncOpenAI, BadRequestError
from upstreams.gemini_media import B64, FILM, PNG, SAMPLES, GeminiMedia, Refusal
from upstreams.openai_media import B64 as DALLE
from upstreams.openai_media import MediaVendor

from pisces_proxy.media import wav
from pisces_proxy.pricing import Images
from pisces_proxy.task_steps import Pace

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # the SDKs' marks on what is given up
    pytest.mark.filterwarnings("ignore:deprecated"),
    pytest.mark.filterwarnings("ignore:The Sora API"),
    pytest.mark.filterwarnings("ignore:The (generate|edit|upscale)_"),
    pytest.mark.filterwarnings("ignore::google.genai._common.ExperimentalWarning"),
]
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


# -- vectors -------------------------------------------------------------------------------------------------------------


async def test_vectors_come_in_the_order_of_the_contents(street: Street) -> None:
    config = {"output_dimensionality": 3, "task_type": "RETRIEVAL_DOCUMENT", "title": "about"}
    answer = await street.client().models.embed_content(
        model="gemini-embedding-001", contents=["a", "bb", "ccc"], config=config
    )
    assert [row.values for row in answer.embeddings] == [[n / 8, 0.25, 0.25] for n in (1, 2, 3)]
    assert street.google.last.body["requests"][1]["title"] == "about"
    record = await street.house.record()
    assert (record.protocol, record.upstream_protocol, record.usage.estimated) == ("gemini.embed", "gemini.embed", True)
    assert record.usage.input > 0


async def test_vertexs_clients_are_understood(street: Street) -> None:
    """They put the options elsewhere."""
    config = {"output_dimensionality": 2, "task_type": "RETRIEVAL_QUERY"}
    answer = await street.vertex.models.embed_content(model="gemini-embedding-2", contents="a", config=config)
    assert [row.values for row in answer.embeddings] == [[0.125, 0.25]]
    answer = await street.vertex.models.embed_content(model="gemini-embedding-001", contents=["a", "bb"], config=config)
    assert [row.values for row in answer.embeddings] == [[0.125, 0.25], [0.25, 0.25]]
    assert street.google.last.body["requests"][0]["taskType"] == "RETRIEVAL_QUERY"


async def test_openais_clients_get_googles_vectors(street: Street) -> None:
    """H129; a hundred at a time."""
    texts = ["x" * (1 + n % 5) for n in range(230)]
    answer = await street.openai.embeddings.create(model="gemini-embedding-001", input=texts, dimensions=2)
    assert [row.embedding for row in answer.data] == [[len(text) / 8, 0.25] for text in texts]
    assert sorted(len(asked.body["requests"]) for asked in street.google.received) == [30, 100, 100]
    assert answer.usage.prompt_tokens > 0


# -- pictures ------------------------------------------------------------------------------------------------------------


def drawing(**more: Any) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(response_modalities=["TEXT", "IMAGE"], **more)


def inline(answer: Any) -> list[bytes]:
    return [
        part.inline_data.data
        for part in answer.candidates[0].content.parts
        if part.inline_data is not None and not part.thought
    ]


def texts(answer: Any) -> list[str]:
    return [part.text for part in answer.candidates[0].content.parts if part.text]


async def test_an_image_model_draws_in_googles_words(street: Street) -> None:
    """S3-30, S3-31."""
    answer = await street.client().models.generate_content(
        model="gemini-3.1-flash-image-preview",
        contents="a cat",
        config=drawing(image_config=types.ImageConfig(aspect_ratio="16:9")),
    )
    assert inline(answer) == [PNG] and texts(answer) == ["Here it is:"]
    assert street.google.last.body["generationConfig"]["imageConfig"] == {"aspectRatio": "16:9"}


@pytest.mark.parametrize("upstream_as_text", [False, True])
async def test_a_channel_may_give_pictures_as_text(street: Street, upstream_as_text: bool) -> None:
    """S3-32: base64 in `candidates[0].content.parts[*].text`, streamed or not, whatever the upstream does."""
    street.google.as_text = upstream_as_text
    client = street.client()
    answer = await client.models.generate_content(model="resold-image", contents="a cat", config=drawing())
    assert inline(answer) == [] and base64.b64decode(texts(answer)[-1]) == PNG
    stream = await client.models.generate_content_stream(model="resold-image", contents="a cat", config=drawing())
    pieces = [text async for chunk in stream for text in texts(chunk)]
    assert pieces[0] == "Here it is:" and pieces[-1] == B64


@pytest.mark.parametrize("upstream_as_text", [False, True])
async def test_elsewhere_pictures_stand_where_google_puts_them(street: Street, upstream_as_text: bool) -> None:
    street.google.as_text = upstream_as_text
    client = street.client()
    answer = await client.models.generate_content(model="gemini-2.5-flash-image", contents="a cat", config=drawing())
    assert inline(answer) == [PNG] and texts(answer) == ["Here it is:"]
    stream = await client.models.generate_content_stream(model="gemini-2.5-flash-image", contents="x", config=drawing())
    assert [data async for chunk in stream for data in inline(chunk)] == [PNG]


async def test_a_key_may_want_pictures_as_text(street: Street) -> None:
    storage = street.house.storage
    (key, *_) = await storage.keys()
    await storage.change_key(key.id, {"images_as_text": True})
    await street.house.gateway.look()
    try:
        answer = await street.client().models.generate_content(
            model="gemini-2.5-flash-image", contents="a cat", config=drawing()
        )
        assert inline(answer) == [] and base64.b64decode(texts(answer)[-1]) == PNG
    finally:
        await storage.change_key(key.id, {"images_as_text": False})
        await street.house.gateway.look()


async def test_openais_clients_draw_with_geminis_models(street: Street) -> None:
    answer = await street.openai.images.generate(
        model="gemini-3.1-flash-image-preview", prompt="a cat", size="1536x1024", n=2, quality="high"
    )
    assert answer.data is not None and [item.b64_json for item in answer.data] == [B64, B64]  # H131: no drafts
    assert answer.usage is not None and answer.usage.output_tokens == 2580
    assert answer.usage.output_tokens_details.image_tokens == 2580
    assert len(street.google.received) == 2
    config = street.google.last.body["generationConfig"]
    assert config == {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "3:2"}}
    record = await street.house.record()
    assert record.measures.images == (Images(count=2, size="64x32", quality="auto"),)
    assert {warning.partition(";")[0] for warning in record.warnings} == {"size", "quality"}


async def test_a_picture_is_changed(street: Street) -> None:
    street.google.as_text = True
    answer = await street.openai.images.edit(
        model="gemini-2.5-flash-image", image=[("a.png", PNG, "image/png")], prompt="a hat", response_format="url"
    )
    assert answer.data is not None and answer.data[0].url
    assert street.google.last.body["contents"][0]["parts"] == [
        {"text": "a hat"},
        {"inlineData": {"mimeType": "image/png", "data": B64}},
    ]
    async with street.http.get(answer.data[0].url) as got:
        assert (got.status, await got.read()) == (200, PNG)


async def test_a_model_that_only_talks_has_refused(street: Street) -> None:
    """H131."""
    parts = [{"text": "I cannot draw real people."}]
    street.google.says = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}
    with pytest.raises(BadRequestError, match="cannot draw real people") as refused:
        await street.openai.images.generate(model="gemini-2.5-flash-image", prompt="x")
    assert refused.value.code == "content_policy_violation"
    with pytest.raises(BadRequestError, match="no mask"):
        street.google.says = None
        await street.openai.images.edit(model="gemini-2.5-flash-image", image=PNG, mask=PNG, prompt="x")


@pytest.mark.parametrize("model", ["imagen-4.0-generate-001", "gemini-2.5-flash-image", "gpt-image-2"])
async def test_imagens_clients_are_served_by_any_upstream(street: Street, model: str) -> None:
    config = types.GenerateImagesConfig(number_of_images=2, aspect_ratio="16:9", include_rai_reason=True)
    answer = await street.vertex.models.generate_images(model=model, prompt="a cat", config=config)
    wanted = DALLE if model == "gpt-image-2" else B64
    drawn = [base64.b64encode(each.image.image_bytes).decode() for each in answer.generated_images]
    assert drawn[0] == wanted and len(drawn) == (1 if model == "gpt-image-2" and len(drawn) == 1 else 2)
    assert (await street.house.record()).measures.images[0].count == len(drawn)


async def test_openais_clients_draw_with_imagen(street: Street) -> None:
    answer = await street.openai.images.generate(model="imagen-4.0-generate-001", prompt="a cat", size="1024x1792", n=6)
    assert answer.data is not None and len(answer.data) == 6
    assert sorted(asked.body["parameters"]["sampleCount"] for asked in street.google.received) == [2, 4]
    assert street.google.last.body["parameters"]["aspectRatio"] == "9:16"
    street.google.says = {"predictions": [{"raiFilteredReason": "Unable to show faces."}]}
    with pytest.raises(BadRequestError, match="faces"):
        await street.openai.images.generate(model="imagen-4.0-generate-001", prompt="x")


async def test_what_is_not_served_is_said(street: Street) -> None:
    picture = types.Image(image_bytes=PNG, mime_type="image/png")
    with pytest.raises(errors.ClientError, match="scales"):
        await street.vertex.models.upscale_image(model="gemini-2.5-flash-image", image=picture, upscale_factor="x2")
    raw = types.RawReferenceImage(reference_id=1, reference_image=picture)
    answer = await street.vertex.models.edit_image(model="gemini-2.5-flash-image", prompt="a hat", reference_images=[raw])
    assert answer.generated_images[0].image.image_bytes == PNG
    control = types.ControlReferenceImage(
        reference_id=1, reference_image=picture, config=types.ControlReferenceConfig(control_type="CONTROL_TYPE_CANNY")
    )
    with pytest.raises(errors.ClientError, match="referenceType"):
        await street.vertex.models.edit_image(model="gemini-2.5-flash-image", prompt="x", reference_images=[control])
    with pytest.raises(errors.ClientError, match="does not serve embeddings"):
        await street.client().models.embed_content(model="gemini-2.5-flash", contents="x")
    with pytest.raises(errors.ClientError, match="No channel makes videos"):
        await street.vertex.models.generate_videos(
            model="imagen-4.0-generate-001", source=types.GenerateVideosSource(prompt="x")
        )


# -- sound ---------------------------------------------------------------------------------------------------------------


def voiced(name: str) -> types.GenerateContentConfig:
    voice = types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name=name))
    return types.GenerateContentConfig(response_modalities=["AUDIO"], speech_config=types.SpeechConfig(voice_config=voice))


async def test_googles_clients_are_spoken_to(street: Street) -> None:
    answer = await street.client().models.generate_content(
        model="gemini-2.5-flash-preview-tts", contents="Hello", config=voiced("Kore")
    )
    (part,) = answer.candidates[0].content.parts
    assert (part.inline_data.mime_type, part.inline_data.data) == ("audio/L16;codec=pcm;rate=24000", SAMPLES)


@pytest.mark.parametrize(("wanted", "sound"), [("wav", wav(SAMPLES, 24_000)), ("pcm", SAMPLES)])
async def test_openais_clients_are_spoken_to(street: Street, wanted: Any, sound: bytes) -> None:
    answer = await street.openai.audio.speech.create(
        model="gemini-2.5-flash-preview-tts", voice="alloy", input="Hello", response_format=wanted, instructions="Be merry"
    )
    assert answer.content == sound and answer.response.headers["content-type"] == f"audio/{wanted}"
    asked = street.google.last.body
    assert asked["contents"][0]["parts"] == [{"text": "Be merry:\nHello"}]
    assert asked["generationConfig"]["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"] == {"voiceName": "Kore"}
    record = await street.house.record()
    assert (record.usage.audio_output, record.measures.seconds) == (25, 1.0)


async def test_what_the_voice_cannot_do_is_said(street: Street) -> None:
    with pytest.raises(BadRequestError, match="does not make mp3") as refused:
        await street.openai.audio.speech.create(
            model="gemini-2.5-flash-preview-tts", voice="Kore", input="x", response_format="mp3"
        )
    assert refused.value.param == "response_format"
    with pytest.raises(BadRequestError, match="Voice name Nobody"):
        await street.openai.audio.speech.create(
            model="gemini-2.5-flash-preview-tts", voice="Nobody", input="x", response_format="wav"
        )


async def test_a_conversationalist_writes_down_what_it_hears(street: Street) -> None:
    sound = ("hello.wav", wav(SAMPLES, 24_000), "audio/wav")
    heard = await street.openai.audio.transcriptions.create(model="gemini-2.5-flash", file=sound, language="en")
    assert heard.text == "Hello there. Goodbye now."
    asked = street.google.last.body["contents"][0]["parts"]
    assert "language is en" in asked[0]["text"] and asked[1]["inlineData"]["mimeType"] == "audio/wav"
    written: Any = await street.openai.audio.transcriptions.create(model="gemini-2.5-flash", file=sound, response_format="srt")
    assert "00:00:01,500 --> 00:00:02,000\nGoodbye now." in written
    translated = await street.openai.audio.translations.create(model="gemini-2.5-flash", file=sound)
    assert translated.text and "into English" in street.google.last.body["contents"][0]["parts"][0]["text"]


# -- videos --------------------------------------------------------------------------------------------------------------


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


async def test_an_error_of_google_keeps_its_words(street: Street) -> None:
    street.google.fails = Refusal("Quota exceeded for metric: embed_content_requests", 429, "RESOURCE_EXHAUSTED")
    with pytest.raises(errors.ClientError, match="Quota exceeded"):
        await street.client().models.embed_content(model="gemini-embedding-001", contents="a")
