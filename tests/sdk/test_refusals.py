"""What a target has no such thing as: a clear 400 that names it, and nothing is sent. One table; all else has to work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from anthropic import AsyncAnthropic
from google import genai
from google.genai import types
from openai import AsyncOpenAI
from sdk.conftest import WIRES, Stage
from sdk.talks.mistakes import SDK_ERRORS, mistake

pytestmark = pytest.mark.asyncio(loop_scope="module")
SAY: list[Any] = [{"role": "user", "content": "Hello"}]


async def _chat(stage: Stage, model: str, more: dict[str, Any]) -> None:
    async with AsyncOpenAI(base_url=f"{stage.house.url}/v1", api_key=stage.house.key, max_retries=0) as client:
        await client.chat.completions.create(**{"model": model, "messages": SAY, **more})


async def _responses(stage: Stage, model: str, more: dict[str, Any]) -> None:
    async with AsyncOpenAI(base_url=f"{stage.house.url}/v1", api_key=stage.house.key, max_retries=0) as client:
        await client.responses.create(**{"model": model, "input": "Hello", **more})


async def _messages(stage: Stage, model: str, more: dict[str, Any]) -> None:
    async with AsyncAnthropic(base_url=stage.house.url, api_key=stage.house.key, max_retries=0) as client:
        await client.messages.create(**{"model": model, "messages": SAY, "max_tokens": 100, **more})


async def _contents(stage: Stage, model: str, more: dict[str, Any]) -> None:
    options = types.HttpOptions(base_url=stage.house.url, api_version="v1beta")
    async with genai.Client(api_key=stage.house.key, http_options=options).aio as client:
        await client.models.generate_content(**{"model": model, "contents": "Hello", **more})


def _part(part: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hear, look"}, part]}]}


class Refusal(NamedTuple):
    what: str
    ask: Callable[[Stage, str, dict[str, Any]], Awaitable[None]]
    more: dict[str, Any]
    targets: tuple[str, ...]
    why: str
    named: str  # a word of the message


CC, RS, AM, GM = WIRES
AUDIO = {"type": "input_audio", "input_audio": {"data": "UklGRiQAAABXQVZFZm10IA==", "format": "wav"}}
FILE = {"type": "file", "file": {"file_id": "file-abc"}}
MEMORY = {"type": "memory_20250818", "name": "memory"}
REFUSED = [
    Refusal("two answers", _chat, {"n": 2}, (RS, AM), "these formats hold one answer", "n"),
    Refusal("sound", _chat, _part(AUDIO), (AM,), "Claude does not hear", "audio"),
    Refusal("a vendor's own file", _chat, _part(FILE), (AM, GM), "the file lies with another vendor", "file"),
    Refusal(
        "an earlier response",
        _responses,
        {"previous_response_id": "resp_1"},
        (CC, AM, GM),
        "the memory of another server",
        "previous_response_id",
    ),
    Refusal(
        "a search in files",
        _responses,
        {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]},
        (CC, AM, GM),
        "only OpenAI runs it",
        "file_search",
    ),
    Refusal("a server's tool", _messages, {"tools": [MEMORY]}, (CC, RS, GM), "only Anthropic's models know it", "memory"),
    Refusal("a container", _messages, {"container": "container_1"}, (CC, RS, GM), "it is on Anthropic's side", "container"),
    Refusal(
        "cached content",
        _contents,
        {"config": {"cached_content": "cachedContents/1"}},
        (CC, RS, AM),
        "it lies with Google",
        "cachedContent",
    ),
    Refusal("two candidates", _contents, {"config": {"candidate_count": 2}}, (RS, AM), "these formats hold one answer", "n"),
]
ROWS = [(row, target) for row in REFUSED for target in row.targets]


@pytest.mark.parametrize(("row", "target"), ROWS, ids=[f"{row.what} to {target}" for row, target in ROWS])
async def test_what_a_target_has_no_place_for_is_refused_by_name(stage: Stage, row: Refusal, target: str) -> None:
    upstream = stage.upstreams[target]
    upstream.received.clear()
    with pytest.raises(SDK_ERRORS) as caught:
        await row.ask(stage, upstream.vendor.model, row.more)
    seen = mistake(caught.value)
    assert seen.status == 400
    assert row.named in seen.message
    assert not upstream.received
