"""Streams and answers of Responses upstreams, with the habits of those that only look like OpenAI."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pisces_proxy import chat
from pisces_proxy.chat import (
    PING,
    BlockEnd,
    BlockStart,
    Citation,
    Delta,
    Failed,
    Finish,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Signature,
    Start,
    Text,
    ToolCall,
)
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.plugin import Profile
from pisces_proxy.usage import Usage

from .responses_samples import PLAIN, WIRE, decoded

Frame = dict[str, Any]
USAGE = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 2},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 29,
}
CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "gpt", "created_at": 7.0, "output": []}}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": '{"a":1}'}


def message(text: str, **part: Any) -> Frame:
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": text, **part}]}


def added(item: Frame, index: int = 0) -> Frame:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(item: Frame, index: int = 0) -> Frame:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def says(kind: str, text: str, index: int = 0, **where: int) -> Frame:
    return {"type": f"response.{kind}.delta", "output_index": index, "delta": text, **where}


def completed(output: list[Frame] | None = None, kind: str = "completed", **members: Any) -> Frame:
    answer = {"id": "resp_1", "model": "gpt", "status": kind, "output": output or [], "usage": USAGE, **members}
    return {"type": f"response.{kind}", "response": answer}


def answer(*frames: Frame | bytes, profile: Profile = PLAIN) -> chat.Choice:
    return chat.fold(decoded(frames, profile)).choices[0]


def test_a_plain_text_stream_becomes_one_block() -> None:
    frames = [
        CREATED,
        {"type": "response.in_progress", "response": {"id": "resp_1", "model": "gpt"}},
        added({"type": "message", "id": "msg_1", "content": []}),
        {
            "type": "response.content_part.added",
            "output_index": 0,
            "content_index": 0,
            "part": {"type": "output_text", "text": ""},
        },
        says("output_text", "Hel", content_index=0),
        says("output_text", "lo", content_index=0),
        {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Hello"},
        {
            "type": "response.content_part.done",
            "output_index": 0,
            "content_index": 0,
            "part": {"type": "output_text", "text": "Hello"},
        },
        done(message("Hello")),
        completed([message("Hello")]),
    ]
    usage = Usage(input=20, cached_input=5, cache_write=2, output=9, reasoning=4)
    assert decoded(frames) == [
        Start(id="resp_1", model="gpt", created=7),
        BlockStart(block=Text(text="")),
        Delta(text="Hel"),
        Delta(text="lo"),
        BlockEnd(),
        chat.Stop(reason="stop", raw="completed"),
        Finish(usage=usage),
    ]


def test_the_event_name_stands_in_for_a_missing_type() -> None:
    decoder = WIRE.decoder(PLAIN)
    data = json.dumps({"response": completed([message("x")])["response"]}).encode()
    assert isinstance(decoder.decode(b"response.completed", data)[-1], Finish)
    assert decoder.done and decoder.usage is not None and decoder.usage.input == 20


def test_items_are_matched_by_their_place_when_their_ids_rotate() -> None:  # H26
    frames = [
        CREATED,
        added({**CALL, "id": "a"}),
        {**says("function_call_arguments", "{}"), "item_id": "b"},
        done({**CALL, "id": "c"}),
    ]
    assert answer(*frames, completed()).blocks == (ToolCall(id="c1", name="look", arguments="{}"),)


@pytest.mark.parametrize(
    "frames",
    [
        [
            added({**CALL, "arguments": ""}),
            {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": '{"a":1}'},
        ],
        [added({**CALL, "arguments": ""}), done(CALL)],
        [done(CALL)],
        [added({"type": "function_call"}), says("function_call_arguments", "lost"), done(CALL)],
        [added({**CALL, "arguments": {"a": 1}}), done({**CALL, "arguments": {"a": 1}})],
    ],
)
def test_arguments_may_come_only_at_the_end(frames: list[Frame]) -> None:
    choice = answer(CREATED, *frames, completed([CALL]))
    assert choice.blocks == (ToolCall(id="c1", name="look", arguments='{"a":1}'),)
    assert choice.stop.reason == "tool_calls"


def test_the_whole_output_at_the_end_helps_where_no_item_was_told() -> None:
    choice = answer(CREATED, completed([message("late"), CALL]))
    assert choice.blocks == (Text(text="late"), ToolCall(id="c1", name="look", arguments='{"a":1}'))


def test_an_item_that_is_never_done_is_closed_from_the_output_or_as_it_is() -> None:
    thought = {
        "type": "reasoning",
        "id": "rs",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "gAAA",
    }
    frames = [CREATED, says("reasoning_summary_text", "hm", summary_index=0), says("output_text", "x", 1)]
    signed = Reasoning(text="hm", summary=True, signature=Signature(kind="openai", data="gAAA", id="rs"))
    assert answer(*frames, completed([thought, message("x")])).blocks == (signed, Text(text="x"))
    assert answer(*frames, completed()).blocks == (Reasoning(text="hm", summary=True), Text(text="x"))


def test_parallel_items_become_blocks_behind_each_other() -> None:
    first, second = {**CALL, "arguments": ""}, {**CALL, "arguments": "", "call_id": "c2"}
    frames = [
        CREATED,
        added(first, 0),
        added(second, 1),
        says("function_call_arguments", "[2", 1),
        says("function_call_arguments", "[1", 0),
        says("function_call_arguments", "]", 1),
        done({**second, "arguments": "[2]"}, 1),
        says("function_call_arguments", "]", 0),
        done({**first, "arguments": "[1]"}, 0),
        completed(),
    ]
    opened = 0
    for event in decoded(frames):
        opened += isinstance(event, BlockStart) - isinstance(event, BlockEnd)
        assert opened in (0, 1)
    calls = (ToolCall(id="c1", name="look", arguments="[1]"), ToolCall(id="c2", name="look", arguments="[2]"))
    assert answer(*frames).blocks == calls


def test_a_text_that_is_complete_does_not_hold_up_what_follows() -> None:
    head = [CREATED, says("output_text", "a"), {"type": "response.output_text.done", "output_index": 0, "text": "a"}]
    events = decoded([*head, added({**CALL, "arguments": ""}, 1)], end=False)
    assert isinstance(events[-1], BlockStart) and isinstance(events[-2], BlockEnd)


def test_a_message_of_two_parts_is_two_blocks() -> None:
    frames = [CREATED, says("output_text", "a", content_index=0), says("refusal", "no", content_index=1), completed()]
    choice = answer(*frames)
    assert choice.blocks == (Text(text="a"), Refusal(text="no"))
    assert choice.stop.reason == "refusal"  # H40


def test_summary_parts_are_paragraphs_of_one_thought() -> None:
    item = {"type": "reasoning", "id": "rs_9", "summary": [], "encrypted_content": "gAAA"}
    frames = [
        CREATED,
        added({**item, "encrypted_content": "gAAA-but-not-final"}),
        says("reasoning_summary_text", "one", summary_index=0),
        says("reasoning_summary_text", "two", summary_index=1),
        says("reasoning_text", "raw", content_index=0),
        done(item),
        completed(),
    ]
    signature = Signature(kind="openai", data="gAAA", id="rs_9")
    assert answer(*frames).blocks == (Reasoning(text="one\n\ntwo", summary=True, signature=signature),)


@pytest.mark.parametrize(
    ("profile", "kind"), [(PLAIN, "openai"), (Profile(signature="xai"), "xai"), (Profile(signature="none"), None)]
)
def test_a_thought_is_signed_by_the_family_that_made_it(profile: Profile, kind: str | None) -> None:
    item = {"type": "reasoning", "id": "rs", "content": [{"type": "reasoning_text", "text": "raw"}], "encrypted_content": "e"}
    (thought,) = answer(CREATED, done(item), completed(), profile=profile).blocks
    assert isinstance(thought, Reasoning) and (thought.text, thought.summary) == ("raw", False)
    assert (thought.signature and thought.signature.kind) == kind


def test_an_empty_thought_without_a_proof_is_nothing() -> None:
    item = {"type": "reasoning", "id": "rs", "summary": [], "content": None}
    assert answer(CREATED, added(item), done(item), done(message("x"), 1), completed()).blocks == (Text(text="x"),)


def test_sources_may_come_behind_the_text() -> None:
    source = {"type": "url_citation", "url": "https://x", "title": "X", "start_index": 1, "end_index": 3}
    raw = json.dumps(source).encode()
    expected = Citation(url="https://x", title="X", start=1, end=3, wire=WIRE.name, raw=raw)
    late = {"type": "response.output_text.annotation.added", "output_index": 0, "annotation": source}
    told = {"type": "response.output_text.done", "output_index": 0, "text": "abc"}
    for frames in ([told, late], [told, done(message("abc", annotations=[source]))], [late, done(message("abc"))]):
        (block,) = answer(CREATED, says("output_text", "abc"), *frames, completed()).blocks
        assert block == Text(text="abc", citations=(expected,))


def test_hosted_tools_stay_whole_and_count_their_searches() -> None:
    search = {"type": "web_search_call", "id": "ws", "action": {"type": "search", "query": "rain"}}
    frames = [CREATED, {"type": "response.web_search_call.searching", "output_index": 0}, done(search), completed()]
    events = decoded(frames)
    assert PING in events
    (block,) = chat.fold(events).choices[0].blocks
    assert isinstance(block, Opaque) and (block.what, json.loads(block.raw)) == ("web_search_call", search)
    assert isinstance(events[-1], Finish) and events[-1].usage is not None and events[-1].usage.searches == 1


def test_a_generated_image_is_media() -> None:
    item = {"type": "image_generation_call", "id": "ig", "result": "AAAA", "output_format": "webp"}
    assert answer(CREATED, done(item), completed()).blocks == (Media(kind="image", data="AAAA", mime="image/webp"),)


def test_free_form_and_namespaced_calls_are_told_apart() -> None:
    custom = {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "x y"}
    frames = [CREATED, added({**custom, "input": ""}), says("custom_tool_call_input", "x y"), done(custom)]
    named = {**CALL, "namespace": "agents"}
    blocks = answer(*frames, done(named, 1), completed()).blocks
    assert blocks == (
        ToolCall(id="c1", name="patch", arguments="x y", custom=True),
        ToolCall(id="c1", name="agents::look", arguments='{"a":1}', namespace="agents"),
    )


@pytest.mark.parametrize(
    ("reason", "stop"), [("max_output_tokens", "length"), ("content_filter", "content_filter"), ("steered", "length")]
)
def test_an_incomplete_answer_says_why_and_is_counted(reason: str, stop: str) -> None:  # H28, H119
    frames = [CREATED, done(CALL), completed([CALL], "incomplete", incomplete_details={"reason": reason})]
    events = decoded(frames)
    assert isinstance(events[-1], Finish) and events[-1].usage is not None and events[-1].usage.output == 9
    assert (events[-2].reason, events[-2].raw) == (stop, reason)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "frame",
    [
        {
            "type": "response.failed",
            "response": {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}},
        },
        {"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": None},
        {"type": "error", "error": {"type": "tokens", "code": "rate_limit_exceeded", "message": "slow"}},
        {"error": {"message": "slow", "code": "rate_limit_exceeded"}},
    ],
)
def test_every_shape_of_failure_is_the_error_that_it_means(frame: Frame) -> None:
    events = decoded([CREATED, says("output_text", "so far"), frame, {"type": "response.failed", "response": {"error": {}}}])
    failures = [event.error for event in events if isinstance(event, Failed)]
    assert [error.kind for error in failures] == ["rate_limit"]
    assert "slow" in failures[0].message


def test_the_usage_of_a_failed_answer_counts() -> None:  # H119
    decoder = WIRE.decoder(PLAIN)
    decoder.decode(b"", json.dumps(completed([], "failed", error={"code": "server_error", "message": "x"})).encode())
    assert decoder.usage is not None and decoder.usage.total == 29


@pytest.mark.parametrize("tail", [[], [b"[DONE]"], [b""]])
def test_an_end_without_a_last_word_is_a_failure(tail: list[bytes]) -> None:  # H29
    events = decoded([CREATED, says("output_text", "cut"), *tail])
    assert isinstance(events[-1], Failed) and isinstance(events[-1].error, UpstreamBroken)


def test_a_done_mark_behind_the_end_is_tolerated() -> None:
    assert isinstance(decoded([CREATED, completed([message("x")]), b"[DONE]"])[-1], Finish)


@pytest.mark.parametrize("first", [{"type": "response.queued", "response": CREATED["response"]}, says("output_text", "x")])
def test_a_stream_may_begin_in_other_ways(first: Frame) -> None:
    events = decoded([first, says("output_text", "y"), completed()])
    assert isinstance(events[0], Start) and isinstance(events[-1], Finish)


@pytest.mark.parametrize(
    "frame",
    [
        b"{", b"[1]", b'"x"', b"\xff\xfe", b'{"type":"response.output_item.done","item":3}', b'{"type":3}',
        b'{"type":"response.output_text.delta","output_index":{"a":1},"delta":"x"}', b"[" * 100_000,
        b'{"type":"response.completed","response":"x"}',
        b'{"type":"response.output_item.done","item":{"type":"message","content":3}}',
    ],
)  # fmt: skip
def test_a_frame_that_cannot_be_read_becomes_a_failure_and_never_an_exception(frame: bytes) -> None:
    events = decoded([CREATED, frame, completed()])
    assert isinstance(events[-1], Failed)


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "response.output_item.added", "output_index": 0, "item": None},
        {"type": "response.of_tomorrow", "delta": {"a": 1}},
        {"type": "response.output_text.delta", "delta": ""},
        {"type": "response.output_text.delta", "delta": None},
        {"type": "response.output_text.done", "text": None},
    ],
)
def test_a_frame_that_says_nothing_changes_nothing(frame: Frame) -> None:
    assert answer(CREATED, frame, done(message("x"), 5), completed()).blocks == (Text(text="x"),)


def test_half_a_character_does_not_end_the_stream() -> None:
    half = rb'{"type":"response.output_text.delta","delta":"a\ud83d"}'
    assert answer(CREATED, half, says("output_text", "b"), completed()).blocks == (Text(text="a?b"),)


def test_probabilities_are_kept() -> None:
    token = {"token": "x", "logprob": -0.1, "top_logprobs": []}
    choice = answer(CREATED, {**says("output_text", "x"), "logprobs": [token]}, done(message("x")), completed())
    assert json.loads(choice.logprobs) == [token]
    body = json.dumps({"id": "r", "output": [message("x", logprobs=[token])], "status": "completed"}).encode()
    assert json.loads(WIRE.decode_response(body, PLAIN).choices[0].logprobs) == [token]


def test_on_a_passthrough_the_last_frame_alone_tells_the_usage() -> None:
    decoder = WIRE.decoder(PLAIN)
    decoder.decode(b"", json.dumps(CREATED).encode())
    decoder.decode(b"", json.dumps(completed([message("x"), CALL])).encode())
    assert decoder.done and decoder.usage is not None and decoder.usage.total == 29


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"no","code":"server_error"}}',
        b'{"id":"r","status":"failed","error":{"code":"server_error","message":"no"},"output":[]}',
        b'{"id":"r","status":"cancelled","output":[]}',
        b'{"id":"r","status":"queued","output":[]}',
        b"{}", b"", b"<html>bad gateway</html>", b"[]", b'{"output":[{"type":"message","content":3}]}',
    ],
)  # fmt: skip
def test_an_answer_that_is_none_raises(body: bytes) -> None:
    with pytest.raises(PiscesError):
        WIRE.decode_response(body, PLAIN)


@pytest.mark.parametrize("status", ["complete", "completed", None])
def test_a_whole_answer_is_read(status: str | None) -> None:
    body = {
        **completed([message("x"), CALL], "completed")["response"],
        "status": status,
        "service_tier": "flex",
        "created_at": 7.5,
    }
    response = WIRE.decode_response(json.dumps(body).encode(), PLAIN)
    assert (response.id, response.model, response.created) == ("resp_1", "gpt", 7)
    assert response.choices[0].stop.reason == "tool_calls"
    assert response.extra == {"service_tier": b'"flex"'}
    assert response.usage == Usage(input=20, cached_input=5, cache_write=2, output=9, reasoning=4)
