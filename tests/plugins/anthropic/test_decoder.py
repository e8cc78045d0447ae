"""An Anthropic upstream's stream as canonical events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pisces_proxy import chat
from pisces_proxy.chat import (
    BlockEnd,
    BlockStart,
    Delta,
    Failed,
    Finish,
    Opaque,
    Reasoning,
    Signature,
    Start,
    Stop,
    Text,
    ToolCall,
)
from pisces_proxy.errors import UpstreamBroken, UpstreamOverloaded
from pisces_proxy.plugin import Profile

from .speaking import WIRE, closed, delta, ending, opened, read, start

TEXT = {"type": "text", "text": ""}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
PING = {"type": "ping"}


def blocks(*frames: dict[str, Any]) -> tuple[chat.Block, ...]:
    return chat.fold(read(start(), *frames, *ending())).choices[0].blocks


def test_a_plain_answer_is_its_events() -> None:
    events = read(start(), PING, opened(TEXT), delta("text", "Hel"), delta("text", "lo"), closed(), *ending())
    first = chat.Usage(input=105, cached_input=90, cache_write=5, output=1)
    last = chat.Usage(input=105, cached_input=90, cache_write=5, output=7)
    assert events == [
        Start(id="msg_1", model="claude", usage=first),
        chat.PING,
        BlockStart(block=Text(text="")),
        Delta(text="Hel"),
        Delta(text="lo"),
        BlockEnd(),
        chat.UsageSoFar(usage=last),
        Stop(reason="stop", raw="end_turn"),
        Finish(usage=last),
    ]


def test_arguments_come_without_the_placeholder_H01() -> None:
    pieces = [delta("input_json", piece) for piece in ("", '{"city":', ' "Paris"}')]
    assert blocks(opened(CALL), *pieces, closed()) == (
        ToolCall(id="toolu_1", name="get_weather", arguments='{"city": "Paris"}'),
    )


@pytest.mark.parametrize("pieces", [[], [delta("input_json", "")]])
def test_a_call_without_arguments_becomes_an_empty_object_H03(pieces: list[Any]) -> None:
    assert blocks(opened(CALL), *pieces, closed()) == (ToolCall(id="toolu_1", name="get_weather", arguments="{}"),)


def test_an_input_that_comes_whole_at_the_start_is_the_arguments_H02() -> None:
    (call,) = blocks(opened({**CALL, "input": {"city": "Paris"}}), closed())
    assert call == ToolCall(id="toolu_1", name="get_weather", arguments='{"city":"Paris"}')


def test_deltas_count_more_than_an_input_at_the_start() -> None:
    (call,) = blocks(opened({**CALL, "input": {"city": "?"}}), delta("input_json", '{"city":"Paris"}'), closed())
    assert call == ToolCall(id="toolu_1", name="get_weather", arguments='{"city":"Paris"}')


def test_a_signature_is_one_however_it_is_cut_H18() -> None:
    thinking = opened({"type": "thinking", "thinking": "", "signature": ""})
    frames = (thinking, delta("thinking", "hm"), delta("signature", "Er"), delta("signature", "UB"), closed())
    assert blocks(*frames) == (Reasoning(text="hm", signature=Signature(kind="anthropic", data="ErUB")),)


def test_thinking_may_be_a_signature_alone_or_redacted_H82_H84() -> None:
    hidden = (opened({"type": "thinking", "thinking": "", "signature": ""}), delta("signature", "ErUB"), closed())
    redacted = (opened({"type": "redacted_thinking", "data": "Emx="}, 1), closed(1))
    assert blocks(*hidden, *redacted) == (
        Reasoning(signature=Signature(kind="anthropic", data="ErUB")),
        Reasoning(redacted=True, signature=Signature(kind="anthropic", data="Emx=")),
    )


def test_words_in_the_start_of_a_block_are_its_first() -> None:
    assert blocks(opened({"type": "text", "text": "Hel"}), delta("text", "lo"), closed()) == (Text(text="Hello"),)


def test_citations_speak_of_the_whole_block() -> None:
    cited = {"type": "char_location", "cited_text": "q", "document_title": "D"}
    frame = {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": cited}}
    (text,) = blocks(opened(TEXT), delta("text", "naïve"), frame, closed())
    assert isinstance(text, Text)
    (citation,) = text.citations
    assert (citation.title, citation.quote, citation.start, citation.end) == ("D", "q", 0, 5)
    assert json.loads(citation.raw) == cited


def test_a_server_tools_call_and_result_are_kept_whole() -> None:
    call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    pieces = (delta("input_json", ""), delta("input_json", '{"query":'), delta("input_json", '"x"}'))
    first, second = blocks(opened(call), *pieces, closed(), opened(result, 1), closed(1))
    assert isinstance(first, Opaque) and isinstance(second, Opaque)
    assert json.loads(first.raw) == {**call, "input": {"query": "x"}}
    assert (json.loads(second.raw), second.what) == (result, "web_search_tool_result")


def test_blocks_that_an_upstream_interleaves_come_one_after_the_other_H15() -> None:
    second = {**CALL, "id": "toolu_2"}
    frames = [opened(CALL), opened(second, 1), delta("input_json", '{"a":'), delta("input_json", '{"b":', 1)]
    frames += [delta("input_json", "1}"), delta("input_json", "2}", 1), closed(), closed(1)]
    assert [block.arguments for block in blocks(*frames) if isinstance(block, ToolCall)] == ['{"a":1}', '{"b":2}']


def test_a_block_that_nobody_closes_ends_with_the_next_or_with_the_message() -> None:
    assert blocks(opened(TEXT), delta("text", "a"), opened(TEXT), delta("text", "b")) == (Text(text="a"), Text(text="b"))


def test_a_second_start_of_the_message_changes_nothing_and_blocks_may_count_from_zero_again() -> None:
    again = start(id="msg_2")
    events = read(
        start(), opened(TEXT), delta("text", "a"), closed(), again, opened(TEXT), delta("text", "b"), closed(), *ending()
    )
    assert [event for event in events if isinstance(event, Start)] == events[:1]
    assert chat.fold(events).choices[0].blocks == (Text(text="a"), Text(text="b"))


def test_nothing_follows_the_end_of_the_message() -> None:
    assert isinstance(read(start(), *ending(), start(id="msg_2"), opened(TEXT), *ending())[-1], Finish)


# -- the end -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause"),
        ("refusal", "content_filter"),
        ("model_context_window_exceeded", "context_full"),
        ("something_new", "stop"),
        (None, "stop"),
    ],
)
def test_each_reason_to_stop(reason: str | None, expected: str) -> None:
    stop = chat.fold(read(start(), *ending(reason))).choices[0].stop
    assert (stop.reason, stop.raw) == (expected, reason or "")


def test_a_stop_knows_its_sequence_and_its_explanation() -> None:
    details = {"type": "refusal", "category": "x", "explanation": "No."}
    events = read(start(), *ending("refusal", stop_sequence="END", stop_details=details))
    stop, finish = events[-2:]
    assert isinstance(stop, Stop) and isinstance(finish, Finish)
    assert (stop.sequence, stop.detail) == ("END", "No.")
    assert json.loads(finish.extra["stop_details"]) == details


def test_an_end_of_turn_with_a_call_is_one_for_the_tools() -> None:
    assert chat.fold(read(start(), opened(CALL), closed(), *ending("end_turn"))).choices[0].stop.reason == "tool_calls"


def test_counts_are_cumulative_and_replace_each_other_H116() -> None:
    usages = [
        {"input_tokens": 40, "cache_read_input_tokens": 90, "output_tokens": 5},
        {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 3}, "server_tool_use": {"web_search_requests": 2}},
    ]
    frames = [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage} for usage in usages]
    finish = read(start(), *frames, {"type": "message_stop"})[-1]
    assert isinstance(finish, Finish)
    assert finish.usage == chat.Usage(input=135, cached_input=90, cache_write=5, output=9, reasoning=3, searches=2)


def test_usage_is_known_before_the_end_so_that_a_cut_stream_can_be_billed() -> None:
    decoder = WIRE.decoder(Profile())
    decoder.decode(b"message_start", json.dumps(start()).encode())
    assert decoder.usage and (decoder.usage.input, decoder.done) == (105, False)


def test_a_stream_that_ends_early_has_failed_H31() -> None:
    failed = read(start(), opened(TEXT), delta("text", "a"), closed(), ending()[0])[-1]
    assert isinstance(failed, Failed) and isinstance(failed.error, UpstreamBroken)


def test_an_error_keeps_its_class_H33() -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    failed = read(start(), overloaded)[-1]
    assert isinstance(failed, Failed) and isinstance(failed.error, UpstreamOverloaded)


@pytest.mark.parametrize("data", [b"{", b"not json", b'{"type":"content_block_start","index":0}', b'{"error":{"message":"x"}}'])
def test_what_cannot_be_read_is_a_failure_and_no_exception(data: bytes) -> None:
    (failed,) = WIRE.decoder(Profile()).decode(b"", data)
    assert isinstance(failed, Failed)


@pytest.mark.parametrize(
    "data",
    [
        b"[DONE]",
        b'{"type":"something_new"}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"new_delta"}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"early"}}',
    ],
)
def test_what_is_not_known_is_passed_over(data: bytes) -> None:
    assert WIRE.decoder(Profile()).decode(b"", data) == ()


def test_a_relayed_stream_may_be_read_at_its_marked_frames_alone() -> None:
    decoder = WIRE.decoder(Profile())
    for frame in (start(), opened(TEXT), *ending()):
        decoder.decode(frame["type"].encode(), json.dumps(frame).encode())
    assert decoder.done and decoder.usage and decoder.usage.output == 7


# -- the emulated structure ---------------------------------------------------------------------------------------------


def test_the_emulations_tool_is_the_answers_text_H65() -> None:
    tool = {**CALL, "name": "json_output"}
    events = read(start(), opened(tool), delta("input_json", '{"a":'), delta("input_json", "1}"), closed(), *ending("tool_use"))
    choice = chat.fold(events).choices[0]
    assert (choice.blocks, choice.stop.reason) == ((Text(text='{"a":1}'),), "stop")
    assert sum(isinstance(event, Delta) for event in events) == 2


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_wrapped_answer_is_unwrapped_wherever_it_is_cut(cut: int) -> None:
    tool, whole = {**CALL, "name": "json_output_value"}, '{"value": [{"a": "}"}] }'
    pieces = [delta("input_json", piece) for piece in (whole[:cut], whole[cut:])]
    (text,) = blocks(opened(tool), *pieces, closed())
    assert isinstance(text, Text) and json.loads(text.text) == [{"a": "}"}]
