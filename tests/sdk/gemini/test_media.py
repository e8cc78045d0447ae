"""The official Google SDK for vectors, pictures and sound, and OpenAI's for what Google makes, over real sockets."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from google.genai import errors, types
from openai import BadRequestError
from sdk.gemini.conftest import Street
from upstreams.gemini_media import B64, PNG, SAMPLES, Refusal
from upstreams.openai_media import B64 as DALLE

from pisces_proxy.media import wav
from pisces_proxy.pricing import Images

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # the SDKs' marks on what is given up
    pytest.mark.filterwarnings("ignore:deprecated"),
    pytest.mark.filterwarnings("ignore:The Sora API"),
    pytest.mark.filterwarnings("ignore:The (generate|edit|upscale)_"),
    pytest.mark.filterwarnings("ignore::google.genai._common.ExperimentalWarning"),
]


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


async def test_pictures_are_embedded_by_models_that_can(street: Street) -> None:
    """They pass as they are, also with a key whose requests are counted beforehand; elsewhere they are refused."""
    storage = street.house.storage
    (key, *_) = await storage.keys()
    await storage.change_key(key.id, {"tpm": 100_000})
    await street.house.gateway.look()
    try:
        picture = types.Part.from_bytes(data=PNG, mime_type="image/png")
        answer = await street.client().models.embed_content(model="gemini-embedding-2", contents=[picture])
        assert answer.embeddings[0].values[0] == len("a picture") / 8
        parts = street.google.last.body["requests"][0]["content"]["parts"]
        assert [next(iter(part)) for part in parts] == ["inline_data"]  # as the SDK wrote it
        with pytest.raises(errors.ClientError, match="only text can be embedded"):
            await street.vertex.models.embed_content(
                model="gemini-embedding-2", contents=[picture], config={"output_dimensionality": 2}
            )
    finally:
        await storage.change_key(key.id, {"tpm": None})
        await street.house.gateway.look()


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


async def test_an_error_of_google_keeps_its_words(street: Street) -> None:
    street.google.fails = Refusal("Quota exceeded for metric: embed_content_requests", 429, "RESOURCE_EXHAUSTED")
    with pytest.raises(errors.ClientError, match="Quota exceeded"):
        await street.client().models.embed_content(model="gemini-embedding-001", contents="a")
