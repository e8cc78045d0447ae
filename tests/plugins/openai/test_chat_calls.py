"""Tool calls of OpenAI-like upstreams, in every order and shape they stream in: each comes out whole."""

from __future__ import annotations

from typing import Any

import pytest

from pisces_proxy import chat
from pisces_proxy.chat import Signature, Text, ToolCall

from .chat_frames import blocks, call, calls, chunk, events, made, read

PARIS, ROME = '{"city":"Paris"}', '{"city":"Rome"}'
TWO = [("a", "f", PARIS), ("b", "g", ROME)]


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([calls(call(0, "a", "f", PARIS), call(1, "b", "g", ROME))], id="whole_in_one_delta"),
        pytest.param([calls(call(None, "a", "f", PARIS), call(None, "b", "g", ROME))], id="no_index"),
        pytest.param([calls(call(1, "a", "f", PARIS)), calls(call(2, "b", "g", ROME))], id="index_from_one"),
        pytest.param([calls(call(0, "a", "f", PARIS)), calls(call(0, "b", "g", ROME))], id="all_at_index_zero"),
        pytest.param(
            [calls(call(0, "a")), calls(call(0, None, "f")), calls(call(0, None, None, PARIS)), calls(call(1, "b", "g", ROME))],
            id="id_and_name_apart",
        ),
        pytest.param(
            [
                calls(call(0, "a", "f", "")),
                calls(call(1, "b", "g", "")),
                calls(call(0, None, None, PARIS[:5])),
                calls(call(1, None, None, ROME[:5])),
                calls(call(0, None, None, PARIS[5:])),
                calls(call(1, None, None, ROME[5:])),
            ],
            id="interleaved",
        ),
        pytest.param(
            [calls(call(0, "a", "f", PARIS[:5])), calls(call(0, "a", "f", PARIS[5:])), calls(call(1, "b", "g", ROME))],
            id="id_and_name_repeated",
        ),
        pytest.param(
            [calls(call(0, "a", "f", PARIS[:5])), calls(call(0, "", "", PARIS[5:])), calls(call(1, "b", "g", ROME))],
            id="empty_id_and_name_go_on",
        ),
        pytest.param(
            [calls(call(0, "a", "f", PARIS)), calls(call(0, "a", "f", PARIS)), calls(call(1, "b", "g", ROME))],
            id="whole_arguments_repeated",
        ),
        pytest.param(
            [calls(call(0, "a", "f", "{}")), calls(call(0, None, None, PARIS)), calls(call(1, "b", "g", ROME))],
            id="placeholder_first",
        ),
        pytest.param(
            [calls(call(0, "a", "f", {"city": "Paris"})), calls(call(1, "b", "g", {"city": "Rome"}))], id="arguments_as_object"
        ),
    ],
)
def test_two_calls_come_out_whole_one_after_the_other(frames: list[dict[str, Any]]) -> None:  # H15, H20, H21, H22
    response = read(*frames, chunk(finish="tool_calls"))
    assert made(response.choices[0].blocks) == TWO
    assert response.choices[0].stop.reason == "tool_calls"


def test_arguments_stream_as_they_come() -> None:
    found = events(
        calls(call(0, "a", "f", "")), calls(call(0, None, None, '{"x"')), calls(call(0, None, None, ":1}")), end=False
    )
    assert [event.text for event in found if isinstance(event, chat.Delta)] == ['{"x"', ":1}"]


@pytest.mark.parametrize("nothing", ["", None])
def test_a_call_without_arguments_has_none(nothing: str | None) -> None:  # H03
    entry = call(0, "a", "f")
    entry["function"]["arguments"] = nothing
    assert made(blocks(calls(entry))) == [("a", "f", "")]


def test_a_call_without_an_id_gets_the_same_one_each_time() -> None:
    frames = [calls(call(None, None, "f", PARIS), call(None, "", "f", ROME))]
    first, second = made(blocks(*frames))
    assert first[0] and second[0] and first[0] != second[0]
    assert made(blocks(*frames)) == [first, second]


def test_text_after_a_call_opens_a_new_block() -> None:  # H16
    found = blocks(calls(call(0, "a", "f", PARIS)), chunk({"content": "done"}))
    assert [type(block) for block in found] == [ToolCall, Text]


def test_text_in_the_middle_of_a_call_waits_for_its_end() -> None:
    found = blocks(calls(call(0, "a", "f", PARIS[:5])), chunk({"content": "\n"}), calls(call(0, None, None, PARIS[5:])))
    assert made(found) == [("a", "f", PARIS)]
    assert found[1] == Text(text="\n")


def test_big_numbers_in_arguments_stay_as_they_are() -> None:  # H109
    function = b'{"name":"f","arguments":{"n":123456789012345678901234567890,"x":1.0}}'
    delta = b'{"tool_calls":[{"index":0,"id":"a","function":' + function + b"}]}"
    raw = b'{"id":"x","choices":[{"index":0,"delta":' + delta + b',"finish_reason":"stop"}]}'
    assert made(read(raw).choices[0].blocks) == [("a", "f", '{"n":123456789012345678901234567890,"x":1.0}')]


def test_a_gemini_signature_on_a_call_is_kept() -> None:
    entry = {**call(0, "a", "f", PARIS), "extra_content": {"google": {"thought_signature": "R0VN"}}}
    block = blocks(calls(entry))[0]
    assert isinstance(block, ToolCall)
    assert block.signature == Signature(kind="gemini", data="R0VN")


def test_a_legacy_function_call_is_a_tool_call() -> None:  # H111
    frames = [chunk({"function_call": {"name": "f", "arguments": ""}}), chunk({"function_call": {"arguments": PARIS}})]
    response = read(*frames, chunk(finish="function_call"))
    assert [entry[1:] for entry in made(response.choices[0].blocks)] == [("f", PARIS)]
    assert response.choices[0].stop.reason == "tool_calls"


def test_a_custom_tool_has_plain_text_for_input() -> None:
    entry = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "patch", "input": "*** Be"}}
    more = {"index": 0, "custom": {"input": "gin"}}
    assert blocks(calls(entry), calls(more))[0] == ToolCall(id="a", name="patch", arguments="*** Begin", custom=True)


def test_free_text_inputs_that_interleave_stay_whole() -> None:  # H15
    opened = [{"index": n, "id": name, "type": "custom", "custom": {"name": "p", "input": name}} for n, name in enumerate("ab")]
    more = [{"index": n, "custom": {"input": "!"}} for n in (0, 1)]
    found = blocks(*(calls(piece) for piece in (*opened, *more)))
    assert made(found) == [("a", "p", "a!"), ("b", "p", "b!")]


def test_a_call_that_was_never_named_is_not_a_call() -> None:
    response = read(chunk({"content": "a"}), chunk({"function_call": {"name": "", "arguments": ""}}), chunk(finish="stop"))
    assert [type(block) for block in response.choices[0].blocks] == [chat.Text]
    assert response.choices[0].stop.reason == "stop"
