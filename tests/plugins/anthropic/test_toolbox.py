"""Tools, and structured answers that may need one, as Anthropic takes them."""

from __future__ import annotations

from typing import Any

import pytest

from pisces_proxy import chat
from pisces_proxy.chat import Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult
from pisces_proxy.errors import BadRequest, Unsupported

from .speaking import SONNET_4, asked, assistant, encoded, lost, sent, user

SCHEMA = b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'
WEATHER = Tool(name="get_weather", description="Weather", schema=SCHEMA)
CALL = ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris"}')
RESULT = ToolResult(id="call_1", blocks=(Text(text="18C"),))
HI = user(Text(text="Hi"))


def content(body: dict[str, Any], index: int = -1) -> Any:
    return body["messages"][index]["content"]


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),  # H68
        (ToolChoice(mode="none"), False, {"type": "none"}),  # H67
        (ToolChoice(mode="required"), None, {"type": "any"}),
        (
            ToolChoice(mode="required", names=("get_weather",)),
            False,
            {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_the_choice_among_tools(choice: ToolChoice | None, parallel: bool | None, expected: Any) -> None:
    body = sent(asked(tools=(WEATHER,), tool_choice=choice, parallel_tool_calls=parallel))
    assert (len(body["tools"]), body.get("tool_choice")) == (1, expected)


def test_without_tools_there_is_no_choice_H68() -> None:
    assert "tool_choice" not in sent(asked(parallel_tool_calls=False, tool_choice=ToolChoice(mode="auto")))


def test_a_choice_that_the_model_does_not_take_becomes_its_own() -> None:
    request = asked(tools=(WEATHER,), tool_choice=ToolChoice(mode="required"), parallel_tool_calls=False)
    body = sent(request, tool_choices=("auto", "none"), parallel_tool_calls=False)
    assert body["tool_choice"] == {"type": "auto"}
    assert ("tool_choice", "changed") in lost(request, tool_choices=("auto", "none"))


def test_an_allowed_subset_is_all_that_is_sent() -> None:
    tools = (WEATHER, Tool(name="other"), Tool(name="third"))
    body = sent(asked(tools=tools, tool_choice=ToolChoice(mode="required", names=("get_weather", "third"))))
    assert ([tool["name"] for tool in body["tools"]], body["tool_choice"]) == (["get_weather", "third"], {"type": "any"})


def test_calls_in_history_without_tools_get_declared_and_not_called() -> None:
    body = sent(asked(HI, assistant(CALL), user(RESULT)))
    assert [tool["name"] for tool in body["tools"]] == ["get_weather"]
    assert body["tool_choice"] == {"type": "none"}


def test_a_name_that_anthropic_cannot_spell_is_changed_everywhere_and_can_be_restored() -> None:
    call = ToolCall(id="call_1", name="files.read")
    request = asked(
        HI,
        assistant(call),
        user(RESULT),
        tools=(Tool(name="files.read"),),
        tool_choice=ToolChoice(mode="required", names=("files.read",)),
    )
    body, names = sent(request), encoded(request).names
    spelled = body["tools"][0]["name"]
    assert spelled == content(body, 1)[0]["name"] == body["tool_choice"]["name"]
    assert names == {spelled: "files.read"}


def test_a_tool_for_free_text_becomes_a_function_with_one_input() -> None:
    call = ToolCall(id="call_1", name="patch", arguments="*** Begin", custom=True)
    body = sent(asked(HI, assistant(call), user(RESULT), tools=(Tool(name="patch", custom=True, grammar=b"{}"),)))
    assert body["tools"][0]["input_schema"]["required"] == ["input"]
    assert content(body, 1)[0]["input"] == {"input": "*** Begin"}


def test_a_tool_without_parameters_takes_an_empty_object() -> None:
    assert sent(asked(tools=(Tool(name="now"),)))["tools"] == [
        {"name": "now", "input_schema": {"type": "object", "properties": {}}}
    ]


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(BadRequest):
        encoded(asked(tools=(WEATHER, WEATHER)))


def test_the_upstreams_own_tools_are_mapped_or_refused() -> None:
    location = b'{"type":"web_search","user_location":{"type":"approximate","city":"Paris"}}'
    search = chat.ServerTool(kind="web_search", wire="openai.responses", raw=location)
    assert sent(asked(server_tools=(search,)))["tools"] == [
        {"type": "web_search_20250305", "name": "web_search", "user_location": {"type": "approximate", "city": "Paris"}}
    ]
    with pytest.raises(Unsupported):
        encoded(asked(server_tools=(chat.ServerTool(kind="file_search", wire="openai.responses", raw=b"{}"),)))


# -- structured answers ------------------------------------------------------------------------------------------------

OUTPUT = chat.OutputFormat(kind="schema", schema=SCHEMA, strict=True)


def test_a_schema_is_native_where_the_model_has_it() -> None:
    chosen = sent(asked(output=OUTPUT))["output_config"]["format"]
    assert (chosen["type"], chosen["schema"]["additionalProperties"]) == ("json_schema", False)


def test_a_schema_is_a_forced_tool_on_older_models_H65() -> None:
    body = sent(asked(output=OUTPUT), SONNET_4)
    assert [tool["name"] for tool in body["tools"]] == ["json_output"]
    assert body["tool_choice"] == {"type": "tool", "name": "json_output"}
    assert ("response_format", "emulated") in lost(asked(output=OUTPUT), SONNET_4)


def test_a_forced_structure_and_thinking_do_not_go_together() -> None:
    body = sent(asked(output=OUTPUT, thinking=Thinking(budget=2000)), SONNET_4)
    assert (body["thinking"], body["tool_choice"]["type"]) == ({"type": "disabled"}, "tool")


def test_with_tools_of_its_own_the_model_chooses_between_them_and_the_answer() -> None:
    body = sent(asked(output=OUTPUT, tools=(WEATHER, Tool(name="json_output"))), SONNET_4)
    assert [tool["name"] for tool in body["tools"]] == ["get_weather", "json_output_tool", "json_output"]
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}


def test_an_answer_that_is_no_object_is_wrapped() -> None:
    listed = chat.OutputFormat(kind="schema", schema=b'{"type":"array","items":{"type":"string"}}')
    (tool,) = sent(asked(output=listed))["tools"]
    assert (tool["name"], list(tool["input_schema"]["properties"])) == ("json_output_value", ["value"])


def test_a_json_object_is_asked_for_in_words_H66() -> None:
    body = sent(asked(output=chat.OutputFormat(kind="json"), system=(Text(text="Be brief."),)))
    assert next(block["text"] for block in body["system"]) == "Be brief."
    assert "JSON object" in body["system"][1]["text"]
