"""Answers for Responses clients: the exact grammar, and what the official SDK makes of it."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.types.responses import Response

from pisces_proxy import chat
from pisces_proxy.chat import (
    PING,
    BlockEnd,
    BlockStart,
    Citation,
    Delta,
    Failed,
    Finish,
    Logprobs,
    Media,
    Opaque,
    OutputFormat,
    Reasoning,
    Refusal,
    Request,
    Start,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
)
from pisces_proxy.errors import BalanceExhausted, ContextTooLong, PiscesError, RateLimited, UpstreamBroken
from pisces_proxy.usage import Usage

from .responses_samples import (
    ANTHROPIC,
    EXTENSION,
    PLAIN,
    SEALS,
    SUMMARISED,
    WIRE,
    accumulated,
    answer,
    asked,
    block,
    client,
    frames_of,
    output,
    reply,
    stream,
    types,
    written,
)

GOLDEN = answer(
    *block(Reasoning(), "need ", "tool", signature=ANTHROPIC),
    *block(ToolCall(id="call_1", name="get_weather"), '{"city":', '"Paris"}'),
    stop=Stop(reason="tool_calls"),
)


def test_the_golden_turn() -> None:  # wire.md C15, H27
    frames = written(GOLDEN, SUMMARISED)
    assert types(frames) == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    thought, call = frames[-1]["response"]["output"]
    assert thought["summary"] == [{"type": "summary_text", "text": "need tool"}]
    assert SEALS.open(thought["encrypted_content"]) == ANTHROPIC
    assert (call["call_id"], call["name"], call["arguments"]) == ("call_1", "get_weather", '{"city":"Paris"}')
    assert frames[-1]["response"]["usage"] == {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 0},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 29,
    }


EVERYTHING = answer(
    *block(Reasoning(summary=True), "hm", signature=ANTHROPIC),
    *block(Text(text=""), "Hel", "lo", citations=(Citation(url="https://x", title="X", start=0, end=5),)),
    *block(Text(text=""), "again"),
    PING,
    *block(ToolCall(id="c1", name="a"), "{}"),
    *block(ToolCall(id="c2", name="patch"), '{"input":"*** \\u00e9', '\\n"}'),
    *block(Text(text=""), "after"),
    *block(Refusal(text=""), "no"),
    *block(Media(kind="image", data="AAAA", mime="image/png")),
    *block(
        Opaque(
            wire=WIRE.name,
            raw=b'{"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"q"}}',
        )
    ),
    stop=Stop(reason="tool_calls"),
)
PATCHING = asked(
    reasoning={"summary": "auto"},
    tools=[
        {"type": "custom", "name": "patch"},
        {"type": "function", "name": "a", "parameters": {"type": "object"}, "strict": False},
    ],
)


def test_numbers_are_dense_ids_stay_and_the_output_is_whole() -> None:  # H25, H26, H16
    frames = written(EVERYTHING, PATCHING)
    assert [frame["sequence_number"] for frame in frames] == list(range(len(frames)))
    opened = {frame["output_index"]: frame["item"] for frame in frames if frame["type"] == "response.output_item.added"}
    finished = {frame["output_index"]: frame["item"] for frame in frames if frame["type"] == "response.output_item.done"}
    assert list(opened) == list(finished) == list(range(7))
    assert all(opened[index]["id"] == item["id"] and opened[index]["type"] == item["type"] for index, item in finished.items())
    assert frames[-1]["response"]["output"] == list(finished.values())
    assert [item["type"] for item in finished.values()] == [
        "reasoning", "message", "function_call", "custom_tool_call", "message", "image_generation_call", "web_search_call",
    ]  # fmt: skip
    assert [part["type"] for part in finished[4]["content"]] == ["output_text", "refusal"]
    for frame in frames:
        if "content_index" in frame:
            assert frame["item_id"] == opened[frame["output_index"]]["id"]
    assert len({frame["response"]["id"] for frame in frames if "response" in frame}) == 1


def test_the_strict_accumulator_of_the_sdk_takes_it_and_finds_everything() -> None:
    final = accumulated(stream(EVERYTHING, PATCHING, extension=EXTENSION))
    assert final.output_text == "Helloagainafter"
    assert final.output[3].input == "*** é\n"  # H106
    assert final.output[1].content[0].annotations[0].url == "https://x"
    assert final.usage.output_tokens_details.reasoning_tokens == 4
    assert final.pisces == json.loads(EXTENSION)


def test_the_sdk_validates_each_answer_without_leniency() -> None:
    for events in (EVERYTHING, GOLDEN, answer()):
        Response.model_validate_json(json.dumps(written(events, PATCHING)[-1]["response"]), strict=False)


def test_a_whole_answer_is_what_the_stream_ends_with() -> None:
    response = chat.fold(EVERYTHING)
    whole = json.loads(WIRE.encode_response(response, reply(PATCHING)))
    assert whole == written(list(chat.unfold(response)), PATCHING)[-1]["response"]
    with client(json.dumps(whole).encode(), "application/json") as sdk:
        assert sdk.responses.create(model="m", input="hi").output_text == "Helloagainafter"


def test_no_item_holds_a_null() -> None:
    frames = written(EVERYTHING, PATCHING)
    items = [frame["item"] for frame in frames if "item" in frame] + frames[-1]["response"]["output"]
    assert not [name for item in items for name, value in item.items() if value is None]


def test_an_unencoded_piece_at_a_time_gives_the_same_bytes() -> None:
    encoder = WIRE.encoder(reply(PATCHING))
    assert b"".join(encoder.encode([event]) for event in EVERYTHING) == stream(EVERYTHING, PATCHING)


# -- calls -------------------------------------------------------------------------------------------------------------


def test_a_call_without_arguments_becomes_an_empty_object() -> None:
    events = answer(*block(ToolCall(id="c", name="f")))
    assert output(events)[0]["arguments"] == "{}"
    assert types(written(events)).count("function_call_arguments.delta") == 1


def test_a_call_without_an_id_gets_the_same_one_each_time() -> None:
    events = answer(*block(ToolCall(id="", name="f"), "{}"))
    assert output(events)[0]["call_id"] == output(events)[0]["call_id"] != ""


def test_a_tool_of_a_namespace_is_called_by_both_its_names() -> None:  # H107
    request = asked(
        tools=[{"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "close", "parameters": {}}]}]
    )
    (item,) = output(answer(*block(ToolCall(id="c", name="agents::close"), "{}")), request)
    assert (item["namespace"], item["name"]) == ("agents", "close")
    assert asked(input=[item]).turns[0].blocks == (ToolCall(id="c", name="agents::close", arguments="{}", namespace="agents"),)


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_a_wrapped_input_is_unwrapped_wherever_it_is_cut(step: int) -> None:  # H106
    text = '*** Begin\n+\t"quoted" \\ 😀 é\u2028\n'
    wrapped = json.dumps({"input": text})
    pieces = [wrapped[at : at + step] for at in range(0, len(wrapped), step)]
    frames = written(answer(*block(ToolCall(id="c", name="patch"), *pieces)), PATCHING)
    assert "".join(frame["delta"] for frame in frames if frame["type"].endswith("input.delta")) == text
    assert frames[-1]["response"]["output"][0]["input"] == text


# -- the end -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("refusal", "completed", None),
        ("pause", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("context_full", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_the_last_event_says_how_it_ended(reason: Any, status: str, details: Any) -> None:  # H28, wire.md C9
    last = written(answer(*block(Text(text=""), "x"), stop=Stop(reason=reason)))[-1]
    assert (last["type"], last["response"]["status"]) == (f"response.{status}", status)
    assert last["response"]["incomplete_details"] == details
    assert last["response"]["output"][0]["status"] == status


@pytest.mark.parametrize("usage", [None, Usage()])
def test_usage_always_has_both_details(usage: Usage | None) -> None:  # H120
    last = written([Start(), Stop(reason="stop"), Finish(usage=usage)])[-1]["response"]["usage"]
    assert last["input_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0}
    assert last["output_tokens_details"] == {"reasoning_tokens": 0}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UpstreamBroken("cut"), "server_error"),
        (RateLimited("slow"), "rate_limit_exceeded"),
        (ContextTooLong("long"), "context_length_exceeded"),
        (BalanceExhausted("none"), "insufficient_quota"),
    ],
)
def test_a_failure_in_the_middle_is_a_failed_response(error: PiscesError, code: str) -> None:  # H29, wire.md D4
    events = [Start(), BlockStart(block=Text(text="")), Delta(text="so far"), Failed(error=error), Delta(text="never")]
    frames = written(events)
    assert types(frames)[-2:] == ["output_text.delta", "failed"]
    assert [frame["sequence_number"] for frame in frames] == list(range(len(frames)))
    failed = frames[-1]["response"]
    assert failed["error"] == {"code": code, "message": error.message}
    assert failed["output"][0]["content"][0]["text"] == "so far" and failed["output"][0]["status"] == "incomplete"


def test_a_model_that_stopped_with_an_error_failed() -> None:
    frames = written([Start(), Stop(reason="error", raw="MALFORMED_FUNCTION_CALL"), Finish()])
    assert frames[-1]["type"] == "response.failed" and len(frames) == 3


def test_a_failure_before_the_response_is_an_error_event_that_the_sdk_raises() -> None:
    (frame,) = written([Failed(error=RateLimited("slow down"))])
    assert frame["type"] == "error" and frame["code"] == "rate_limit_exceeded" and frame["sequence_number"] == 0
    with client(stream([Failed(error=RateLimited("slow down"))])) as sdk, pytest.raises(openai.APIError, match="slow down"):
        list(sdk.responses.create(model="m", input="hi", stream=True))


def test_nothing_follows_the_end() -> None:
    assert stream([*answer(), Delta(text="x"), PING, Failed(error=UpstreamBroken("late"))]) == stream(answer())


def test_a_ping_is_a_comment() -> None:
    assert stream([PING]) == b": ping\n\n" == WIRE.heartbeat


# -- details -----------------------------------------------------------------------------------------------------------


def test_line_separators_are_escaped() -> None:
    raw = stream(answer(*block(Text(text=""), "a\u2028b\u2029c")))
    assert "\u2028".encode() not in raw and "\u2029".encode() not in raw
    assert accumulated(raw).output_text == "a\u2028b\u2029c"


def test_probabilities_are_for_those_who_ask() -> None:
    events = answer(BlockStart(block=Text(text="")), Delta(text="x"), Logprobs(raw=b'[{"token":"x","logprob":-1}]'), BlockEnd())
    asking = asked(include=["message.output_text.logprobs"])
    assert output(events, asking)[0]["content"][0]["logprobs"] == [{"token": "x", "logprob": -1}]
    assert output(events, asked())[0]["content"][0]["logprobs"] == []


def test_the_request_is_echoed() -> None:
    request = Request(
        model="m",
        turns=(),
        system=(Text(text="a"), Text(text="b")),
        tools=(Tool(name="f", description="d", schema=b'{"type":"object"}', strict=False), Tool(name="p", custom=True)),
        tool_choice=ToolChoice(mode="required", names=("p",)),
        parallel_tool_calls=False,
        max_tokens=100,
        temperature=0.5,
        thinking=Thinking(effort="low", include=True, summary="auto"),
        output=OutputFormat(kind="schema", name="n", schema=b"{}", strict=True),
        metadata=b'{"k":"v"}',
        user="u",
    )
    for frame in (written(answer(), request)[0], written(answer(), request)[-1]):
        echo = frame["response"]
        assert echo["model"] == "client-model" and echo["id"] == "resp_abc" and echo["created_at"] == 1_700_000_000
        assert (echo["instructions"], echo["max_output_tokens"], echo["temperature"]) == ("a\n\nb", 100, 0.5)
        assert echo["tools"] == [
            {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": False},
            {"type": "custom", "name": "p"},
        ]
        assert (echo["tool_choice"], echo["parallel_tool_calls"]) == ({"type": "custom", "name": "p"}, False)
        assert echo["reasoning"] == {"effort": "low", "summary": "auto"}
        assert echo["text"]["format"] == {"type": "json_schema", "name": "n", "schema": {}, "strict": True}
        assert (echo["metadata"], echo["user"], echo["store"]) == ({"k": "v"}, "u", False)


def test_the_extension_is_in_the_response_object() -> None:  # wire.md G8
    for frame in written(answer(), extension=EXTENSION):
        assert frame.get("response", {}).get("pisces") == json.loads(EXTENSION)


def test_what_only_another_wire_knows_is_not_shown() -> None:
    events = answer(*block(Opaque(wire="anthropic.messages", raw=b"{}")), *block(Text(text=""), "x"))
    assert [item["type"] for item in output(events)] == ["message"]


def test_a_source_without_an_address_is_no_annotation() -> None:
    sources = (Citation(title="page 3"), Citation(url="https://x"))
    (part,) = output(answer(*block(Text(text=""), "x", citations=sources)))[0]["content"]
    assert [source["url"] for source in part["annotations"]] == ["https://x"]


def test_media_without_data_are_named() -> None:
    assert (
        output(answer(*block(Media(kind="image", url="https://x/y.png"))))[0]["content"][0]["text"]
        == "[image](https://x/y.png)"
    )


def test_an_answer_survives_the_way_to_a_client_and_back() -> None:
    streamed = [event for frame in frames_of(stream(EVERYTHING)) for event in [json.dumps(frame).encode()]]
    decoder = WIRE.decoder(PLAIN)
    events = [event for data in streamed for event in decoder.decode(b"", data)]
    again = chat.fold(events)
    assert [type(found) for found in again.choices[0].blocks] == [
        type(found) for found in chat.fold(EVERYTHING).choices[0].blocks
    ]
    assert again.usage == Usage(input=20, cached_input=5, output=9, reasoning=4, searches=1)
