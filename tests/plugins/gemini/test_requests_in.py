"""What clients of Google's API send."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from plugins.gemini.talk import SEALS, decoded, said

from pisces_proxy.chat import (
    Media,
    Opaque,
    OutputFormat,
    Reasoning,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from pisces_proxy.errors import BadRequest, Unsupported

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xfb\xff\xfe").decode()
URL_SAFE = PNG.replace("+", "-").replace("/", "_").rstrip("=")


def test_both_spellings_and_both_alphabets_are_one_request() -> None:  # H100
    camel = {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {
            "maxOutputTokens": 5,
            "topP": 0.5,
            "thinkingConfig": {"thinkingBudget": 7},
            "stopSequences": ["x"],
        },
    }
    snake = {
        "contents": {"parts": [{"text": "Hi"}, {"inline_data": {"mime_type": "image/png", "data": URL_SAFE}}]},
        "system_instruction": "Be brief.",
        "tools": {"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object"}, "description": None}]},
        "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["f"]}},
        "generation_config": {
            "max_output_tokens": "5",
            "topP": 0.5,
            "thinking_config": {"thinking_budget": 7},
            "stop_sequences": "x",
        },
        "cachedContent": None,
    }
    assert decoded(camel) == decoded(snake)
    request = decoded(camel)
    assert request.turns[0].blocks[1] == Media(kind="image", data=PNG, mime="image/png")
    assert request.tool_choice == ToolChoice(mode="required", names=("f",))
    assert request.thinking == Thinking(budget=7)


@pytest.mark.parametrize("contents", ["Hi", ["Hi"], [{"parts": ["Hi"]}], {"parts": {"text": "Hi"}}])
def test_contents_may_be_as_short_as_they_like(contents: Any) -> None:
    request = decoded({"contents": contents})
    assert [(turn.role, turn.blocks) for turn in request.turns] == [("user", (Text(text="Hi"),))]


def test_data_in_arguments_results_and_schemas_keeps_its_names() -> None:
    request = decoded(
        {
            "contents": [
                {"role": "model", "parts": [{"function_call": {"name": "f", "args": {"my_arg": {"in_line": 1.0}}}}]},
                {
                    "role": "function",
                    "parts": [{"function_response": {"name": "f", "response": {"a_b": 12345678901234567890123}}}],
                },
            ],
            "tools": [
                {"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {"my_arg": {}}}}]}
            ],
            "labels": {"cost_centre": "x"},
        }
    )
    call, result = request.turns[0].blocks[0], request.turns[1].blocks[0]
    assert isinstance(call, ToolCall) and call.arguments == '{"my_arg":{"in_line":1.0}}'  # H109
    assert isinstance(result, ToolResult) and result.blocks == (Text(text='{"a_b":12345678901234567890123}'),)
    assert json.loads(request.tools[0].schema)["properties"] == {"my_arg": {}}
    assert json.loads(request.metadata) == {"cost_centre": "x"}


def test_results_without_ids_answer_the_calls_of_their_name_in_order() -> None:  # H102
    call = {"functionCall": {"name": "f", "args": {}}}
    answers = [{"functionResponse": {"name": "f", "response": {"output": text}}} for text in ("one", "two")]
    request = decoded({"contents": [{"role": "model", "parts": [call, call]}, {"role": "user", "parts": answers}]})
    calls = [block.id for block in request.turns[0].blocks if isinstance(block, ToolCall)]
    results = [block for block in request.turns[1].blocks if isinstance(block, ToolResult)]
    assert len(set(calls)) == 2
    assert [(result.id, result.blocks) for result in results] == list(
        zip(calls, [(Text(text="one"),), (Text(text="two"),)], strict=True)
    )
    assert decoded({"contents": [{"role": "model", "parts": [call]}]}).turns[0].blocks[0] == request.turns[0].blocks[0]  # H114


@pytest.mark.parametrize(
    ("response", "text", "error"),
    [
        ({"output": "18C"}, "18C", False),
        ({"error": "no such city"}, "no such city", True),
        ({"error": {"code": 5}}, '{"code":5}', True),
        ({"result": {"a": [1, 2.50]}}, '{"result":{"a":[1,2.5]}}', False),
        ("18C", "18C", False),
        ([1, 2], "[1,2]", False),
        ({"output": {"a": 1}}, '{"output":{"a":1}}', False),
    ],
)
def test_a_function_may_answer_with_anything(response: Any, text: str, error: bool) -> None:  # H103
    request = decoded({"contents": [{"parts": [{"functionResponse": {"id": "a", "name": "f", "response": response}}]}]})
    assert request.turns[0].blocks[0] == ToolResult(id="a", name="f", blocks=(Text(text=text),), error=error)


@pytest.mark.parametrize("response", [{}, {"output": ""}, None])
def test_a_function_may_answer_nothing(response: Any) -> None:  # H53
    request = decoded({"contents": [{"parts": [{"functionResponse": {"id": "a", "name": "f", "response": response}}]}]})
    assert request.turns[0].blocks[0] == ToolResult(id="a", name="f")


def test_images_beside_a_result_belong_to_it() -> None:
    part = {
        "functionResponse": {
            "id": "a",
            "name": "f",
            "response": {},
            "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}],
        }
    }
    block = decoded({"contents": [{"parts": [part]}]}).turns[0].blocks[0]
    assert isinstance(block, ToolResult) and block.blocks == (Media(kind="image", data=PNG, mime="image/png"),)


def signed(part: dict[str, Any], signature: str) -> dict[str, Any]:
    return {**part, "thoughtSignature": signature}


CALL = {"functionCall": {"id": "c", "name": "f", "args": {}}}


def blocks_of(*parts: Any) -> tuple[Any, ...]:
    return decoded({"contents": [{"role": "model", "parts": list(parts)}]}).turns[0].blocks


def test_a_signature_stays_on_its_part_in_either_alphabet() -> None:  # H79 H101
    own = Signature(kind="gemini", data="+/8=")
    assert blocks_of({"text": "a"}, signed(CALL, "-_8")) == (
        Text(text="a"),
        ToolCall(id="c", name="f", arguments="{}", signature=own),
    )
    assert blocks_of(signed({"text": ""}, "+/8=")) == (Text(text="", signature=own),)  # H19


@pytest.mark.parametrize("sentinel", ["skip_thought_signature_validator", "skip/thought/signature/validator"])
def test_the_sentinel_is_no_signature(sentinel: str) -> None:
    assert blocks_of(signed(CALL, sentinel)) == (ToolCall(id="c", name="f", arguments="{}"),)


@pytest.mark.parametrize("url_safe", [False, True])
def test_a_foreign_signature_comes_back_on_the_thinking_it_proves(url_safe: bool) -> None:  # H101
    theirs = Signature(kind="anthropic", data="sig+/==", family="claude")
    carrier = SEALS.seal(theirs) or ""
    if url_safe:
        carrier = carrier.replace("+", "-").replace("/", "_").rstrip("=")
    assert blocks_of({"text": "hm", "thought": True}, {"text": "I look."}, signed(CALL, carrier)) == (
        Reasoning(text="hm", summary=True, signature=theirs), Text(text="I look."), ToolCall(id="c", name="f", arguments="{}"),
    )  # fmt: skip
    assert blocks_of({"text": "I look."}, signed(CALL, carrier)) == (
        Reasoning(signature=theirs), Text(text="I look."), ToolCall(id="c", name="f", arguments="{}"),
    )  # fmt: skip


def test_the_pieces_of_a_streamed_answer_come_back_as_one() -> None:
    theirs = Signature(kind="anthropic", data="sig+/==", family="claude")
    thoughts = ({"text": "I wo", "thought": True}, {"text": "nder.", "thought": True})
    said = ({"text": "Let "}, {"text": " "}, {"text": "me."})
    assert blocks_of(*thoughts, *said, signed(CALL, SEALS.seal(theirs) or "")) == (
        Reasoning(text="I wonder.", summary=True, signature=theirs),
        Text(text="Let  me."),
        ToolCall(id="c", name="f", arguments="{}"),
    )


def test_a_forged_carrier_is_dropped_and_that_is_said() -> None:
    request = decoded({"contents": [{"role": "model", "parts": [signed(CALL, "UFNDMforged")]}]})
    assert request.turns[0].blocks == (ToolCall(id="c", name="f", arguments="{}"),)
    assert [loss.field for loss in request.losses] == ["contents[0].parts[0].thoughtSignature"]


def test_server_tools_in_the_history_survive_the_way_back() -> None:
    block = blocks_of({"executable_code": {"language": "PYTHON", "code": "print(1)"}})[0]
    assert isinstance(block, Opaque)
    assert json.loads(block.raw) == {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
    assert "print(1)" in block.summary


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ({"fileUri": "https://www.youtube.com/watch?v=x"}, Media(kind="video", url="https://www.youtube.com/watch?v=x")),
        ({"fileUri": "gs://b/a.mp3", "mimeType": "audio/mpeg"}, Media(kind="audio", file_id="gs://b/a.mp3", mime="audio/mpeg")),
        (
            {"fileUri": "https://x.org/a.png", "mimeType": "image/png"},
            Media(kind="image", url="https://x.org/a.png", mime="image/png"),
        ),
    ],
)
def test_files_are_links_or_belong_to_google(file: Any, expected: Media) -> None:
    assert decoded({"contents": [{"parts": [{"fileData": file}]}]}).turns[0].blocks == (expected,)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"responseMimeType": "application/json"}, OutputFormat(kind="json")),
        (
            {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}},
            OutputFormat(kind="schema", schema=b'{"type":"string"}'),
        ),
        (
            {"response_mime_type": "application/json", "response_json_schema": {"type": "object"}},
            OutputFormat(kind="schema", schema=b'{"type": "object"}'),
        ),
        ({"responseMimeType": "text/plain"}, None),
    ],
)
def test_structured_output_is_read_in_both_dialects(config: Any, expected: OutputFormat | None) -> None:
    assert decoded({"contents": "x", "generationConfig": config}).output == expected


def test_the_order_of_properties_is_googles_own_word() -> None:
    config = {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object", "propertyOrdering": ["a"]}}
    assert decoded({"contents": "x", "generationConfig": config}).output == OutputFormat(
        kind="schema", schema=b'{"type":"object"}'
    )


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        ({"thinkingLevel": "LOW", "includeThoughts": True}, Thinking(effort="low", include=True)),
        ({"thinking_level": 3}, Thinking(effort="high")),
        ({"thinkingBudget": 0}, Thinking(budget=0)),
        ({"thinkingBudget": -1}, Thinking(budget=-1)),
        (None, None),
    ],
)
def test_thinking_is_a_level_or_a_budget(thinking: Any, expected: Thinking | None) -> None:
    assert decoded({"contents": "x", "generationConfig": {"thinkingConfig": thinking}}).thinking == expected


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "contents"),
        ({"contents": 5}, "contents[0]"),
        ({"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
        ({"contents": "x", "generationConfig": {"temperature": "warm"}}, "generationConfig.temperature"),
        ({"contents": "x", "tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        (
            {"contents": "x", "generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW", "thinkingBudget": 1}}},
            "generationConfig.thinkingConfig",
        ),
        ({"contents": [{"parts": [{"inlineData": {"data": "%%%"}}]}]}, "contents[0].parts[0].inlineData.data"),
    ],
)
def test_a_mistake_is_named_where_it_is(body: Any, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decoded(body)
    assert caught.value.param == param


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"contents":[', b'"x"', b"[" * 5000])
def test_what_is_no_object_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        decoded(body)


def test_cached_content_lives_at_google_only() -> None:
    with pytest.raises(Unsupported) as caught:
        decoded({"contents": "x", "cachedContent": "cachedContents/1"})
    assert caught.value.code == "unsupported_state_reference"


def test_what_only_google_knows_is_kept_by_name() -> None:
    request = decoded(
        {
            "contents": "x",
            "safety_settings": [{"category": 7}],
            "generationConfig": {"media_resolution": "LOW", "topK": 3.0},
            "pisces": {},
        }
    )
    assert request.top_k == 3
    assert request.extra == {"safetySettings": b'[{"category": 7}]', "generationConfig": b'{"mediaResolution":"LOW"}'}


@pytest.mark.parametrize(
    "body", [{"contents": [said("x")]}, {"generateContentRequest": {"model": "models/y", "contents": [said("x")]}}]
)
def test_tokens_are_counted_for_contents_or_a_whole_request(body: Any) -> None:
    assert decoded(body, kind="count").turns[0].blocks == (Text(text="x"),)


def test_server_tools_are_known_by_their_kind() -> None:
    request = decoded(
        {"contents": "x", "tools": [{"google_search": {}}, {"codeExecution": {}, "urlContext": {}}, {"fileSearch": {"x": 1}}]}
    )
    assert [(tool.kind, json.loads(tool.raw)) for tool in request.server_tools] == [
        ("web_search", {"googleSearch": {}}), ("code_execution", {"codeExecution": {}}), ("web_fetch", {"urlContext": {}}),
        ("fileSearch", {"fileSearch": {"x": 1}}),
    ]  # fmt: skip
