"""Tools are called when a question fits them, with arguments that fit their schema."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from plugins.demo.asking import answer_of, asking, calls_of, words_of
from plugins.demo.validity import valid

from pisces_proxy.chat import Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn


def tool(name: str, description: str = "", required: bool = True, **properties: dict[str, Any]) -> Tool:
    schema = {"type": "object", "properties": properties, "required": [*properties] if required else []}
    return Tool(name=name, description=description, schema=msgspec.json.encode(schema))


WEATHER = tool("get_weather", "Get the current weather for a city", city={"type": "string"})
CLOCK = tool("get_time", "Current time in a location", location={"type": "string"})
ADD = tool("add", "Add two numbers", a={"type": "number"}, b={"type": "number"})
CALCULATOR = tool("calculator", "Work out a sum", expression={"type": "string"})
SEARCH = tool("web_search", "Search the web", query={"type": "string"})
MAIL = tool("send_email", "Send an email", to={"type": "string"}, body={"type": "string"})
FORECAST = tool(
    "getWeatherForecast", "", city={"type": "string"}, unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
    days={"type": "integer"},
)  # fmt: skip


def arguments(calls: list[ToolCall]) -> list[Any]:
    return [msgspec.json.decode(call.arguments) for call in calls]


@pytest.mark.parametrize(
    ("said", "offered", "expected"),
    [
        ("What's the weather in Paris?", WEATHER, [{"city": "Paris"}]),
        ("what is the weather in paris today", WEATHER, [{"city": "paris"}]),
        ("Weather for San Francisco, CA please", WEATHER, [{"city": "San Francisco, CA"}]),
        ("What is the weather in Paris, France?", WEATHER, [{"city": "Paris, France"}]),
        ("weather in Paris and London", WEATHER, [{"city": "Paris"}, {"city": "London"}]),
        ("Weather in Paris, London and New York?", WEATHER, [{"city": "Paris"}, {"city": "London"}, {"city": "New York"}]),
        ("北京和上海的天气怎么样?", WEATHER, [{"city": "北京"}, {"city": "上海"}]),
        ("Please add 17 and 25", ADD, [{"a": 17, "b": 25}]),
        ("Use the calculator: 12 * 3", CALCULATOR, [{"expression": "12 * 3"}]),
        ('Search the web for "blue whales"', SEARCH, [{"query": "blue whales"}]),
        ('Send an email to bob@example.com saying "hi there"', MAIL, [{"to": "bob@example.com", "body": "hi there"}]),
        ("Weather forecast for Rome in fahrenheit, 3 days", FORECAST, [{"city": "Rome", "unit": "fahrenheit", "days": 3}]),
    ],
)
async def test_arguments_are_guessed_from_the_question(said: str, offered: Tool, expected: list[Any]) -> None:
    calls = await calls_of(asking(said, tools=(offered,)))
    assert arguments(calls) == expected
    schema = msgspec.json.decode(offered.schema)
    assert all(valid(value, schema, schema) for value in arguments(calls))


async def test_several_tools_that_fit_are_called_in_one_turn() -> None:
    calls = await calls_of(asking("What is the weather in Paris and the time in Tokyo?", tools=(CLOCK, WEATHER)))
    assert [(call.name, call.arguments) for call in calls] == [
        ("get_weather", '{"city":"Paris"}'),
        ("get_time", '{"location":"Tokyo"}'),
    ]
    assert len({call.id for call in calls}) == 2


async def test_parallel_calls_can_be_forbidden() -> None:
    request = asking("weather in Paris and London", tools=(WEATHER, CLOCK), parallel_tool_calls=False)
    assert len(await calls_of(request)) == 1


async def test_a_turn_with_calls_says_why_it_stops() -> None:
    answer = await answer_of(asking("weather in Paris", tools=(WEATHER,)))
    assert answer.choices[0].stop.reason == "tool_calls"


@pytest.mark.parametrize("said", ["Hello!", "Write a poem", "What is 2+2?"])
async def test_a_question_that_no_tool_fits_is_answered(said: str) -> None:
    assert await calls_of(asking(said, tools=(WEATHER, CLOCK))) == []


async def test_tool_choice_none_means_none() -> None:
    assert await calls_of(asking("weather in Paris", tools=(WEATHER,), tool_choice=ToolChoice(mode="none"))) == []


async def test_required_calls_a_tool_that_does_not_fit() -> None:
    (call,) = await calls_of(asking("Hello!", tools=(WEATHER, CLOCK), tool_choice=ToolChoice(mode="required")))
    assert call.name == "get_weather" and "city" in msgspec.json.decode(call.arguments)


async def test_a_named_tool_is_the_one_that_is_called() -> None:
    choice = ToolChoice(mode="required", names=("get_time",))
    (call,) = await calls_of(asking("weather in Paris", tools=(WEATHER, CLOCK), tool_choice=choice))
    assert (call.name, call.arguments) == ("get_time", '{"location":"Paris"}')


@pytest.mark.parametrize("schema", [b"", b'{"type":"object","properties":{}}', b"{}"])
async def test_a_tool_without_parameters_gets_an_empty_object(schema: bytes) -> None:
    (call,) = await calls_of(asking("Check the battery", tools=(Tool(name="battery_level", schema=schema),)))
    assert call.arguments == "{}"


async def test_a_free_form_tool_gets_plain_text() -> None:
    request = asking("apply patch now", tools=(Tool(name="apply_patch", custom=True),))
    (call,) = await calls_of(request)
    assert call.custom and call.arguments == "apply patch now"


async def test_optional_parameters_are_left_alone_unless_the_question_speaks_of_them() -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["rankine", "kelvin"]},
            "note": {"type": "string"},
        },
        "required": ["city"],
    }
    offered = Tool(name="weather", schema=msgspec.json.encode(schema))
    assert arguments(await calls_of(asking("weather in Oslo", tools=(offered,)))) == [{"city": "Oslo"}]
    (spoken,) = arguments(await calls_of(asking("weather in Oslo in kelvin", tools=(offered,))))
    assert spoken == {"city": "Oslo", "unit": "kelvin"}


def results(**values: Any) -> tuple[Turn, ...]:
    return (
        Turn(role="user", blocks=(Text(text="weather in Paris"),)),
        Turn(role="assistant", blocks=(ToolCall(id="c1", name="get_weather", arguments='{"city":"Paris"}'),)),
        Turn(role="user", blocks=(ToolResult(id="c1", blocks=(Text(text='{"temp": 18}'),)),)),
    )


async def test_after_the_results_it_answers_instead_of_calling_again() -> None:
    request = asking("", turns=results(), tools=(WEATHER,))
    assert await calls_of(request) == [] and '{"temp": 18}' in await words_of(request)


async def test_it_thinks_before_it_calls() -> None:
    answer = await answer_of(asking("weather in Paris", tools=(WEATHER,), thinking=Thinking(effort="high")))
    assert [type(block).__name__ for block in answer.choices[0].blocks] == ["Reasoning", "ToolCall"]


async def test_ids_are_the_same_for_the_same_conversation() -> None:
    request = asking("weather in Paris and London", tools=(WEATHER,))
    assert await calls_of(request) == await calls_of(request)
