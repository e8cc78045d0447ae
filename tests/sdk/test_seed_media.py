"""Images and sound as plain HTTP clients ask for them (curl, requests, fetch), and what their bills say."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from gateways import House, open_house
from upstreams.openai_media import B64, PNG, TEXT, MediaVendor, Refusal

from pisces_proxy.media import wav
from pisces_proxy.pricing import Images

pytestmark = pytest.mark.asyncio(loop_scope="module")
SOUND = wav(b"\x10\x00" * 16_000, 8_000)  # two seconds
CHANNELS = """
[[channel]]
name = "first"
provider = "openai"
key = "upstream-key"
base_url = "{first}/v1"
models = ["whisper-1", "gpt-image-2"]
priority = 10

[[channel]]
name = "second"
provider = "openai"
key = "upstream-key"
base_url = "{second}/v1"
models = ["whisper-1", "gpt-image-1", "gpt-image-2", "dall-e-3", "tts-1"]

[[channel]]
name = "chats"
provider = "compatible"
base_url = "{second}/v1"
wires = ["openai.chat-images"]
models = ["FLUX-pro-1.1"]

[[channel]]
name = "groq"
provider = "groq"
key = "upstream-key"
base_url = "{second}/v1"
models = ["whisper-large-v3"]

[price."whisper-1"]
per_second = 0.0001
[price."gpt-image-1"]
per_image = {{ "1536x1024/high" = 0.25, "*" = 0.01 }}
[price."tts-1"]
per_million_characters = 15
"""


@dataclass
class Street:
    house: House
    first: MediaVendor
    second: MediaVendor
    session: aiohttp.ClientSession

    async def post(self, path: str, **body: Any) -> tuple[aiohttp.ClientResponse, Any]:
        async with self.session.post(self.house.url + path, **body) as got:
            return got, await (got.json() if got.content_type == "application/json" else got.read())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(MediaVendor()) for _ in range(2)]
        channels = CHANNELS.format(first=first.origin, second=second.origin)
        house = await stack.enter_async_context(open_house(tmp_path_factory.mktemp("street"), channels))
        bearer = {"Authorization": f"Bearer {house.key}"}
        session = await stack.enter_async_context(aiohttp.ClientSession(headers=bearer))
        yield Street(house, first, second, session)


@pytest.fixture
def street(opened: Street) -> Street:
    for vendor in (opened.first, opened.second):
        vendor.fails = vendor.apology = None
        vendor.received.clear()
    return opened


def form(**fields: str) -> aiohttp.FormData:
    sent = aiohttp.FormData()
    for name, value in fields.items():
        sent.add_field(name, value)
    return sent


def listened(**fields: str) -> aiohttp.FormData:
    sent = form(**fields)
    sent.add_field("file", SOUND, filename="speech.wav", content_type="audio/wav")
    return sent


async def test_dall_es_words_are_translated_for_gpt_image_and_what_is_lost_is_listed(street: Street) -> None:
    """S2-49 to S2-54: the sample sends hd, vivid and 1792x1024 to gpt-image-1."""
    asked = {"model": "gpt-image-1", "prompt": "a castle", "n": 1, "size": "1792x1024", "quality": "hd", "style": "vivid"}
    got, answer = await street.post("/v1/images/generations", json=asked)
    assert got.status == 200 and answer["data"] == [{"b64_json": B64}]
    assert street.second.last.fields == {"model": "gpt-image-1", "prompt": "a castle", "size": "1536x1024", "quality": "high"}
    warned = [line.partition(";")[0].strip() for line in got.headers["x-pisces-warnings"].split(",") if ";" in line]
    assert {"size", "style"} <= set(warned)


async def test_a_picture_is_billed_as_it_was_drawn(street: Street) -> None:
    asked = {"model": "gpt-image-1", "prompt": "x", "quality": "low"}
    await street.post("/v1/images/generations", json=asked)
    record = await street.house.record()
    assert record.measures.images == (Images(count=1, size="1024x1024", quality="high"),)  # as the answer says
    assert record.cost_nano == 10_000_000


async def test_every_answer_has_the_gateways_member_but_for_sound_which_has_headers(street: Street) -> None:
    """S0-30."""
    _, answer = await street.post("/v1/images/generations", json={"model": "dall-e-3", "prompt": "x"})
    assert answer["pisces"]["channel"] == "second" and answer["data"] == [{"url": f"{street.second.origin}/files/a.png"}]
    _, answer = await street.post("/v1/audio/transcriptions", data=listened(model="whisper-1"))
    assert answer["pisces"]["protocol"] == "openai"
    got, _ = await street.post("/v1/audio/speech", json={"model": "tts-1", "input": "x", "voice": "alloy"})
    assert got.headers["x-pisces-channel"] == "second" and got.headers["x-request-id"]


async def test_any_server_that_draws_in_chats_serves_the_images_api(street: Street) -> None:
    got, answer = await street.post(
        "/v1/images/generations", json={"model": "FLUX-pro-1.1", "prompt": "x", "size": "1024x1024"}
    )
    assert got.status == 200 and "url" in answer["data"][0] and "size" in got.headers["x-pisces-warnings"]
    asked = {"model": "FLUX-pro-1.1", "prompt": "x", "response_format": "b64_json"}
    _, answer = await street.post("/v1/images/generations", json=asked)
    assert answer["data"] == [{"b64_json": B64}]


async def test_a_chat_that_draws_streams_its_picture_as_data(street: Street) -> None:
    asked = {"model": "FLUX-pro-1.1", "prompt": "x", "stream": True}
    got, body = await street.post("/v1/images/generations", json=asked)
    assert got.content_type == "text/event-stream"
    assert body.startswith(b"event: image_generation.completed\n") and B64.encode() in body


@pytest.mark.parametrize(
    ("path", "members", "param"),
    [
        ("/v1/images/edits", {"prompt": "x", "image": "./cat.png"}, "image"),
        ("/v1/images/edits", {"prompt": "x", "image": ["/tmp/cat.png"]}, "image[0]"),
        ("/v1/images/edits", {"prompt": "x", "image": "http://127.0.0.1:9/a.png"}, "images[0]"),
        ("/v1/images/edits", {"prompt": "x", "image": "http://169.254.169.254/latest"}, "images[0]"),
        ("/v1/images/generations", {"prompt": "x", "size": "big"}, "size"),
        ("/v1/images/generations", {"prompt": ["x"]}, "prompt"),
        ("/v1/audio/transcriptions", {"file": "speech.wav"}, "file"),
        ("/v1/audio/transcriptions", {"url": "http://10.0.0.1/a.wav"}, "file"),
    ],
)
async def test_bad_input_is_a_400_that_names_the_field(street: Street, path: str, members: dict[str, Any], param: str) -> None:
    model = "whisper-1" if "audio" in path else "gpt-image-1"
    got, answer = await street.post(path, json={"model": model, **members})
    assert (got.status, answer["error"]["param"]) == (400, param)
    assert not street.first.received and not street.second.received


@pytest.mark.parametrize("wanted", ["json", "text", "srt", "verbose_json", "vtt"])
async def test_a_form_from_curl_is_transcribed_in_every_format(street: Street, wanted: str) -> None:
    """S2-56 to S2-62."""
    data = listened(model="whisper-1", language="en", prompt="names", response_format=wanted, temperature="0")
    got, answer = await street.post("/v1/audio/transcriptions", data=data)
    assert got.status == 200
    if wanted in ("json", "verbose_json"):
        assert got.content_type == "application/json" and answer["text"] == TEXT
    else:
        assert got.content_type == "text/plain" and answer == f"{wanted} of {TEXT}\n".encode()
    record = await street.house.record()
    assert record.measures.seconds == 2.0 and record.cost_nano == 200_000


async def test_a_form_is_sent_again_to_the_next_channel(street: Street) -> None:
    street.first.fails = Refusal("", "The server had an error", status=500, code="server_error")
    got, answer = await street.post("/v1/audio/transcriptions", data=listened(model="whisper-1"))
    assert (got.status, got.headers["x-pisces-channel"], answer["text"]) == (200, "second", TEXT)
    assert street.first.last.files == street.second.last.files == [("file", "speech.wav", "audio/wav", SOUND)]


async def test_a_url_goes_to_groq_in_the_files_place(street: Street) -> None:
    writer = aiohttp.MultipartWriter("form-data")
    for name, value in {"model": "whisper-large-v3", "url": "https://example.com/speech.wav"}.items():
        writer.append(value).set_content_disposition("form-data", name=name)
    got, answer = await street.post("/v1/audio/transcriptions", data=writer)
    assert got.status == 200 and answer["text"] == TEXT
    assert street.second.last.fields["url"] == "https://example.com/speech.wav"


async def test_a_file_too_large_for_the_upstream_is_a_413_before_anything_is_sent(street: Street) -> None:
    sent = form(model="whisper-1")
    sent.add_field("file", io.BytesIO(bytes(26 * 1024 * 1024)), filename="long.wav", content_type="audio/wav")
    got, answer = await street.post("/v1/audio/transcriptions", data=sent)
    assert got.status == 413 and answer["error"]["param"] == "file"
    assert not street.first.received and not street.second.received


async def test_speech_is_saved_as_wav_and_billed_by_its_letters(street: Street) -> None:
    """S3-73 to S3-81."""
    asked = {"model": "tts-1", "input": "Hello, 世界", "voice": "alloy", "response_format": "wav", "speed": 1.1}
    got, sound = await street.post("/v1/audio/speech", json=asked)
    assert (got.status, got.content_type, sound) == (200, "audio/wav", street.second.sound)
    record = await street.house.record()
    assert record.measures.characters == 9 and record.cost_nano == 135_000


async def test_an_edit_by_form_keeps_its_size(street: Street) -> None:
    """S1-47, S1-50, S1-52."""
    sent = form(model="gpt-image-1", prompt="add a hat", size="1024x1536", n="1")
    for name in ("image", "mask"):
        sent.add_field(name, PNG, filename=f"{name}.png", content_type="image/png")
    got, answer = await street.post("/v1/images/edits", data=sent)
    assert got.status == 200 and answer["data"][0]["b64_json"] == B64
    assert street.second.last.fields["size"] == "1024x1536"
    assert [name for name, *_ in street.second.last.files] == ["image", "mask"]
