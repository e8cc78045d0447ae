"""Streams: what a client sees when things go wrong, slowly, or away."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from gateways import channel
from upstreams import script
from upstreams.delivery import Delivery
from upstreams.vendors import VENDORS, AnthropicMessages, OpenAIChat

from gateway.asking import NAMES, dialect

BY_WIRE = {vendor.wire: vendor for vendor in VENDORS}
PAIRS = [(client, up) for client in NAMES for up in NAMES]


def session(key: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"})


def looks_complete(wire: str, text: str) -> bool:
    """Whether a client of this wire would take the stream for a whole answer."""
    match wire:
        case "openai.chat":
            return "[DONE]" in text or '"finish_reason":"' in text
        case "openai.responses":
            return "response.completed" in text
        case "anthropic.messages":
            return "message_stop" in text
        case _:
            return '"finishReason"' in text


def tells_an_error(wire: str, text: str) -> bool:
    match wire:
        case "openai.responses":
            return "response.failed" in text or '"type":"error"' in text
        case "anthropic.messages":
            return "event: error\n" in text and '"type":"error"' in text
        case _:
            return 'data: {"error":' in text


@pytest.mark.parametrize("how", [Delivery(ends_after=4), Delivery(cut_after=4)], ids=["ends", "breaks"])
@pytest.mark.parametrize(("client", "up"), PAIRS)
async def test_a_stream_that_is_cut_off_ends_in_a_typed_error(house, upstream, client: str, up: str, how: Delivery) -> None:
    only = await upstream(BY_WIRE[up]())
    only.play(script.text, how)
    found = await house(channel(only))
    asked = dialect(client, only.vendor.model)
    async with session(found.key) as http, http.post(found.url + asked.stream_path, json=asked.stream_body()) as response:
        text = await response.text()
    if response.status != 200:  # nothing useful was among the first frames: then it is a plain error
        assert response.status == 502
        return
    assert not looks_complete(client, text), text
    assert tells_an_error(client, text), text
    record = await found.record()
    assert record.error is not None


@pytest.mark.parametrize(("client", "up"), PAIRS)
async def test_an_error_in_mid_stream_keeps_its_class(house, upstream, client: str, up: str) -> None:
    only = await upstream(BY_WIRE[up]())
    only.play(script.text, Delivery(instead="late_error"))
    found = await house(channel(only))
    asked = dialect(client, only.vendor.model)
    async with session(found.key) as http, http.post(found.url + asked.stream_path, json=asked.stream_body()) as response:
        text = await response.text()
    assert response.status == 200
    assert tells_an_error(client, text) and not looks_complete(client, text), text
    assert "overloaded" in text.lower()


@pytest.mark.parametrize(("client", "up"), PAIRS)
async def test_a_client_that_leaves_closes_the_upstream_within_a_second_and_is_still_settled(
    house, upstream, client, up
) -> None:  # H37
    only = await upstream(BY_WIRE[up]())
    only.play(script.text, Delivery(pause=0.15))
    found = await house(channel(only))
    asked = dialect(client, only.vendor.model)
    async with session(found.key) as http:
        response = await http.post(found.url + asked.stream_path, json=asked.stream_body())
        await response.content.readany()
        response.close()
        await asyncio.wait_for(only.last.closed.wait(), 1.0)
    async with asyncio.timeout(1):
        while not await found.storage.records(limit=1):
            await asyncio.sleep(0.02)
    record = await found.record()
    assert record.status == 499 and "client_left" in record.flags
    assert record.usage.input > 0


async def test_a_client_that_leaves_before_a_whole_answer_closes_the_upstream(house, upstream) -> None:  # H37
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=5))
    found = await house(channel(only))
    asked = dialect("openai.chat", only.vendor.model)
    async with session(found.key) as http:
        with pytest.raises(asyncio.TimeoutError):
            await http.post(found.url + asked.path, json=asked.body, timeout=aiohttp.ClientTimeout(total=0.3))
        await asyncio.wait_for(only.last.closed.wait(), 1.0)


async def test_a_drained_channel_is_read_to_its_real_usage_behind_a_client_that_left(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=0.05))
    found = await house(channel(only, more='on_disconnect = "drain"'))
    asked = dialect("openai.chat", only.vendor.model)
    async with session(found.key) as http:
        response = await http.post(found.url + asked.stream_path, json=asked.stream_body())
        await response.content.readany()
        response.close()
    async with asyncio.timeout(5):
        while not await found.storage.records(limit=1):
            await asyncio.sleep(0.05)
    record = await found.record()
    assert {"client_left", "drained"} <= set(record.flags)
    assert (record.usage.input, record.usage.output, record.usage.estimated) == (105, 17, False)


BEATS = {
    "openai.chat": ": ping\n\n",
    "openai.responses": ": ping\n\n",
    "anthropic.messages": "event: ping\n",
}


@pytest.mark.parametrize("client", NAMES)
async def test_a_silent_upstream_is_bridged_by_heartbeats_the_client_can_read(house, upstream, client: str) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=0.7))
    found = await house(channel(only), server='heartbeat = "300ms"')
    asked = dialect(client, only.vendor.model)
    async with session(found.key) as http, http.post(found.url + asked.stream_path, json=asked.stream_body()) as response:
        text = (await response.read()).decode()
    assert response.status == 200
    if client == "gemini.generate":  # H13: its SDK accepts neither comments nor named events
        assert ":" not in "".join(line[:1] for line in text.splitlines()) and "event:" not in text and "[DONE]" not in text
        assert text.count("\n\n\n") + text.count("\r\n\r\n\n") > 0
    else:
        assert BEATS[client] in text
    assert looks_complete(client, text)
    if client == "anthropic.messages":  # H36: no ping event before message_start
        assert text.index("message_start") < text.index("event: ping")


async def test_an_error_behind_heartbeats_is_told_in_band(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=1.0, ends_after=1))
    found = await house(channel(only), server='heartbeat = "300ms"')
    asked = dialect("openai.chat", only.vendor.model)
    async with session(found.key) as http, http.post(found.url + asked.stream_path, json=asked.stream_body()) as response:
        text = await response.text()
    assert response.status == 200 and tells_an_error("openai.chat", text) and not looks_complete("openai.chat", text)


@pytest.mark.parametrize("up", NAMES)
@pytest.mark.parametrize(
    "how", [Delivery(crlf=True), Delivery(comments=True), Delivery(bytewise=True), Delivery(last_blank=False)]
)
async def test_however_the_frames_arrive_the_text_is_whole(house, upstream, up: str, how: Delivery) -> None:
    only = await upstream(BY_WIRE[up]())
    only.play(script.text, how)
    found = await house(channel(only))
    for client in {"openai.chat", up}:
        asked = dialect("openai.chat", only.vendor.model)
        async with session(found.key) as http, http.post(found.url + asked.stream_path, json=asked.stream_body()) as response:
            text = (await response.read()).decode()
        said = "".join(
            json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
            for line in text.replace("\r\n", "\n").split("\n")
            if line.startswith("data: {") and json.loads(line[6:])["choices"]
        )
        assert said == script.TEXT, (client, text)


@pytest.mark.parametrize("up", ["openai.chat", "anthropic.messages"])
async def test_a_slow_client_slows_the_upstream_and_memory_stays_bounded(house, up: str) -> None:
    """H38. An upstream that would send 200 MB: a client that reads nothing must not make the gateway hold it."""
    sent = 0
    finished = asyncio.Event()
    frame = _big_frame(up)

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + _head(up))
        try:
            for _ in range(3200):
                writer.write(frame)
                await writer.drain()
                sent += len(frame)
        except ConnectionError:
            pass
        finally:
            writer.close()
            finished.set()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    provider = "openai" if up == "openai.chat" else "anthropic"
    found = await house(
        f'[[channel]]\nname="c"\nprovider="{provider}"\nkey="k"\nwires=["{up}"]\nmodels=["m"]\nbase_url="http://127.0.0.1:{port}/v1"'
    )
    asked = dialect("openai.chat", "m")
    body = json.dumps(asked.stream_body()).encode()
    _reader, writer = await asyncio.open_connection("127.0.0.1", int(found.url.rpartition(":")[2]), limit=1024)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % (found.key.encode(), len(body)) + body
    )
    await asyncio.sleep(1.5)
    held = sent
    await asyncio.sleep(0.5)
    assert sent == held, "the upstream is still being read although the client reads nothing"
    assert held < 40 * 2**20  # kernel buffers on both sides, the parser's and ours
    writer.close()
    await asyncio.wait_for(finished.wait(), 2)
    server.close()


def _head(up: str) -> bytes:
    if up == "openai.chat":
        return b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
    return (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
    )


def _big_frame(up: str) -> bytes:
    text = b"x" * 65536
    if up == "openai.chat":
        return (
            b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}\n\n'
            % text
        )
    return (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}\n\n'
        % text
    )


async def test_an_upstream_that_falls_silent_for_too_long_is_told_as_a_timeout(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=0.4))
    found = await house(channel(only, more='idle_timeout = "1s"'))
    asked = dialect("openai.chat", only.vendor.model)
    async with session(found.key) as http, http.post(found.url + asked.stream_path, json=asked.stream_body()) as response:
        assert "[DONE]" in await response.text()  # slower than it seems, but never silent for so long
    only.play(script.text, Delivery(pause=0))
    only.delivery = Delivery(stalls_after=3)
    async with session(found.key) as http, http.post(found.url + asked.stream_path, json=asked.stream_body()) as response:
        text = await response.text()
    assert tells_an_error("openai.chat", text) and "upstream_timeout" in text, text
    await asyncio.wait_for(only.last.closed.wait(), 1.0)


@pytest.mark.parametrize(("limit", "streamed"), [({}, True), ({"max_tokens": 21_334}, True), ({"max_tokens": 21_333}, False)])
async def test_h46_a_long_answer_is_asked_of_anthropic_as_a_stream(house, upstream, limit, streamed) -> None:
    only = await upstream(AnthropicMessages())
    only.play(script.thinking)
    found = await house(channel(only))
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": script.PARAMETERS}}
    body = {"model": only.vendor.model, "messages": [{"role": "user", "content": "Weather?"}], "tools": [tool], **limit}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {found.key}"}) as session,
        session.post(found.url + "/v1/chat/completions", json=body) as response,
    ):
        told = await response.json()
    assert only.heard[-1].stream is streamed
    assert json.loads(told["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]) == {"city": "Zürich", "days": 3}
    assert (told["usage"]["prompt_tokens"], told["usage"]["completion_tokens"]) == (105, 17)
    assert "usage_estimated" not in (await found.record()).flags
