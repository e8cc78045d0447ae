"""Requests for Responses upstreams."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from pisces_proxy.chat import (
    Loss,
    Media,
    Opaque,
    OutputFormat,
    Reasoning,
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
from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.plugin import Profile

from .responses_samples import PLAIN, WIRE, sent

THINKER = Profile(reasoning="effort", efforts=("low", "medium", "high"))
USER = Turn(role="user", blocks=(Text(text="hi"),))
SCHEMA = b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}'
OWN = Reasoning(text="need tool", summary=True, signature=Signature(kind="openai", data="gAAA+/=", id="rs_1"))


def a_request(*turns: Turn, **members: Any) -> Request:
    return Request(model="client-model", turns=turns or (USER,), **members)


def losses(request: Request, profile: Profile = PLAIN) -> list[tuple[str, str]]:
    return [(loss.field, loss.action) for loss in WIRE.encode_request(request, "m", profile).losses]


def with_call(*before: Any, results: tuple[Any, ...] = (Text(text="18C"),), error: bool = False) -> tuple[Turn, ...]:
    call = ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris"}')
    answer = ToolResult(id="call_1", blocks=results, error=error)
    return USER, Turn(role="assistant", blocks=(*before, call)), Turn(role="user", blocks=(answer,))


def test_the_golden_turn_goes_out_stateless() -> None:  # wire.md C15, H86
    body = sent(a_request(*with_call(OWN)), THINKER)
    assert body == {
        "model": "upstream-model",
        "input": [
            {"type": "message", "role": "user", "content": "hi"},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "need tool"}], "encrypted_content": "gAAA+/="},
            {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Paris"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "18C"},
        ],
        "include": ["reasoning.encrypted_content"],
        "store": False,
    }


@pytest.mark.parametrize("kind", ["anthropic", "gemini", "xai"])
def test_another_familys_thinking_stays_here(kind: str) -> None:
    thought = Reasoning(text="t", signature=Signature(kind=kind, data="s"))
    assert "reasoning" not in [item["type"] for item in sent(a_request(*with_call(thought)))["input"]]


def test_a_thought_that_nothing_came_of_is_left_out() -> None:
    items = sent(a_request(USER, Turn(role="assistant", blocks=(OWN, Text(text="x"), OWN)), USER))["input"]
    assert [item["type"] for item in items] == ["message", "reasoning", "message", "message"]


def test_an_upstream_with_signatures_of_its_own_gets_them_back() -> None:
    thought = Reasoning(signature=Signature(kind="xai", data="s"))
    items = sent(a_request(*with_call(thought)), Profile(signature="xai"))["input"]
    assert items[1] == {"type": "reasoning", "summary": [], "encrypted_content": "s"}


@pytest.mark.parametrize(
    ("profile", "included"),
    [(THINKER, True), (PLAIN, False), (Profile(reasoning="none"), False), (Profile(efforts=("low",)), True)],
)
def test_only_models_that_think_are_asked_for_encrypted_thinking(profile: Profile, included: bool) -> None:  # H87
    assert ("include" in sent(a_request(), profile)) is included


@pytest.mark.parametrize(
    ("wish", "profile", "reasoning"),
    [
        (Thinking(effort="medium"), THINKER, {"effort": "medium"}),
        (Thinking(effort="max"), THINKER, {"effort": "high"}),
        (Thinking(budget=1024, include=True), THINKER, {"effort": "low", "summary": "auto"}),
        (Thinking(budget=-1, include=True), THINKER, {"summary": "auto"}),
        (Thinking(effort="high", include=True, summary="detailed"), PLAIN, {"effort": "high", "summary": "detailed"}),
        (Thinking(effort="none"), Profile(efforts=("low", "high"), reasoning_off=False), {"effort": "low"}),
        (Thinking(effort="high"), Profile(reasoning="none"), None),
    ],
)
def test_thinking_is_asked_for_as_the_model_knows_it(wish: Thinking, profile: Profile, reasoning: Any) -> None:
    assert sent(a_request(thinking=wish), profile).get("reasoning") == reasoning


def test_strict_is_always_said() -> None:  # wire.md A2.2
    tools = (Tool(name="a", schema=SCHEMA), Tool(name="b", schema=SCHEMA, strict=True), Tool(name="c"))
    body = sent(a_request(tools=tools))
    assert [(tool["name"], tool["strict"]) for tool in body["tools"]] == [("a", False), ("b", True), ("c", False)]
    assert body["tools"][2]["parameters"] == {"type": "object", "properties": {}}


def test_a_schema_that_strictness_would_change_is_not_enforced() -> None:
    tool = Tool(name="a", schema=b'{"type":"object","properties":{"x":{"not":{"type":"string"}}}}', strict=True)
    request = a_request(tools=(tool,))
    assert sent(request)["tools"][0]["strict"] is False
    assert ("tools.a.strict", "changed") in losses(request)


def test_free_form_tools_keep_their_grammar_or_become_functions() -> None:  # H106
    tool = Tool(name="patch", custom=True, grammar=b'{"type":"text"}')
    call = ToolCall(id="c", name="patch", arguments="*** Begin", custom=True)
    turns = (USER, Turn(role="assistant", blocks=(call,)), Turn(role="user", blocks=(ToolResult(id="c", custom=True),)))
    native = sent(a_request(*turns, tools=(tool,)))
    assert native["tools"] == [{"type": "custom", "name": "patch", "format": {"type": "text"}}]
    assert native["input"][1:] == [
        {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "*** Begin"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": ""},
    ]
    emulated = sent(a_request(*turns, tools=(tool,)), Profile(custom_tools=False))
    assert emulated["tools"][0]["type"] == "function"
    assert emulated["input"][1]["arguments"] == '{"input":"*** Begin"}'
    assert emulated["input"][2]["type"] == "function_call_output"


def test_names_that_the_target_refuses_are_changed_everywhere_and_told() -> None:
    call = ToolCall(id="c", name="agents::close", namespace="agents")
    turns = (USER, Turn(role="assistant", blocks=(call,)), Turn(role="user", blocks=(ToolResult(id="c"),)))
    request = a_request(
        *turns, tools=(Tool(name="agents::close"),), tool_choice=ToolChoice(mode="required", names=("agents::close",))
    )
    encoded = WIRE.encode_request(request, "m", PLAIN)
    body = json.loads(encoded.body)
    name = body["tools"][0]["name"]
    assert name == body["input"][1]["name"] == body["tool_choice"]["name"] != "agents::close"
    assert encoded.names == {name: "agents::close"}


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (ToolChoice(mode="auto"), "auto"),
        (ToolChoice(mode="none"), "none"),
        (ToolChoice(mode="required"), "required"),
        (ToolChoice(mode="required", names=("a",)), {"type": "function", "name": "a"}),
        (ToolChoice(mode="required", names=("p",)), {"type": "custom", "name": "p"}),
        (
            ToolChoice(mode="auto", names=("a", "p")),
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "a"}, {"type": "custom", "name": "p"}],
            },
        ),
    ],
)
def test_each_choice_is_said_in_this_wires_words(choice: ToolChoice, said: Any) -> None:
    tools = (Tool(name="a"), Tool(name="p", custom=True))
    profile = Profile(tool_choices=("auto", "none", "required", "function", "allowed_tools"))
    assert sent(a_request(tools=tools, tool_choice=choice), profile)["tool_choice"] == said


@pytest.mark.parametrize(
    ("profile", "choice", "said", "offered"),
    [
        (PLAIN, ToolChoice(mode="auto", names=("a",)), "auto", ["a"]),
        (PLAIN, ToolChoice(mode="required", names=("a", "b")), "required", ["a", "b"]),
        (Profile(tool_choices=("auto", "none")), ToolChoice(mode="required", names=("a",)), None, ["a", "b", "c"]),
        (Profile(forced_tool_with_reasoning=False), ToolChoice(mode="required"), "auto", ["a", "b", "c"]),
        (Profile(required_word="any"), ToolChoice(mode="required"), "any", ["a", "b", "c"]),
    ],
)
def test_a_choice_that_cannot_be_said_comes_near_it(
    profile: Profile, choice: ToolChoice, said: Any, offered: list[str]
) -> None:
    tools = (Tool(name="a"), Tool(name="b"), Tool(name="c"))
    request = a_request(tools=tools, tool_choice=choice, thinking=Thinking(effort="low"))
    body = sent(request, profile)
    assert (body.get("tool_choice"), [tool["name"] for tool in body["tools"]]) == (said, offered)
    assert profile.required_word == "any" or "tool_choice" in dict(losses(request, profile))


def test_without_tools_there_is_no_choice_among_them() -> None:
    body = sent(a_request(tool_choice=ToolChoice(mode="auto"), parallel_tool_calls=False))
    assert not body.keys() & {"tools", "tool_choice", "parallel_tool_calls"}


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        (ServerTool(kind="mcp", wire="openai.responses", raw=b'{"type":"mcp"}'), {"type": "mcp"}),
        (
            ServerTool(
                kind="web_search",
                wire="anthropic.messages",
                raw=b'{"type":"web_search_20250305","allowed_domains":["a.example"]}',
            ),
            {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}},
        ),
        (
            ServerTool(
                kind="web_search",
                wire="openai.chat",
                raw=b'{"user_location":{"type":"approximate","approximate":{"city":"Oslo"}}}',
            ),
            {"type": "web_search", "user_location": {"type": "approximate", "city": "Oslo"}},
        ),
        (
            ServerTool(kind="code_execution", wire="gemini.generate", raw=b"{}"),
            {"type": "code_interpreter", "container": {"type": "auto"}},
        ),
    ],
)
def test_hosted_tools_that_exist_here_are_mapped(tool: ServerTool, said: Any) -> None:
    assert sent(a_request(server_tools=(tool,)))["tools"] == [said]


def test_a_hosted_tool_of_another_wire_alone_is_refused() -> None:  # H105
    tool = ServerTool(kind="text_editor", wire="anthropic.messages", raw=b"{}")
    with pytest.raises(Unsupported, match="text_editor"):
        sent(a_request(server_tools=(tool,)))


@pytest.mark.parametrize(
    ("media", "part"),
    [
        (Media(kind="image", url="https://x/y.png"), {"type": "input_image", "detail": "auto", "image_url": "https://x/y.png"}),
        (
            Media(kind="image", data="AAAA", mime="image/png", detail="high"),
            {"type": "input_image", "detail": "high", "image_url": "data:image/png;base64,AAAA"},
        ),
        (Media(kind="image", file_id="f"), {"type": "input_image", "detail": "auto", "file_id": "f"}),
        (Media(kind="document", url="https://x/a.pdf"), {"type": "input_file", "file_url": "https://x/a.pdf"}),
        (
            Media(kind="document", data="AAAA", mime="application/pdf", filename="a.pdf"),
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
        ),
        (
            Media(kind="audio", data="AAAA", mime="audio/mpeg"),
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        ),
    ],
)
def test_media_become_input_parts(media: Media, part: Any) -> None:
    request = a_request(Turn(role="user", blocks=(Text(text="see"), media)))
    assert sent(request)["input"][0]["content"] == [{"type": "input_text", "text": "see"}, part]


@pytest.mark.parametrize(
    "media", [Media(kind="video", url="https://x/v.mp4"), Media(kind="audio", data="AAAA", mime="audio/flac")]
)
def test_media_without_a_place_are_refused(media: Media) -> None:
    with pytest.raises(Unsupported):
        sent(a_request(Turn(role="user", blocks=(media,))))


def test_images_in_results_stay_there_or_follow_behind_all_results() -> None:
    image = Media(kind="image", url="https://x/y.png")
    turns = with_call(results=(Text(text="a chart"), image))
    output = sent(a_request(*turns))["input"][2]["output"]
    assert [part["type"] for part in output] == ["input_text", "input_image"]
    moved = sent(a_request(*turns), Profile(media_in_results=False))["input"]
    assert moved[2]["output"] == "a chart\n[image attached below]"
    assert moved[3]["content"][0]["type"] == "input_image"


@pytest.mark.parametrize(("text", "output"), [("boom", "Error: boom"), ("Error: boom", "Error: boom"), ("", "Error: ")])
def test_a_failed_tool_says_so(text: str, output: str) -> None:
    assert sent(a_request(*with_call(results=(Text(text=text),), error=True)))["input"][2]["output"] == output


def test_a_call_without_arguments_has_an_empty_object_of_them() -> None:
    turns = (
        USER,
        Turn(role="assistant", blocks=(ToolCall(id="c", name="f"),)),
        Turn(role="user", blocks=(ToolResult(id="c"),)),
    )
    assert sent(a_request(*turns))["input"][1]["arguments"] == "{}"


def test_an_id_that_is_too_long_is_the_same_short_one_twice() -> None:
    long = "toolu_" + "x" * 90
    turns = (
        USER,
        Turn(role="assistant", blocks=(ToolCall(id=long, name="f"),)),
        Turn(role="user", blocks=(ToolResult(id=long),)),
    )
    items = sent(a_request(*turns))["input"]
    assert items[1]["call_id"] == items[2]["call_id"] and len(items[1]["call_id"]) <= 64


def test_system_text_is_instructions_and_mid_conversation_a_developer_item() -> None:  # H91
    later = Turn(role="system", blocks=(Text(text="now hurry"),))
    body = sent(a_request(USER, later, USER, system=(Text(text="a"), Text(text="b"))))
    assert body["instructions"] == "a\n\nb"
    assert body["input"][1] == {"type": "message", "role": "developer", "content": "now hurry"}


def test_instructions_alone_are_an_input_item() -> None:
    body = sent(Request(model="m", turns=(), system=(Text(text="a"),)))
    assert body["input"] == [{"type": "message", "role": "developer", "content": "a"}] and "instructions" not in body


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"top_k": 5}, ("top_k", "dropped")),
        ({"seed": 0}, ("seed", "dropped")),
        ({"stop": ("x",)}, ("stop", "emulated")),
        ({"presence_penalty": 0.5}, ("presence_penalty", "dropped")),
        ({"logit_bias": b"{}"}, ("logit_bias", "dropped")),
        ({"max_tokens": 5}, ("max_tokens", "changed")),
        ({"temperature": 2.5}, ("temperature", "changed")),
        ({"service_tier": "batch"}, ("service_tier", "dropped")),
        ({"extra": {"prediction": b"{}"}}, ("prediction", "dropped")),
    ],
)
def test_a_knob_that_is_not_here_is_told(members: dict[str, Any], told: tuple[str, str]) -> None:  # wire.md C13
    assert losses(a_request(**members)) == [told]


@pytest.mark.parametrize("members", [{"n": 2}, {"modalities": ("text", "audio")}])
def test_what_this_api_cannot_answer_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        sent(a_request(**members))


@pytest.mark.parametrize(
    ("profile", "left"),
    [
        (PLAIN, {"temperature": 0.5, "top_p": 0.9}),
        (Profile(sampling="reject"), {}),
        (Profile(sampling="temperature_only"), {"temperature": 0.5}),
        (Profile(sampling="one_of"), {"temperature": 0.5}),
        (Profile(drop=("temperature",), rename={"top_p": "nucleus"}), {"nucleus": 0.9}),
    ],
)
def test_sampling_goes_by_the_profile(profile: Profile, left: dict[str, float]) -> None:
    body = sent(a_request(temperature=0.5, top_p=0.9), profile)
    assert {name: body[name] for name in ("temperature", "top_p", "nucleus") if name in body} == left


def test_the_scalars_have_this_wires_names() -> None:
    body = sent(
        a_request(
            max_tokens=100, user="u", metadata=b'{"a":"b"}', cache_key="k", service_tier="flex", verbosity="low", stream=True,
            logprobs=True, top_logprobs=3, output=OutputFormat(kind="json"), extra={"truncation": b'"auto"'},
        )
    )  # fmt: skip
    assert (body["max_output_tokens"], body["metadata"], body["prompt_cache_key"]) == (100, {"a": "b"}, "k")
    assert (body["service_tier"], body["stream"], body["truncation"]) == ("flex", True, "auto")
    assert (body["include"], body["top_logprobs"]) == (["message.output_text.logprobs"], 3)
    assert body["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}


def test_a_schema_for_the_answer_is_flat() -> None:
    output = OutputFormat(kind="schema", name="a name!", schema=SCHEMA, strict=True)
    form = sent(a_request(output=output))["text"]["format"]
    assert (form["type"], form["strict"], form["schema"]) == ("json_schema", True, json.loads(SCHEMA))
    assert form["name"].startswith("a_name_")


def test_what_only_another_wire_knows_is_told_in_words_or_refused() -> None:
    told = Opaque(wire="anthropic.messages", raw=b"{}", what="server_tool_use", summary="[web search: rain]")
    items = sent(a_request(USER, Turn(role="assistant", blocks=(told, Text(text="wet")))))["input"]
    assert items[1] == {"type": "message", "role": "assistant", "content": "[web search: rain]"}
    untold = msgspec.structs.replace(told, summary="")
    with pytest.raises(Unsupported, match="server_tool_use"):
        sent(a_request(USER, Turn(role="assistant", blocks=(untold,))))


def test_own_items_go_back_byte_for_byte() -> None:
    raw = b'{"type":"compaction", "encrypted_content":"gAAA", "n":1.0}'
    body = WIRE.encode_request(
        a_request(USER, Turn(role="assistant", blocks=(Opaque(wire=WIRE.name, raw=raw),))), "m", PLAIN
    ).body
    assert raw in body


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(BadRequest):
        sent(a_request(tools=(Tool(name="a"), Tool(name="a"))))


def test_the_decoders_losses_are_not_told_twice() -> None:
    request = a_request(losses=(Loss(field="x", action="dropped", reason="y"),))
    assert losses(request) == []
