"""The SDKs' own tool runners: they keep the history themselves, and check more than a plain call does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic import AsyncAnthropic, beta_async_tool
from openai import AsyncOpenAI
from sdk.conftest import Stage
from sdk.talks.talk import DESCRIPTION, TOOL_SCHEMA
from upstreams import script

openai_runner = pytest.importorskip("openai.lib.responses_tool_runner", reason="this version of openai has no tool runner")
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("scene", [script.tool, script.thinking])
async def test_anthropics_tool_runner_finishes(stage: Stage, wire: str, stream: bool, scene: script.Scenario) -> None:
    """It asks for message threads first (a server's memory); told in its own words that there are none, it sends all."""
    asked: list[dict[str, Any]] = []

    @beta_async_tool(name="get_weather", description=DESCRIPTION, input_schema=TOOL_SCHEMA)
    async def get_weather(city: str, days: int) -> str:
        asked.append({"city": city, "days": days})
        return "18 °C"

    stage.upstreams[wire].play(scene)
    model = stage.upstreams[wire].vendor.model
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2000}} if scene is script.thinking else {}
    async with AsyncAnthropic(base_url=stage.house.url, api_key=stage.house.key, max_retries=0) as client:
        messages: Any = [{"role": "user", "content": "What is the weather in Zürich?"}]
        options: dict[str, Any] = {"model": model, "max_tokens": 4000, "messages": messages, "tools": [get_weather], **thinking}
        if stream:
            async for turn in client.beta.messages.tool_runner(**options, stream=True):
                final: Any = await turn.get_final_message()
        else:
            final = await client.beta.messages.tool_runner(**options).until_done()
    assert asked == [json.loads(script.CALLS[0][1])]
    assert "".join(block.text for block in final.content if block.type == "text") == "It says: 18 °C"


@pytest.mark.parametrize("scene", [script.tool, script.thinking])
async def test_openais_tool_runner_finishes(stage: Stage, wire: str, stream: bool, scene: script.Scenario) -> None:
    """It checks each item natively: no null where a member is absent."""
    asked: list[dict[str, Any]] = []

    async def get_weather(arguments: dict[str, Any]) -> str:
        asked.append(arguments)
        return "18 °C"

    stage.upstreams[wire].play(scene)
    tool: Any = {
        "type": "function",
        "name": "get_weather",
        "description": DESCRIPTION,
        "parameters": TOOL_SCHEMA,
        "strict": True,
    }
    runner = openai_runner.AsyncResponsesToolRunner(functions=[openai_runner.AsyncRegisteredFunction(tool, get_weather)])
    params: dict[str, Any] = {"model": stage.upstreams[wire].vendor.model, "input": "What is the weather?", "store": False}
    if scene is script.thinking:
        params |= {"reasoning": {"effort": "medium", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    async with AsyncOpenAI(base_url=f"{stage.house.url}/v1", api_key=stage.house.key, max_retries=0) as client:
        final = await runner.run(client, params, stream=stream, max_steps=4)  # type: ignore[arg-type]
    assert asked == [json.loads(script.CALLS[0][1])]
    assert final.output_text == "It says: 18 °C"
