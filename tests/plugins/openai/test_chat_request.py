"""Chat requests as clients send them, in canonical form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pisces_openai.chat import Chat

from pisces_proxy import chat
from pisces_proxy.chat import (
    Cache,
    Media,
    Opaque,
    OutputFormat,
    Reasoning,
    Request,
    Signature,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from pisces_proxy.errors import BadRequest
from pisces_proxy.plugin import Operation
from pisces_proxy.seals import Seals

WIRE = Chat()
SEALS = Seals([b"a secret"])
PNG = "iVBORw0KGgo="
SAY = [{"role": "user", "content": "hi"}]
SEARCH = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}


def decoded(body: dict[str, Any] | bytes) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps({"model": "m", "messages": SAY, **body}).encode()
    return WIRE.decode_request(Operation(kind="chat", wire=WIRE.name, model="m", body=raw), SEALS)


def turns(*messages: dict[str, Any]) -> tuple[Turn, ...]:
    return decoded({"messages": list(messages)}).turns


def parts(*content: dict[str, Any]) -> tuple[chat.Block, ...]:
    return turns({"role": "user", "content": list(content)})[0].blocks


def test_leading_instructions_are_the_system_and_later_ones_stay_where_they_are() -> None:
    found = decoded(
        {
            "messages": [
                {"role": "developer", "content": "be brief"},
                {
                    "role": "system",
                    "content": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
                },
                {"role": "user", "content": "hi"},
                {"role": "system", "content": "be quick"},
            ]
        }
    )
    assert found.system == (Text(text="be brief"), Text(text="be kind", cache=Cache(ttl="1h")))
    assert [turn.role for turn in found.turns] == ["user", "system"]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://a.example/x.png", "detail": "low"}},
            Media(kind="image", url="https://a.example/x.png", detail="low"),
        ),
        ({"type": "image_url", "image_url": "https://a.example/x.png"}, Media(kind="image", url="https://a.example/x.png")),
        (
            {"type": "image_url", "image_url": {"url": f"data:IMAGE/PNG;base64,{PNG}"}},
            Media(kind="image", data=PNG, mime="image/png"),
        ),
        ({"type": "file_url", "file_url": "https://a.example/x.pdf"}, Media(kind="document", url="https://a.example/x.pdf")),
        (
            {"type": "file_url", "file_url": {"url": "https://a.example/x.pdf"}},
            Media(kind="document", url="https://a.example/x.pdf"),
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg=="}},
            Media(kind="document", data="JVBERg==", mime="application/pdf"),
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, Media(kind="document", file_id="file-1")),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            Media(kind="audio", data="AAAA", mime="audio/mpeg"),
        ),
        (
            {"type": "video_url", "video_url": {"url": "https://a.example/x.mp4"}},
            Media(kind="video", url="https://a.example/x.mp4"),
        ),
        ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, Text(text="a", cache=Cache())),
        (
            {"type": "hologram", "hologram": 1},
            Opaque(wire="openai.chat", raw=b'{"type":"hologram","hologram":1}', what="messages[0].content[0] (hologram)"),
        ),
    ],
)
def test_every_content_part_has_a_block(part: dict[str, Any], block: chat.Block) -> None:  # H96, H98
    assert parts(part) == (block,)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": 3}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "robot", "content": ""}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "file_url", "file_url": "x"}]}]},
            "messages[0].content[0].file_url",
        ),
        ({"messages": [*SAY, {"role": "tool", "content": "x"}]}, "messages[1].tool_call_id"),
        ({"temperature": "hot"}, "temperature"),
        ({"n": 0}, "n"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": 1}}]}, "tools[0].function.name"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"reasoning_effort": "heroic"}, "reasoning_effort"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"stop": [1]}, "stop[0]"),
        ({"extra_body": 1}, "extra_body"),
    ],
)
def test_what_is_wrong_is_named_with_its_path(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decoded(body)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "raw", [b'{"model":"m","messages":' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"messages":[NaN]}', b"[]", b"{"]
)
def test_bodies_that_cannot_be_read_are_refused(raw: bytes) -> None:  # H108
    with pytest.raises(BadRequest):
        decoded(raw)


def test_an_assistant_message_keeps_text_beside_calls_and_big_numbers() -> None:  # H49, H109
    calls = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"n":12345678901234567890,"x":1.0}'}}]
    found = turns(*SAY, {"role": "assistant", "content": "wait", "tool_calls": calls, "reasoning_content": "hm"})[1]
    arguments = '{"n":12345678901234567890,"x":1.0}'
    assert found.blocks == (Reasoning(text="hm"), Text(text="wait"), ToolCall(id="a", name="f", arguments=arguments))


def test_neighbouring_results_are_one_turn() -> None:  # H50
    results = [{"role": "tool", "tool_call_id": name, "content": name} for name in ("a", "b")]
    assert turns(*SAY, *results, *SAY)[1].blocks == (
        ToolResult(id="a", blocks=(Text(text="a"),)),
        ToolResult(id="b", blocks=(Text(text="b"),)),
    )


@pytest.mark.parametrize("content", ["", None, []])
def test_a_result_may_be_empty(content: Any) -> None:  # H53
    assert turns(*SAY, {"role": "tool", "tool_call_id": "a", "content": content})[1].blocks == (ToolResult(id="a"),)


def test_a_result_may_hold_a_picture() -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    result = turns(*SAY, {"role": "tool", "tool_call_id": "a", "content": [image]})[1].blocks[0]
    assert isinstance(result, ToolResult)
    assert result.blocks == (Media(kind="image", data=PNG, mime="image/png"),)


def test_legacy_functions_are_tools() -> None:  # H111
    found = decoded(
        {
            "messages": [
                *SAY,
                {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
                {"role": "function", "name": "f", "content": "ok"},
            ],
            "functions": [{"name": "f", "parameters": SEARCH}],
            "function_call": {"name": "f"},
        }
    )
    assert (found.legacy_functions, found.tools[0].name, found.tool_choice) == (
        True,
        "f",
        ToolChoice(mode="required", names=("f",)),
    )
    call, result = found.turns[1].blocks[0], found.turns[2].blocks[0]
    assert isinstance(call, ToolCall) and isinstance(result, ToolResult)
    assert call.id == result.id != ""


@pytest.mark.parametrize(
    ("extra", "block"),
    [
        (
            {"google": {"thought_signature": "R0VN"}},
            ToolCall(id="a", name="f", arguments="{}", signature=Signature(kind="gemini", data="R0VN")),
        ),
        ({"pisces": {"sig": "UFND-forged"}}, ToolCall(id="a", name="f", arguments="{}")),
    ],
)
def test_signatures_on_calls_are_read_and_forged_ones_are_not(extra: dict[str, Any], block: ToolCall) -> None:  # H79
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": extra}
    assert turns(*SAY, {"role": "assistant", "tool_calls": [call]})[1].blocks == (block,)


def test_details_from_openrouter_keep_their_signatures() -> None:
    details = [{"type": "reasoning.text", "text": "hm", "signature": "SIG", "format": "anthropic-claude-v1", "index": 0}]
    found = turns(*SAY, {"role": "assistant", "content": "x", "reasoning": "hm", "reasoning_details": details})[1]
    assert found.blocks == (Reasoning(text="hm", signature=Signature(kind="anthropic", data="SIG")), Text(text="x"))


@pytest.mark.parametrize(
    ("members", "thinking"),
    [
        ({"reasoning_effort": "high"}, Thinking(effort="high", include=True)),
        ({"reasoning": {"effort": "low", "exclude": True}}, Thinking(effort="low")),
        ({"reasoning": {"max_tokens": 2000}}, Thinking(budget=2000, include=True)),
        ({"enable_thinking": True}, Thinking(effort="auto", include=True)),
        ({"enable_thinking": True, "thinking_budget": 512}, Thinking(budget=512, include=True)),
        ({"enable_thinking": False}, Thinking(effort="none", include=True)),
        ({"thinking": {"type": "disabled"}}, Thinking(effort="none", include=True)),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, Thinking(budget=4096, include=True)),
        ({"chat_template_kwargs": {"enable_thinking": False}}, Thinking(effort="none", include=True)),
        ({"extra_body": {"enable_thinking": False}}, Thinking(effort="none", include=True)),
        ({}, None),
    ],
)
def test_every_spelling_of_thinking_is_understood(members: dict[str, Any], thinking: Thinking | None) -> None:
    assert decoded(members).thinking == thinking


def test_knobs_tools_and_formats_arrive() -> None:
    found = decoded(
        {
            "max_tokens": 5,
            "max_completion_tokens": 7,
            "temperature": 1.5,
            "top_k": 3,
            "stop": "END",
            "seed": 4,
            "logprobs": True,
            "tools": [
                {"type": "function", "function": {"name": "f", "parameters": None, "strict": True}},
                {"type": "custom", "custom": {"name": "p", "format": {"type": "text"}}},
                {"type": "openrouter:web_search"},
            ],
            "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"function": {"name": "f"}}]}},
            "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SEARCH, "strict": True}},
            "safety_identifier": "u",
            "user": "old",
            "store": False,
            "prompt_cache_key": "k",
            "logit_bias": None,
            "provider": {"order": []},
            "stream_options": {"include_usage": True},
        }
    )
    assert (found.max_tokens, found.temperature, found.top_k, found.stop, found.user) == (7, 1.5, 3, ("END",), "u")
    assert found.tools == (Tool(name="f", strict=True), Tool(name="p", custom=True, grammar=b'{"type": "text"}'))
    assert found.server_tools[0].kind == "web_search"
    assert found.tool_choice == ToolChoice(mode="auto", names=("f",))
    assert found.output == OutputFormat(kind="schema", schema=json.dumps(SEARCH).encode(), name="s", strict=True)
    assert found.extra == {"provider": b'{"order": []}'}
    assert found.include_usage and found.cache_key == "k"


def test_a_result_of_a_free_form_tool_knows_that_it_is_one() -> None:
    call = {"id": "a", "type": "custom", "custom": {"name": "p", "input": "x"}}
    found = turns(*SAY, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "a", "content": "ok"})
    assert found[2].blocks == (ToolResult(id="a", blocks=(Text(text="ok"),), custom=True),)


def test_the_sound_of_an_earlier_answer_is_listed_as_lost() -> None:
    found = decoded({"messages": [*SAY, {"role": "assistant", "content": None, "audio": {"id": "audio_1"}}, *SAY]})
    assert [loss.field for loss in found.losses] == ["messages[1].audio"]


def test_instructions_hold_text_only() -> None:
    image = {"type": "image_url", "image_url": "https://a.example/x.png"}
    with pytest.raises(BadRequest, match=r"messages\[0\].content"):
        decoded({"messages": [{"role": "system", "content": [image]}, *SAY]})
