"""Pitfalls of wire.md H that show only with a whole gateway between a client and an odd upstream."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import zlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from gateways import channel
from upstreams import script
from upstreams.script import Call, Said
from upstreams.vendors import VENDORS, AnthropicMessages, OpenAIChat

from gateway.asking import NAMES, dialect
from gateway.test_failover import post

BY_WIRE = {vendor.wire: vendor for vendor in VENDORS}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def odd(stack: AsyncExitStack, handler: Handler, *, more: str = "", provider: str = "openai") -> str:
    """A [[channel]] that leads to an upstream of our own making, on OpenAI's chat unless said otherwise."""
    app = web.Application()
    app.router.add_post("/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    wire = {"openai": "openai.chat", "gemini": "gemini.generate", "anthropic": "anthropic.messages"}[provider]
    head = f'[[channel]]\nname = "odd"\nprovider = "{provider}"\nkey = "k"\nwires = ["{wire}"]\nmodels = ["m"]\n'
    return f'{head}base_url = "http://127.0.0.1:{port}/v1"\n{more}\n'


def chunk(delta: Any = None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    value = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": choices, **more}
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 100, "completion_tokens": 4, "total_tokens": 104}


def saying(*frames: bytes, pause: float = 0.0) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for frame in frames:
            await asyncio.sleep(pause)
            await response.write(frame)
        return response

    return handle


async def streamed(found: Any, wire: str, **more: Any) -> tuple[int, str]:
    asked = dialect(wire, "m")
    status, _, told = await post(found.url, found.key, asked.stream_path, {**asked.stream_body(), **more})
    return status, told


# -- streams -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wire", NAMES)
async def test_h06_usage_in_mid_stream_ends_nothing(house, stack, wire) -> None:
    frames = (
        chunk({"role": "assistant", "content": "It "}),
        chunk(usage=USAGE),
        chunk({"content": "flows."}),
        chunk({}, "stop"),
    )
    found = await house(await odd(stack, saying(*frames, DONE)))
    status, told = await streamed(found, wire)
    assert status == 200 and "flows." in told
    ends = {"openai.chat": "[DONE]", "openai.responses": "response.completed", "anthropic.messages": "message_stop"}
    assert ends.get(wire, '"finishReason":"STOP"') in told
    assert (await found.record()).usage.input == 100


@pytest.mark.parametrize("kind", ["gzip", "deflate"])
async def test_h47_a_compressed_stream_is_relayed_as_it_comes(house, stack, kind: str) -> None:
    second = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Content-Encoding": kind})
        await response.prepare(request)
        packed = zlib.compressobj(wbits=31 if kind == "gzip" else 15)
        await response.write(packed.compress(chunk({"role": "assistant", "content": "It "})) + packed.flush(zlib.Z_SYNC_FLUSH))
        await asyncio.wait_for(second.wait(), 5)
        rest = packed.compress(chunk({"content": "flows."}) + chunk({}, "stop", usage=USAGE) + DONE)
        await response.write(rest + packed.flush())
        return response

    found = await house(await odd(stack, handle))
    asked = dialect("openai.chat", "m")
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {found.key}"}) as session,
        session.post(found.url + asked.stream_path, json=asked.stream_body()) as response,
    ):
        assert b'"It "' in await asyncio.wait_for(response.content.readany(), 5)
        second.set()
        assert b"flows." in await response.read()
        assert not {"Content-Encoding", "Content-Length"} & set(response.headers)


async def test_h47_a_compressed_answer_is_told_plainly(house, stack) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        message = {"role": "assistant", "content": "It flows."}
        value = {"id": "c1", "object": "chat.completion", "created": 1, "model": "up", "usage": USAGE}
        body = json.dumps({**value, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()
        return web.Response(body=gzip.compress(body), headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})

    found = await house(await odd(stack, handle))
    asked = dialect("openai.chat", "m")
    status, headers, told = await post(found.url, found.key, asked.path, asked.body)
    assert status == 200 and json.loads(told)["choices"][0]["message"]["content"] == "It flows."
    assert "Content-Encoding" not in headers and int(headers["Content-Length"]) == len(told.encode())


async def test_h148_a_comment_is_a_sign_of_life(house, stack) -> None:
    comments = [b": still thinking\n\n"] * 8
    frames = (chunk({"role": "assistant", "content": "It "}), *comments, chunk({"content": "flows."}), chunk({}, "stop"), DONE)
    found = await house(await odd(stack, saying(*frames, pause=0.3), more='idle_timeout = "1s"'))
    status, told = await streamed(found, "anthropic.messages")
    assert status == 200 and "flows." in told and "message_stop" in told


async def test_h148_each_deadline_is_the_channels_own(house, stack) -> None:
    frames = (chunk({"role": "assistant", "content": "It flows."}), chunk({}, "stop"), DONE)
    found = await house(await odd(stack, saying(*frames, pause=1.5), more='first_byte_timeout = "1s"'))
    began = time.monotonic()
    status, told = await streamed(found, "openai.chat")
    assert status == 504 and "upstream_timeout" in told
    assert time.monotonic() - began < 1.5


# -- requests ----------------------------------------------------------------------------------------------------------

TOOLS = [{"name": "get_weather", "input_schema": script.PARAMETERS}]
CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}


def round_trip(result: dict[str, Any], model: str) -> dict[str, Any]:
    history = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [{"type": "tool_result", **result}]},
    ]
    return {"model": model, "max_tokens": 99, "tools": TOOLS, "messages": history}


@pytest.mark.parametrize("up", NAMES)
async def test_h57_a_result_names_its_call(house, upstream, up) -> None:
    vendor = await upstream(BY_WIRE[up]())
    found = await house(channel(vendor))
    body = round_trip({"tool_use_id": "toolu_1", "content": "18C"}, vendor.vendor.model)
    status, _, told = await post(found.url, found.key, "/v1/messages", body)
    assert status == 200, told
    assert vendor.last.raw.count(b"toolu_1") == 2


@pytest.mark.parametrize("wrong", [{"id": "toolu_1"}, {"tool_use_id": ""}, {}])
async def test_h57_a_result_that_names_none_is_refused_by_name(house, upstream, wrong: dict[str, str]) -> None:
    vendor = await upstream(OpenAIChat())
    found = await house(channel(vendor))
    status, _, told = await post(
        found.url, found.key, "/v1/messages", round_trip({**wrong, "content": "18C"}, vendor.vendor.model)
    )
    assert status == 400 and "messages[2].content[0].tool_use_id" in told and vendor.received == []


@pytest.mark.parametrize("up", NAMES)
async def test_h52_an_error_of_a_tool_is_one_everywhere(house, upstream, up) -> None:
    vendor = await upstream(BY_WIRE[up]())
    found = await house(channel(vendor))
    body = round_trip({"tool_use_id": "toolu_1", "content": "no such city", "is_error": True}, vendor.vendor.model)
    status, _, told = await post(found.url, found.key, "/v1/messages", body)
    assert status == 200, told
    marks = {"anthropic.messages": '"is_error": true', "gemini.generate": '"error": "no such city"'}
    assert marks.get(up, "Error: no such city") in json.dumps(vendor.last.body)


@pytest.mark.parametrize("up", [name for name in NAMES if name != "openai.chat"])  # there the bytes pass
@pytest.mark.parametrize("goes_on", [True, False])
async def test_h54_an_interrupted_call_does_not_break_the_conversation(house, upstream, up, goes_on: bool) -> None:
    vendor = await upstream(BY_WIRE[up]())
    found = await house(channel(vendor))
    history: list[Any] = [{"role": "user", "content": "Weather?"}]
    history.append({"role": "assistant", "content": None, "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    ]})  # fmt: skip
    if goes_on:
        history.append({"role": "user", "content": "Never mind. Where does it flow?"})
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": script.PARAMETERS}}
    body = {"model": vendor.vendor.model, "messages": history, "tools": [tool]}
    status, _, told = await post(found.url, found.key, "/v1/chat/completions", body)
    assert status == 200, told


BETA = "context-management-2025-06-27,claude-code-20250219"


@pytest.mark.parametrize("up", NAMES)
async def test_h113_betas_reach_anthropic_alone(house, upstream, up) -> None:
    vendor = await upstream(BY_WIRE[up]())
    found = await house(channel(vendor))
    asked = dialect("anthropic.messages", vendor.vendor.model)
    headers = {"anthropic-beta": BETA, "anthropic-version": "2023-06-01"}
    assert (await post(found.url, found.key, asked.path + "?beta=true", asked.body, **headers))[0] == 200
    sent = {name: value for name, value in vendor.last.headers.items() if name.startswith("anthropic-")}
    assert sent == (headers if up == "anthropic.messages" else {})


@pytest.mark.parametrize("up", [name for name in NAMES if name != "openai.chat"])
async def test_h142_a_choice_among_no_tools_is_left_out(house, upstream, up) -> None:
    """As after a compaction that took the tools and forgot the choice."""
    vendor = await upstream(BY_WIRE[up]())
    found = await house(channel(vendor))
    body = {**dialect("openai.chat", vendor.vendor.model).body, "tools": [], "tool_choice": "auto"}
    status, _, told = await post(found.url, found.key, "/v1/chat/completions", body)
    assert status == 200, told
    assert not {"tools", "tool_choice", "toolConfig"} & set(vendor.last.body)


SCHEMA = {"type": "json_schema", "json_schema": {"name": "city", "schema": script.SCHEMA, "strict": True}}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_h65_structured_output_of_an_older_claude_is_text(house, upstream, stream) -> None:
    vendor = await upstream(AnthropicMessages())
    vendor.play(lambda heard: Said(calls=(Call(heard.tools[0], script.STRUCTURED),), stop="calls"))
    found = await house(channel(vendor, "claude-3-5-sonnet-latest"))
    asked = dialect("openai.chat", "claude-3-5-sonnet-latest")
    body = {**(asked.stream_body() if stream else asked.body), "response_format": SCHEMA}
    status, _, told = await post(found.url, found.key, asked.path, body)
    assert status == 200, told
    if stream:
        frames = [json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: {")]
        choices = [choice for frame in frames for choice in frame["choices"]]
        text = "".join(choice["delta"].get("content") or "" for choice in choices)
        finish = choices[-1]["finish_reason"]
    else:
        choice = json.loads(told)["choices"][0]
        text, finish = choice["message"]["content"], choice["finish_reason"]
    assert (json.loads(text), finish) == (json.loads(script.STRUCTURED), "stop")
    assert "tool_calls" not in told


@pytest.mark.parametrize("wire", NAMES)
@pytest.mark.parametrize("up", NAMES)
async def test_h45_an_upstream_that_cannot_stream_serves_clients_that_do(house, upstream, wire, up) -> None:
    vendor = await upstream(BY_WIRE[up]())
    found = await house(channel(vendor, more='flags = { force_stream = "no" }'))
    asked = dialect(wire, vendor.vendor.model)
    status, _, told = await post(found.url, found.key, asked.stream_path, asked.stream_body())
    assert status == 200 and script.TEXT in told, told
    assert vendor.heard[-1].stream is False
    assert (await found.record()).usage.output == 17


@pytest.mark.parametrize("wire", NAMES)
@pytest.mark.parametrize("up", NAMES)
async def test_h46_an_upstream_that_only_streams_serves_clients_that_do_not(house, upstream, wire, up) -> None:
    vendor = await upstream(BY_WIRE[up]())
    found = await house(channel(vendor, more='flags = { force_stream = "yes" }'))
    asked = dialect(wire, vendor.vendor.model)
    status, _, told = await post(found.url, found.key, asked.path, asked.body)
    assert status == 200 and script.TEXT in json.dumps(json.loads(told), ensure_ascii=False), told
    assert vendor.heard[-1].stream is True
    assert (await found.record()).usage.output == 17


# -- usage and errors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wire", NAMES)
async def test_h117_every_total_is_the_sum_of_its_parts(house, upstream, wire) -> None:
    vendor = await upstream(AnthropicMessages())
    found = await house(channel(vendor))
    asked = dialect(wire, vendor.vendor.model)
    _, _, told = await post(found.url, found.key, asked.path, asked.body)
    match wire, json.loads(told):
        case "openai.chat", {"usage": usage}:
            assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (105, 17, 122)
            assert usage["prompt_tokens_details"]["cached_tokens"] == 90
        case "openai.responses", {"usage": usage}:
            assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (105, 17, 122)
        case "anthropic.messages", {"usage": usage}:
            assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (15, 90, 17)
        case _, {"usageMetadata": usage}:
            assert (usage["promptTokenCount"], usage["candidatesTokenCount"], usage["totalTokenCount"]) == (105, 17, 122)


@pytest.mark.parametrize(("wire", "status"), [(name, 529 if name.startswith("anthropic") else 503) for name in NAMES])
async def test_h123_no_channel_left_is_told_with_the_time_to_come_back(house, upstream, wire, status: int) -> None:
    vendor = await upstream(OpenAIChat())
    vendor.play(script.refusing(401, "Incorrect API key provided"))
    found = await house(channel(vendor))
    asked = dialect(wire, vendor.vendor.model)
    assert (await post(found.url, found.key, asked.path, asked.body))[0] == 502  # its only key rests now
    told, headers, body = await post(found.url, found.key, asked.path, asked.body)
    assert told == status, body
    assert int(headers["retry-after"]) >= 1
    assert len(vendor.received) == 1
