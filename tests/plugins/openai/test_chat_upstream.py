"""Chat requests for upstreams: what a target of each dialect gets, and what is listed as lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pisces_openai.chat import Chat
from pisces_openai.provider import OpenAI

from pisces_proxy import chat
from pisces_proxy.chat import (
    Cache,
    Media,
    Opaque,
    OutputFormat,
    Reasoning,
    Refusal,
    Request,
    ServerTool,
    Signature,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from pisces_proxy.errors import Unsupported
from pisces_proxy.plugin import Encoded, Profile

WIRE = Chat()
PNG = "iVBORw0KGgo="
SEARCH = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}


def user(*blocks: chat.Block) -> Turn:
    return Turn(role="user", blocks=blocks)


def model(*blocks: chat.Block) -> Turn:
    return Turn(role="assistant", blocks=blocks)


HI = user(Text(text="hi"))


def sent(*history: Turn, profile: Profile | None = None, **more: Any) -> dict[str, Any]:
    return json.loads(encoded(*history, profile=profile, **more).body)  # type: ignore[no-any-return]


def encoded(*history: Turn, profile: Profile | None = None, **more: Any) -> Encoded:
    return WIRE.encode_request(Request(model="m", turns=history or (HI,), **more), "up", profile or Profile())


def lost(found: Encoded) -> list[str]:
    return [loss.field for loss in found.losses]


def test_the_golden_history_is_the_documented_one() -> None:  # wire.md C15
    history = (
        user(Text(text="Weather in Paris?")),
        model(
            Reasoning(text="need tool", signature=Signature(kind="anthropic", data="S")),
            ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris"}'),
        ),
        user(ToolResult(id="call_1", blocks=(Text(text="18C"),))),
    )
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
    assert sent(*history)["messages"] == [
        {"role": "user", "content": "Weather in Paris?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "18C"},
    ]
    assert encoded(*history).body == encoded(*history).body  # H114


@pytest.mark.parametrize(
    ("profile", "echoes"),
    [
        (Profile(), [None, None]),  # H90
        (Profile(reasoning_echo="always", reasoning="thinking_type"), ["hm", ""]),  # H89
        (Profile(reasoning_echo="tools", reasoning="thinking_type"), ["hm", None]),
    ],
)
def test_earlier_thinking_goes_to_those_who_want_it(profile: Profile, echoes: list[str | None]) -> None:
    history = (
        HI,
        model(Reasoning(text="hm"), ToolCall(id="a", name="f")),
        user(ToolResult(id="a")),
        model(Text(text="ok")),
        HI,
    )
    messages = sent(*history, profile=profile, thinking=Thinking(effort="high"))["messages"]
    assert [message.get("reasoning_content") for message in messages if message["role"] == "assistant"] == echoes


def test_pictures_of_results_follow_behind_all_results() -> None:  # H51
    image = Media(kind="image", data=PNG, mime="image/png")
    calls = [ToolCall(id=name, name="f") for name in ("a", "b")]
    results = (ToolResult(id="a", blocks=(Text(text="see"), image)), ToolResult(id="b", blocks=(Text(text="ok"),), error=True))
    messages = sent(HI, model(*calls), user(*results, Text(text="go on")))["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user"]
    assert messages[2]["content"] == "see\n[image attached below]"
    assert messages[3]["content"] == "Error: ok"
    assert [part["type"] for part in messages[4]["content"]] == ["image_url", "text"]


@pytest.mark.parametrize(
    ("media", "part"),
    [
        (
            Media(kind="image", url="https://a.example/x.png", detail="high"),
            {"type": "image_url", "image_url": {"url": "https://a.example/x.png", "detail": "high"}},
        ),
        (
            Media(kind="document", data="JVBERg==", mime="application/pdf"),
            {"type": "file", "file": {"filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
        ),
        (Media(kind="document", text="abc", title="T"), {"type": "text", "text": '<document name="T">\nabc\n</document>'}),
        (
            Media(kind="audio", data="AAAA", mime="audio/mpeg"),
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        ),
    ],
)
def test_media_have_their_parts(media: Media, part: dict[str, Any]) -> None:  # H99
    assert sent(user(media))["messages"][0]["content"] == [part]


@pytest.mark.parametrize(
    ("block", "profile"),
    [
        (Media(kind="image", url="https://a.example/x"), Profile(images=False)),
        (Media(kind="document", data="AAAA", mime="application/pdf"), Profile(documents=False)),
        (Media(kind="document", url="https://a.example/x.pdf"), Profile()),
        (Media(kind="video", url="https://a.example/x.mp4"), Profile()),
        (Media(kind="audio", data="AAAA", mime="audio/flac"), Profile()),
        (Media(kind="image", file_id="file-1"), Profile()),
        (Opaque(wire="elsewhere", raw=b"{}", what="a container"), Profile()),
    ],
)
def test_content_without_a_place_is_refused(block: chat.Block, profile: Profile) -> None:
    with pytest.raises(Unsupported):
        encoded(user(block), profile=profile)


def test_system_texts_are_one_message_without_marks() -> None:  # H92
    system = (Text(text="a", cache=Cache()), Text(text="b"))
    assert sent(system=system)["messages"][0] == {"role": "system", "content": "a\n\nb"}
    marked = sent(system=system, profile=Profile(cache_marks=True))["messages"][0]["content"]
    assert marked[0] == {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}


def test_a_model_without_a_system_role_is_told_by_the_user() -> None:
    found = encoded(system=(Text(text="be brief"),), profile=Profile(system_role="none"))
    assert json.loads(found.body)["messages"] == [{"role": "user", "content": "be brief\n\nhi"}]
    assert lost(found) == ["system"]


def test_gpt_5_gets_its_own_words() -> None:  # H73
    profile = OpenAI().profile("openai.chat", "gpt-5", {})
    found = encoded(
        profile=profile,
        max_tokens=10,
        temperature=0.2,
        stop=("END",),
        thinking=Thinking(effort="max"),
        system=(Text(text="s"),),
    )
    body = json.loads(found.body)
    assert body["max_completion_tokens"] == 10
    assert body["reasoning_effort"] == "high"
    assert body["messages"][0]["role"] == "developer"
    assert not body.keys() & {"max_tokens", "temperature", "stop"}
    assert set(lost(found)) == {"temperature", "stop", "reasoning_effort"}


@pytest.mark.parametrize(
    ("flags", "thinking", "members"),
    [
        ({"reasoning": "effort", "efforts": ("low", "high")}, Thinking(effort="minimal"), {"reasoning_effort": "low"}),  # H76
        ({"reasoning": "effort"}, Thinking(budget=2000), {"reasoning_effort": "medium"}),
        ({"reasoning": "thinking_type"}, Thinking(effort="none"), {"thinking": {"type": "disabled"}}),
        ({"reasoning": "enable_thinking"}, Thinking(budget=300), {"enable_thinking": True, "thinking_budget": 300}),
        ({"reasoning_field": "reasoning_details"}, Thinking(budget=300), {"reasoning": {"max_tokens": 300}}),
        ({"reasoning": "none"}, Thinking(effort="high"), {}),
        ({"reasoning": "effort"}, Thinking(adaptive=True), {}),
    ],
)
def test_thinking_is_asked_for_in_the_targets_way(flags: dict[str, Any], thinking: Thinking, members: dict[str, Any]) -> None:
    body = sent(profile=Profile(**flags), thinking=thinking)
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == members


def test_tools_are_declared_and_names_restored() -> None:  # H59, H60
    tools = (Tool(name="mcp.files:read"), Tool(name="f", schema=json.dumps(SEARCH).encode(), strict=True))
    found = encoded(tools=tools, tool_choice=ToolChoice(mode="required", names=("mcp.files:read",)), parallel_tool_calls=False)
    body = json.loads(found.body)
    spelling = body["tools"][0]["function"]["name"]
    assert found.names == {spelling: "mcp.files:read"}
    assert body["tool_choice"] == {"type": "function", "function": {"name": spelling}}
    assert body["tools"][0]["function"]["parameters"]["type"] == "object"
    assert body["tools"][1]["function"] == {"name": "f", "parameters": SEARCH, "strict": True}
    assert body["parallel_tool_calls"] is False


def test_without_tools_there_is_no_choice_either() -> None:  # H68, H142
    body = sent(tool_choice=ToolChoice(mode="auto"), parallel_tool_calls=False)
    assert not body.keys() & {"tools", "tool_choice", "parallel_tool_calls"}


@pytest.mark.parametrize(
    ("choice", "flags", "expected", "count"),
    [
        (ToolChoice(mode="none"), {}, "none", 2),  # H67
        (ToolChoice(mode="required"), {"required_word": "any"}, "any", 2),
        (ToolChoice(mode="required"), {"tool_choices": ("auto", "none")}, "auto", 2),
        (ToolChoice(mode="required", names=("a",)), {"tool_choices": ("auto", "none", "required")}, "required", 1),
        (ToolChoice(mode="auto", names=("a",)), {}, "auto", 1),
    ],
)
def test_a_choice_is_said_as_far_as_the_target_understands_it(
    choice: ToolChoice, flags: dict[str, Any], expected: str, count: int
) -> None:
    body = sent(tools=(Tool(name="a"), Tool(name="b")), tool_choice=choice, profile=Profile(**flags))
    assert (body["tool_choice"], len(body["tools"])) == (expected, count)


def test_a_forced_choice_gives_way_to_thinking_where_both_are_refused() -> None:
    profile = Profile(forced_tool_with_reasoning=False, reasoning="thinking_type")
    found = encoded(
        tools=(Tool(name="a"),), tool_choice=ToolChoice(mode="required"), thinking=Thinking(effort="high"), profile=profile
    )
    assert json.loads(found.body)["tool_choice"] == "auto"
    assert lost(found) == ["tool_choice"]


def test_free_form_tools_become_functions_where_there_are_none() -> None:
    history = (HI, model(ToolCall(id="a", name="p", arguments="x\ny", custom=True)), user(ToolResult(id="a")))
    body = sent(*history, tools=(Tool(name="p", custom=True),), profile=Profile(custom_tools=False))
    assert body["tools"][0]["function"]["parameters"]["required"] == ["input"]
    assert json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"input": "x\ny"}
    assert sent(tools=(Tool(name="p", custom=True),))["tools"] == [{"type": "custom", "custom": {"name": "p"}}]


def test_a_tool_that_runs_elsewhere_is_refused() -> None:
    with pytest.raises(Unsupported):
        encoded(server_tools=(ServerTool(kind="computer", wire="anthropic.messages", raw=b"{}"),))


def test_formats_fall_back_to_words() -> None:  # H66
    schema = OutputFormat(kind="schema", schema=b'{"type":"object"}', name="a b")
    assert sent(output=schema)["response_format"]["json_schema"]["name"] == "a_b"
    body = sent(output=schema, profile=Profile(structured="json_object"))
    assert body["response_format"] == {"type": "json_object"}
    assert '{"type":"object"}' in body["messages"][0]["content"]
    assert "JSON" in sent(output=OutputFormat(kind="json"))["messages"][0]["content"]


def test_knobs_that_a_target_does_not_know_are_listed() -> None:
    found = encoded(top_k=3, n=2, seed=1, temperature=3.0, extra={"safetySettings": b"[]"}, profile=Profile(seed=False))
    assert lost(found) == ["temperature", "top_k", "seed", "safetySettings"]
    assert json.loads(found.body)["n"] == 2
    assert sent(top_k=3, profile=Profile(rename={"top_k": "top_k"}))["top_k"] == 3
    with pytest.raises(Unsupported):
        encoded(n=2, profile=Profile(n=False))
    with pytest.raises(Unsupported):
        encoded(extra={"previous_response_id": b'"resp_1"'})


def test_the_dialect_is_data() -> None:
    profile = Profile(defaults={"safe": True}, drop=("user",), rename={"seed": "random_seed"}, tool_id="mistral9", max_output=5)
    history = (HI, model(ToolCall(id="toolu_1", name="f")), user(ToolResult(id="toolu_1")))
    found = encoded(*history, profile=profile, user="u", seed=3, max_tokens=9, stream=True)
    body = json.loads(found.body)
    assert (body["safe"], body["random_seed"], body["max_tokens"]) == (True, 3, 5)
    assert body["stream_options"] == {"include_usage": True}
    assert body["messages"][1]["tool_calls"][0]["id"] == body["messages"][2]["tool_call_id"]
    assert len(body["messages"][2]["tool_call_id"]) == 9
    assert set(lost(found)) == {"user", "max_tokens"}
    assert "stream_options" not in sent(stream=True, profile=Profile(stream_usage="always"))


def test_a_refusal_in_the_history_stays_one() -> None:
    message = sent(HI, model(Refusal(text="no")), HI)["messages"][1]
    assert message == {"role": "assistant", "content": None, "refusal": "no"}
