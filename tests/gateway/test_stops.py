"""Stop sequences towards an API that has none: the answer ends where the client wanted it to."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from gateways import channel
from upstreams import script
from upstreams.delivery import Delivery
from upstreams.vendors import OpenAIResponses

from gateway.asking import dialect
from gateway.test_failover import post

WORDS: dict[str, tuple[dict[str, Any], str]] = {  # how to ask for it, and how the end is told
    "openai.chat": ({"stop": "Paris"}, '"finish_reason":"stop"'),
    "anthropic.messages": ({"stop_sequences": ["never", "Paris"]}, '"stop_sequence":"Paris"'),
    "gemini.generate": ({"generationConfig": {"stopSequences": ["Paris"]}}, '"finishReason":"STOP"'),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", WORDS)
async def test_the_text_ends_before_the_stop_sequence(house, upstream, wire, stream) -> None:
    vendor = await upstream(OpenAIResponses())
    found = await house(channel(vendor))
    asked, (wanted, end) = dialect(wire, vendor.vendor.model), WORDS[wire]
    body = {**(asked.stream_body() if stream else asked.body), **wanted}
    status, headers, told = await post(found.url, found.key, asked.stream_path if stream else asked.path, body)
    assert status == 200, told
    assert "stop;emulated" in headers["x-pisces-warnings"]
    assert "durc" in told and "h " in told
    assert "Pa" not in told.replace('"Paris"', "") and "13 km" not in told
    assert end in told
    record = await found.record()
    assert record.usage.output > 0 and ("usage_estimated" in record.flags) == stream


async def test_an_upstream_is_not_heard_out_behind_the_stop_sequence(house, upstream) -> None:
    vendor = await upstream(OpenAIResponses())
    vendor.play(script.text, Delivery(pause=0.1))
    found = await house(channel(vendor))
    asked = dialect("openai.chat", vendor.vendor.model)
    status, _, told = await post(found.url, found.key, asked.path, {**asked.stream_body(), "stop": "Seine"})
    assert status == 200 and told.endswith("data: [DONE]\n\n")
    await asyncio.wait_for(vendor.last.closed.wait(), 1.0)


async def test_a_drained_channel_is_heard_out_for_its_count(house, upstream) -> None:
    vendor = await upstream(OpenAIResponses())
    found = await house(channel(vendor, more='on_disconnect = "drain"'))
    asked = dialect("openai.chat", vendor.vendor.model)
    status, _, told = await post(found.url, found.key, asked.path, {**asked.stream_body(), "stop": "Seine"})
    assert status == 200 and "fließt" not in told
    record = await found.record()
    assert (record.usage.input, record.usage.output) == (105, 17) and "usage_estimated" not in record.flags


async def test_a_client_that_asked_for_usage_gets_some_behind_a_cut(house, upstream) -> None:
    vendor = await upstream(OpenAIResponses())
    found = await house(channel(vendor))
    asked = dialect("openai.chat", vendor.vendor.model)
    body = {**asked.stream_body(), "stop": "Seine", "stream_options": {"include_usage": True}}
    _, _, told = await post(found.url, found.key, asked.path, body)
    frames = [json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: {")]
    counted = [frame["usage"] for frame in frames if frame.get("usage")]
    assert len(counted) == 1 and counted[0]["prompt_tokens"] > 0
    record = await found.record()
    assert (record.usage.input, record.usage.output) == (counted[0]["prompt_tokens"], counted[0]["completion_tokens"])
