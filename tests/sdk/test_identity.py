"""The same wire on both sides, over real sockets: both get what the other wrote, but for the named edits."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
from sdk.conftest import Stage
from upstreams import script
from upstreams.script import Heard
from upstreams.vendors import GeminiGenerate

from pisces_proxy import sse

pytestmark = pytest.mark.asyncio(loop_scope="module")

# written as no encoder of ours would: white space, escapes, numbers in odd spellings, members in odd order
CHAT = """{ "temperature":0.70, "messages":[ {"content":"caf\\u00e9 \\ud83c\\udf0a", "role":"user"} ],\t"model":"%s",
 "seed": 12345678901, "metadata":{"b":"2","a":"1"}, "stream":%s }"""
RESPONSES = """{"input":[{"role":"user","content":[{"text":"caf\\u00e9","type":"input_text"}]}], "store":false,
 "metadata":{"b":"2","a":"1"},"model":"%s", "stream":%s}"""
MESSAGES = """{"messages":[{"role":"user","content":
  [{"type":"text","text":"caf\\u00e9","cache_control":{"type":"ephemeral"}}]}],
 "max_tokens" : 1000, "metadata":{"user_id":"u"}, "model":"%s", "stream": %s}"""
CONTENTS = """{"generation_config":{"temperature":0.70,"candidateCount":1}, "contents":[{"parts":[{"text":"caf\\u00e9"}]}]}"""


def _asked(stage: Stage, wire: str, stream: bool) -> tuple[str, str]:
    """Path and body."""
    model, word = stage.upstreams[wire].vendor.model, "true" if stream else "false"
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return {
        "openai.chat": ("/v1/chat/completions", CHAT % (model, word)),
        "openai.responses": ("/v1/responses", RESPONSES % (model, word)),
        "anthropic.messages": ("/v1/messages", MESSAGES % (model, word)),
        "gemini.generate": (f"/v1beta/models/{model}:{verb}", CONTENTS),
    }[wire]


async def _exchange(stage: Stage, wire: str, stream: bool) -> tuple[Any, bytes]:
    path, body = _asked(stage, wire, stream)
    headers = {"Authorization": f"Bearer {stage.house.key}", "anthropic-version": "2023-06-01"}
    stage.upstreams[wire].play(script.parallel)
    async with aiohttp.ClientSession(headers=headers) as client, client.post(stage.house.url + path, data=body) as response:
        assert response.status == 200, await response.text()
        return json.loads(body), await response.read()


async def test_the_vendor_receives_what_the_client_sent(stage: Stage, wire: str, stream: bool) -> None:
    sent, _ = await _exchange(stage, wire, stream)
    received = stage.upstreams[wire].last.body
    assert {name: value for name, value in received.items() if name != "stream_options"} == sent
    assert received.get("stream_options", {"include_usage": True}) == {"include_usage": True}  # asked for the usage row


async def test_the_client_reads_what_the_vendor_wrote(stage: Stage, wire: str, stream: bool) -> None:
    _, answer = await _exchange(stage, wire, stream)
    upstream = stage.upstreams[wire]
    vendor, heard = upstream.vendor, upstream.heard[-1]
    said = script.parallel(heard)
    written = vendor.frames(said, heard) if stream else [json.dumps(vendor.whole(said, heard)).encode()]
    expected = [_edited(value, f"{vendor.model}-2026-01-01", vendor.model) for value in _values(b"".join(written), stream)]
    if stream and wire == "openai.chat":  # the client did not ask for the usage chunk
        expected = [value for value in expected if value == "[DONE]" or value["choices"]]
    assert [_edited(value, "", "") for value in _values(answer, stream)] == expected


async def test_an_array_of_chunks_stays_one(stage: Stage) -> None:  # H14
    upstream = stage.upstreams["gemini.generate"]
    upstream.play(script.text)
    path, body = f"/v1beta/models/{upstream.vendor.model}:streamGenerateContent", CONTENTS
    headers = {"x-goog-api-key": stage.house.key}
    async with aiohttp.ClientSession(headers=headers) as client, client.post(stage.house.url + path, data=body) as response:
        assert response.content_type == "application/json"
        chunks = json.loads(await response.read())
    told = "".join(part.get("text", "") for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"])
    assert told == script.TEXT
    assert chunks[-1]["usageMetadata"] == GeminiGenerate().whole(script.text(Heard()), Heard())["usageMetadata"]


def _values(body: bytes, stream: bool) -> list[Any]:
    if not stream:
        return [json.loads(body)]
    reader = sse.Reader()
    frames = reader.feed(body) + reader.end()
    return [frame.data.decode() if frame.data == b"[DONE]" else json.loads(frame.data) for frame in frames]


def _edited(value: Any, theirs: str, ours: str) -> Any:
    """Without the `pisces` member, and the model under the name that the client knows."""
    match value:
        case dict():
            return {name: _edited(inner, theirs, ours) for name, inner in value.items() if name != "pisces"}
        case list():
            return [_edited(inner, theirs, ours) for inner in value]
        case str() if value == theirs:
            return ours
    return value
