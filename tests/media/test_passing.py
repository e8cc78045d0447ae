"""The same format on both sides: bytes pass, sound and events as they come, and what breaks off is not told as whole."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web

from media.vendor import Asked, Vendor, channel

SPEAK = {"model": "tts-1", "input": "Good morning, everybody!", "voice": "alloy"}
PRICES = '[price."tts-1"]\nper_million_characters = 15\n'
EVENTS = [
    b'data: {"type":"speech.audio.delta","audio":"AAAA"}\n\n',
    b'data: {"type":"speech.audio.delta","audio":"BBBB"}\n\n',
    b'data: {"type":"speech.audio.done","usage":{"input_tokens":7,"output_tokens":90,"total_tokens":97}}\n\n',
]


def pieces(*parts: bytes, mime: str = "audio/mpeg", gate: asyncio.Event | None = None, cut: bool = False):
    """A handler that sends these parts; before the last it waits for the gate, or breaks the connection."""

    async def handle(asked: Asked, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": mime})
        await response.prepare(request)
        for part in parts[:-1]:
            await response.write(part)
        if cut:
            await asyncio.sleep(0.05)
            assert request.transport is not None
            request.transport.abort()
            return response
        if gate is not None:
            await gate.wait()
        await response.write(parts[-1])
        await response.write_eof()
        return response

    return handle


async def test_a_whole_answer_passes_with_the_gateways_member_alone(vendor: Vendor, client) -> None:
    vendor.says("/v1/embeddings", b'{"object":"list","data":[],"model":"e-1", "usage":{"prompt_tokens":4,"total_tokens":4}}')
    alice = await client(channel(vendor, "openai", "text-embedding-3-small"), server="extension = false")
    sent = b'{"model":"text-embedding-3-small","input":["a"] , "dimensions":8}'
    told = await alice.post("/v1/embeddings", data=sent, headers={"Content-Type": "application/json"})
    assert (told.status, told.body["usage"]) == (200, {"prompt_tokens": 4, "total_tokens": 4})
    assert vendor.asked[0].body == json.loads(sent)
    record = await alice.house.record()
    assert (record.usage.input, record.flags) == (4, [])


async def test_sound_is_relayed_as_it_comes(vendor: Vendor, client) -> None:
    gate = asyncio.Event()
    vendor.on["/v1/audio/speech"] = pieces(b"first", b"last", gate=gate)
    alice = await client(channel(vendor, "openai", "tts-1"), PRICES)
    async with alice.session.post(f"{alice.house.url}/v1/audio/speech", json=SPEAK) as response:
        assert response.headers["Content-Type"] == "audio/mpeg"
        assert response.headers["x-pisces-channel"] == "openai"
        assert await asyncio.wait_for(response.content.readany(), 5) == b"first"
        assert not await alice.house.storage.records(limit=1)
        gate.set()
        assert await response.content.read() == b"last"
    record = await alice.house.record()
    assert [(line["unit"], line["quantity"], line["amount_nano"]) for line in record.price_lines] == [
        ("character", 24, 360_000)
    ]
    assert (record.measures.characters, record.flags) == (24, ["usage_estimated"])


async def test_the_end_of_sound_comes_once_it_is_settled(vendor: Vendor, client) -> None:
    vendor.on["/v1/audio/speech"] = pieces(b"a", b"b")
    alice = await client(channel(vendor, "openai", "tts-1"), PRICES)
    for _ in range(5):
        told = await alice.post("/v1/audio/speech", SPEAK)
        assert (told.raw, (await alice.house.record()).request_id) == (b"ab", told.headers["X-Request-ID"])


async def test_sound_that_breaks_off_breaks_the_clients_connection(vendor: Vendor, client) -> None:
    vendor.on["/v1/audio/speech"] = pieces(b"first", b"never", cut=True)
    alice = await client(channel(vendor, "openai", "tts-1"), PRICES)
    with pytest.raises(aiohttp.ClientError):
        await alice.post("/v1/audio/speech", SPEAK)
    record = await alice.house.record()
    assert (record.error, record.status) == ("upstream", 200)


async def test_events_of_sound_pass_and_are_counted(vendor: Vendor, client) -> None:
    vendor.on["/v1/audio/speech"] = pieces(*EVENTS, mime="text/event-stream")
    alice = await client(channel(vendor, "openai", "gpt-4o-mini-tts"))
    told = await alice.post("/v1/audio/speech", SPEAK | {"model": "gpt-4o-mini-tts", "stream_format": "sse"})
    assert told.headers["Content-Type"].startswith("text/event-stream")
    assert [json.loads(line[6:])["type"] for line in told.raw.splitlines() if line.startswith(b"data: ")] == [
        "speech.audio.delta",
        "speech.audio.delta",
        "speech.audio.done",
    ]
    record = await alice.house.record()
    assert (record.usage.input, record.usage.audio_output, record.flags) == (7, 90, [])


async def test_events_that_break_off_end_in_an_error(vendor: Vendor, client) -> None:
    vendor.on["/v1/audio/speech"] = pieces(*EVENTS, mime="text/event-stream", cut=True)
    alice = await client(channel(vendor, "openai", "gpt-4o-mini-tts"))
    told = await alice.post("/v1/audio/speech", SPEAK | {"model": "gpt-4o-mini-tts", "stream_format": "sse"})
    last = told.raw.strip().split(b"\n")[-1]
    assert "error" in json.loads(last.removeprefix(b"data: "))
    assert (await alice.house.record()).error == "upstream"


async def test_a_refusal_before_the_first_byte_leads_to_the_next_channel(vendor: Vendor, other: Vendor, client) -> None:
    vendor.says("/v1/audio/speech", {"error": {"message": "busy"}}, status=429)
    other.on["/v1/audio/speech"] = pieces(b"a", b"b")
    first = channel(vendor, "openai", "tts-1", name="first", more="priority = 1")
    alice = await client(first, channel(other, "openai", "tts-1", name="second"))
    told = await alice.post("/v1/audio/speech", SPEAK)
    assert (told.status, told.raw, told.headers["x-pisces-channel"]) == (200, b"ab", "second")


async def test_an_error_is_json_whatever_was_asked_for(vendor: Vendor, client) -> None:
    vendor.says("/v1/audio/speech", {"error": {"message": "No such voice.", "param": "voice"}}, status=400)
    alice = await client(channel(vendor, "openai", "tts-1"))
    told = await alice.post("/v1/audio/speech", SPEAK)
    assert (told.status, told.headers["Content-Type"]) == (400, "application/json")
    assert "No such voice" in told.body["error"]["message"]


async def test_an_empty_answer_is_no_answer(vendor: Vendor, client) -> None:
    vendor.says("/v1/audio/speech", b"", mime="audio/mpeg")
    alice = await client(channel(vendor, "openai", "tts-1"), PRICES)
    told = await alice.post("/v1/audio/speech", SPEAK)
    assert (told.status, (await alice.house.record()).cost_nano) == (502, 0)


async def test_a_client_that_leaves_in_the_middle_closes_the_upstream_and_pays(vendor: Vendor, client) -> None:
    gate = asyncio.Event()
    vendor.on["/v1/audio/speech"] = pieces(b"first", b"last", gate=gate)
    alice = await client(channel(vendor, "openai", "tts-1"), PRICES)
    async with alice.session.post(f"{alice.house.url}/v1/audio/speech", json=SPEAK) as response:
        await response.content.readany()
        response.close()
    await asyncio.wait_for(vendor.asked[0].closed.wait(), 5)
    while not await alice.house.storage.records(limit=1):
        await asyncio.sleep(0.01)
    record = await alice.house.record()
    assert (record.status, record.cost_nano) == (499, 360_000)
    assert "client_left" in record.flags


async def test_a_slow_client_holds_the_upstream_back(vendor: Vendor, client) -> None:
    """What nobody reads is not fetched: the gateway buffers little."""
    sent = 0

    async def much(asked: Asked, request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "audio/wav"})
        await response.prepare(request)
        for _ in range(400):
            await response.write(b"\0" * 256 * 1024)
            sent += 256 * 1024
        await response.write_eof()
        return response

    vendor.on["/v1/audio/speech"] = much
    alice = await client(channel(vendor, "openai", "tts-1"))
    async with alice.session.post(f"{alice.house.url}/v1/audio/speech", json=SPEAK) as response:
        await response.content.readany()
        await asyncio.sleep(0.5)
        held = sent
        assert held < 50 * 1024 * 1024
        assert len(await response.content.read()) + 0 > held
    assert sent == 400 * 256 * 1024


async def test_a_key_holds_up_no_long_answer(vendor: Vendor, client) -> None:
    """Sound comes in pieces though the client asked for no stream: who listens to the run takes them as they come."""
    vendor.on["/v1/audio/speech"] = pieces(*[b"x" * 100_000] * 20)
    alice = await client(channel(vendor, "openai", "tts-1"), PRICES)
    once = {"headers": {"Idempotency-Key": "long"}}
    told = await asyncio.wait_for(alice.post("/v1/audio/speech", SPEAK, **once), 20)
    assert (told.status, len(told.raw)) == (200, 2_000_000)
    again = await alice.post("/v1/audio/speech", SPEAK, **once)
    assert (again.raw == told.raw, again.headers["Idempotency-Replayed"]) == (True, "true")


async def test_the_same_key_gives_the_same_sound_for_one_charge(vendor: Vendor, client) -> None:
    vendor.on["/v1/audio/speech"] = pieces(b"a", b"b")
    alice = await client(channel(vendor, "openai", "tts-1"), PRICES)
    once = {"headers": {"Idempotency-Key": "one"}}
    first = await alice.post("/v1/audio/speech", SPEAK, **once)
    again = await alice.post("/v1/audio/speech", SPEAK, **once)
    assert (first.raw, again.raw, vendor.count("/v1/audio/speech")) == (b"ab", b"ab", 1)
    assert (again.headers["Idempotency-Replayed"], again.headers["Content-Type"]) == ("true", "audio/mpeg")
    other = await alice.post("/v1/audio/speech", SPEAK | {"input": "Another"}, **once)
    assert other.status == 422
