"""Requests of Responses clients, read."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from pisces_proxy.chat import (
    Media,
    Opaque,
    OutputFormat,
    Reasoning,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.plugin import Operation

from .responses_samples import SEALS, WIRE, asked

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(32)).decode()
PDF = base64.b64encode(b"%PDF-1.7\n" + bytes(32)).decode()
CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at": 1}'}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "seen"}


def test_a_text_as_input_is_one_user_turn() -> None:
    request = asked(input="hi", instructions="be kind", stream=True)
    assert request.turns == (Turn(role="user", blocks=(Text(text="hi"),)),)
    assert request.system == (Text(text="be kind"),)
    assert request.stream and request.model == "client-model"


def test_leading_system_items_are_instructions_and_later_ones_stay_in_place() -> None:  # H91
    items = [
        {"role": "developer", "content": "first"},
        {"role": "user", "content": "hi"},
        {"role": "system", "content": [{"type": "input_text", "text": "later"}]},
    ]
    request = asked(input=items, instructions="zero")
    assert [text.text for text in request.system] == ["zero", "first"]
    assert [turn.role for turn in request.turns] == ["user", "system"]


def test_what_the_assistant_did_in_a_row_is_one_turn() -> None:
    items = [
        {"role": "user", "content": "go"},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "look first"}],
            "encrypted_content": "gAAA",
        },
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Looking."}]},
        CALL,
        RESULT,
        {"role": "user", "content": "and?"},
    ]
    assert asked(input=items).turns[1:] == (
        Turn(
            role="assistant",
            blocks=(
                Reasoning(text="look first", summary=True, signature=Signature(kind="openai", data="gAAA", id="rs_1")),
                Text(text="Looking."),
                ToolCall(id="c1", name="look", arguments='{"at": 1}'),
            ),
        ),
        Turn(role="user", blocks=(ToolResult(id="c1", blocks=(Text(text="seen"),)),)),
        Turn(role="user", blocks=(Text(text="and?"),)),
    )


@pytest.mark.parametrize(
    ("part", "block"),
    [
        ({"type": "input_text", "text": "a"}, Text(text="a")),
        (
            {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"},
            Media(kind="image", url="https://x/y.png", detail="low"),
        ),
        ({"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}, Media(kind="image", data=PNG, mime="image/png")),
        ({"type": "input_image", "file_id": "file-1", "detail": "auto"}, Media(kind="image", file_id="file-1", detail="auto")),
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
            Media(kind="document", data=PDF, mime="application/pdf", filename="a.pdf"),
        ),
        ({"type": "input_file", "file_url": "https://x/a.pdf"}, Media(kind="document", url="https://x/a.pdf")),
        ({"type": "input_file", "file_id": "file-2"}, Media(kind="document", file_id="file-2")),
        (
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
            Media(kind="audio", data="UklGRg==", mime="audio/wav"),
        ),
        ({"type": "refusal", "refusal": "no"}, Refusal(text="no")),
    ],
)
def test_a_content_part_becomes_a_block(part: dict[str, Any], block: Any) -> None:
    assert asked(input=[{"role": "user", "content": [part]}]).turns[0].blocks == (block,)


@pytest.mark.parametrize(
    ("output", "blocks"),
    [
        ("text", (Text(text="text"),)),
        ("", ()),  # H53
        (None, ()),
        ([], ()),
        ([{"type": "input_text", "text": "a"}], (Text(text="a"),)),
        ([{"type": "input_image", "image_url": "https://x/y.png"}], (Media(kind="image", url="https://x/y.png"),)),
        ({"rows": 3}, (Text(text='{"rows":3}'),)),
    ],
)
def test_a_tools_output_may_be_text_parts_or_any_json(output: Any, blocks: Any) -> None:
    items = [CALL, {"type": "function_call_output", "call_id": "c1", "output": output}]
    assert asked(input=items).turns[-1].blocks == (ToolResult(id="c1", blocks=blocks),)


def test_a_codex_turn_is_understood() -> None:  # H107
    items = [
        {"type": "message", "role": "developer", "id": "msg_0", "content": [{"type": "input_text", "text": "rules"}]},
        {"type": "message", "role": "user", "id": "msg_1", "content": [{"type": "input_text", "text": "fix it"}]},
        {"type": "reasoning", "summary": [], "content": None, "encrypted_content": "gAAB"},
        {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": "*** Begin", "status": "completed"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"},
        {"type": "function_call", "call_id": "c2", "name": "close", "namespace": "agents", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c2", "output": "closed"},
        {"type": "tool_search_call", "call_id": "c3", "execution": "client", "arguments": {"query": "x"}},
        {"type": "tool_search_output", "call_id": "c3", "tools": [{"type": "function", "name": "found", "parameters": None}]},
        {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "extra", "parameters": {}}]},
    ]
    tools = [
        {"type": "function", "name": "shell", "parameters": {"type": "object"}, "strict": False},
        {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
        {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "close", "parameters": {}}]},
        {"type": "tool_search", "execution": "client"},
        {"type": "web_search", "external_web_access": True},
    ]
    request = asked(
        input=items, tools=tools, tool_choice="auto", parallel_tool_calls=True, store=False, stream=True, prompt_cache_key="k",
        reasoning={"effort": "high", "summary": "auto"}, include=["reasoning.encrypted_content"], client_metadata={"a": "b"},
    )  # fmt: skip
    assert [tool.name for tool in request.tools] == ["shell", "apply_patch", "agents::close", "found", "extra"]
    assert [(tool.kind, tool.wire) for tool in request.server_tools] == [("web_search", "openai.responses")]
    calls = [block for turn in request.turns for block in turn.blocks if isinstance(block, ToolCall)]
    assert [(call.name, call.custom, call.namespace) for call in calls] == [
        ("apply_patch", True, ""),
        ("agents::close", False, "agents"),
    ]
    assert request.thinking == Thinking(effort="high", include=True, summary="auto")
    assert (request.losses, request.extra) == ((), {})  # nothing of it is lost, so nothing is told


def test_a_sealed_signature_is_opened_and_a_forged_one_is_dropped_with_a_word() -> None:
    carrier = SEALS.seal(Signature(kind="anthropic", data="sig"))
    forged = str(carrier)[:-4] + "AAAA"
    items = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}], "encrypted_content": carrier},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "b"}], "encrypted_content": forged},
    ]
    request = asked(input=items)
    thoughts = [block.signature for block in request.turns[0].blocks if isinstance(block, Reasoning)]
    assert thoughts == [Signature(kind="anthropic", data="sig"), None]
    assert [loss.field for loss in request.losses] == ["input[1].encrypted_content"]


def test_hosted_calls_stay_whole_with_a_summary_and_a_compaction_without() -> None:
    items = [
        {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search", "query": "rain"}},
        {"type": "mcp_call", "id": "m", "name": "add", "arguments": "{}", "output": "3", "server_label": "calc"},
        {"type": "compaction", "encrypted_content": "gAAA"},
        {"type": "of_tomorrow", "id": "x"},
    ]
    blocks = [block for turn in asked(input=items).turns for block in turn.blocks if isinstance(block, Opaque)]
    assert [(block.what, block.summary) for block in blocks] == [
        ("web_search_call", "[web search: rain]"),
        ("mcp_call", "[MCP call: add; {}; 3]"),
        ("compaction", ""),
        ("of_tomorrow", ""),
    ]


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"background": True}, "background"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
    ],
)
def test_what_needs_a_store_is_refused_clearly(members: dict[str, Any], param: str) -> None:  # H88
    with pytest.raises(Unsupported, match="stores no responses") as refusal:
        asked(**members)
    assert (refusal.value.code, refusal.value.param) == ("unsupported_state_reference", param)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input": [{"role": "oracle", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": "hologram"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": 3}]}]}, "input[0].content[0].text"),
        ({"input": [{"type": "function_call", "name": "x"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({"input": 3}, "input"),
        ({"temperature": "hot"}, "temperature"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "a"}, {"type": "function", "name": "a"}]}, "tools[1].name"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"reasoning": {"effort": "heroic"}}, "reasoning.effort"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
    ],
)
def test_a_wrong_member_is_named(members: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        asked(**members)
    assert refusal.value.param == param


@pytest.mark.parametrize("body", [b"", b"[]", b'{"input":', b'"x"', b'{"input":"\xff"}', b"[" * 100_000])
def test_a_body_that_is_no_object_is_a_clear_400(body: bytes) -> None:
    with pytest.raises(BadRequest):
        WIRE.decode_request(Operation(kind="chat", wire=WIRE.name, body=body), SEALS)


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("auto", ToolChoice(mode="auto")),
        ("required", ToolChoice(mode="required")),
        ({"type": "function", "name": "a"}, ToolChoice(mode="required", names=("a",))),
        ({"type": "custom", "name": "b"}, ToolChoice(mode="required", names=("b",))),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "a"}]},
            ToolChoice(mode="auto", names=("a",)),
        ),
        ({"type": "web_search_preview"}, ToolChoice(mode="required")),
    ],
)
def test_each_form_of_tool_choice_is_understood(said: Any, choice: ToolChoice) -> None:
    assert asked(tool_choice=said).tool_choice == choice


def test_the_format_of_the_text_is_flat() -> None:
    text = {"format": {"type": "json_schema", "name": "n", "schema": {"b": 1, "a": 2}, "strict": True}, "verbosity": "low"}
    request = asked(text=text)
    assert request.output == OutputFormat(kind="schema", name="n", schema=b'{"b": 1, "a": 2}', strict=True)
    assert request.verbosity == "low"


def test_members_without_a_place_are_kept_and_those_without_meaning_are_not() -> None:
    request = asked(max_tool_calls=3, top_k=5, metadata={"a": "1"}, safety_identifier="u", stream_options={}, moderation=None)
    assert request.extra == {"max_tool_calls": b"3", "top_k": b"5"}
    assert (request.metadata, request.user) == (b'{"a": "1"}', "u")


def test_a_store_that_was_asked_for_is_told_as_lost() -> None:
    assert [(loss.field, loss.action) for loss in asked(store=True).losses] == [("store", "dropped")]
    assert not asked(store=False).losses and not asked().losses
