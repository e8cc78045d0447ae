"""What SDKs do besides chatting: count, list models, meet refusals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors as google
from google.genai import types
from sdk.conftest import Stage
from sdk.talks.mistakes import SDK_ERRORS, mistake
from sdk.talks.talk import Talk
from upstreams.script import COUNT

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _openai(stage: Stage, key: str | None = None) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{stage.house.url}/v1", api_key=key or stage.house.key, max_retries=0)


def _anthropic(stage: Stage) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=stage.house.url, api_key=stage.house.key, max_retries=0)


def _google(stage: Stage, version: str = "v1beta") -> genai.Client:
    return genai.Client(api_key=stage.house.key, http_options=types.HttpOptions(base_url=stage.house.url, api_version=version))


async def _count_anthropic(stage: Stage, model: str) -> int:
    async with _anthropic(stage) as client:
        messages: Any = [{"role": "user", "content": "How long is this, do you think?"}]
        return (await client.messages.count_tokens(model=model, messages=messages)).input_tokens


async def _count_responses(stage: Stage, model: str) -> int:
    async with _openai(stage) as client:
        return (await client.responses.input_tokens.count(model=model, input="How long is this, do you think?")).input_tokens


async def _count_google(stage: Stage, model: str) -> int:
    client = _google(stage)
    counted = await client.aio.models.count_tokens(model=model, contents="How long is this, do you think?")
    await client.aio.aclose()
    return counted.total_tokens or 0


@pytest.mark.parametrize("count", [_count_anthropic, _count_responses, _count_google])
async def test_tokens_are_counted_for_every_model(
    stage: Stage, wire: str, count: Callable[[Stage, str], Awaitable[int]]
) -> None:
    """Asked upstream where it can count, else estimated. H140"""
    upstream = stage.upstreams[wire]
    upstream.received.clear()
    counted = await count(stage, upstream.vendor.model)
    asked_upstream = bool(upstream.received)
    assert counted == COUNT if asked_upstream else 4 <= counted <= 30
    native = {_count_anthropic: "anthropic.messages", _count_responses: "openai.responses", _count_google: "gemini.generate"}
    assert asked_upstream or native[count] != wire


async def test_openai_lists_models(stage: Stage) -> None:
    async with _openai(stage) as client:
        listed = {model.id async for model in client.models.list()}
        one = await client.models.retrieve("gpt-4.1")
    assert {upstream.vendor.model for upstream in stage.upstreams.values()} <= listed
    assert (one.id, one.object) == ("gpt-4.1", "model")


async def test_anthropic_lists_models_page_by_page(stage: Stage) -> None:
    async with _anthropic(stage) as client:
        listed = [model.id async for model in client.models.list(limit=1)]
        one = await client.models.retrieve("claude-sonnet-4-5")
    assert len(listed) == len(set(listed)) == len(stage.upstreams)
    assert one.display_name


@pytest.mark.parametrize("version", ["v1beta", "v1"])
async def test_google_lists_models(stage: Stage, version: str) -> None:
    client = _google(stage, version)
    listed = [model.name async for model in await client.aio.models.list(config={"page_size": 2})]
    one = await client.aio.models.get(model="gemini-3-flash-preview")
    await client.aio.aclose()
    assert len(listed) == len(stage.upstreams)
    assert one.name == "models/gemini-3-flash-preview"


# (what is wrong, the status) -> what each SDK raises
REFUSALS = {
    "a wrong key": (401, {"openai": "AuthenticationError", "anthropic": "AuthenticationError", "gemini": "ClientError"}),
    "an unknown model": (404, {"openai": "NotFoundError", "anthropic": "NotFoundError", "gemini": "ClientError"}),
}


@pytest.mark.parametrize("what", REFUSALS)
async def test_a_refusal_is_raised_as_the_sdks_own_class(
    stage: Stage, kind: type[Talk], stream: bool, what: str
) -> None:  # H122
    status, classes = REFUSALS[what]
    key = "pisces-" + "x" * 40 if what == "a wrong key" else stage.house.key
    model = "no-such-model" if what == "an unknown model" else "gpt-4.1"
    async with kind(stage.house.url, key, model, stream) as talk:
        with pytest.raises(SDK_ERRORS) as caught:
            await talk.ask("Hello?")
    seen = mistake(caught.value)
    assert (seen.status, seen.kind) == (status, classes[kind.wire.partition(".")[0]])
    assert seen.request_id is not None


async def test_google_reads_the_status_of_a_refusal(stage: Stage) -> None:
    client = genai.Client(api_key="pisces-" + "x" * 40, http_options=types.HttpOptions(base_url=stage.house.url))
    with pytest.raises(google.ClientError) as caught:
        await client.aio.models.generate_content(model="gpt-4.1", contents="Hello")
    await client.aio.aclose()
    assert (caught.value.code, caught.value.status) == (401, "UNAUTHENTICATED")
