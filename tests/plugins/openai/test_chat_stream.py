"""What OpenAI-like upstreams send, read: the oddities of real streams come out as the same few events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pisces_proxy import chat
from pisces_proxy.chat import Citation, Media, Reasoning, Refusal, Signature, Text
from pisces_proxy.errors import ContextTooLong, UpstreamBroken, UpstreamError, UpstreamRateLimited
from pisces_proxy.plugin import Profile
from pisces_proxy.usage import Usage

from .chat_frames import WIRE, blocks, call, calls, chunk, events, read

# -- text, thinking, refusals ------------------------------------------------------------------------------------------


def test_text_comes_out_as_one_block() -> None:
    found = events(
        chunk({"role": "assistant", "content": ""}), chunk({"content": "Hel"}), chunk({"content": "lo"}), chunk(finish="stop")
    )
    assert [type(event).__name__ for event in found] == ["Start", "BlockStart", "Delta", "Delta", "BlockEnd", "Stop", "Finish"]
    assert found[0] == chat.Start(id="chatcmpl-7", model="up", created=7)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thinking_is_read_under_either_name(name: str) -> None:
    assert blocks(chunk({name: "hm"}), chunk({"content": "yes"})) == (Reasoning(text="hm"), Text(text="yes"))


def test_thinking_after_text_opens_a_new_block() -> None:  # H17
    found = blocks(chunk({"content": "a"}), chunk({"reasoning_content": "b"}), chunk({"content": "c"}))
    assert found == (Text(text="a"), Reasoning(text="b"), Text(text="c"))


def test_thinking_that_openrouter_sends_twice_is_read_once() -> None:
    details = [{"type": "reasoning.text", "text": "hm", "format": "anthropic-claude-v1", "index": 0}]
    signed = [{"type": "reasoning.text", "signature": "SIG", "format": "anthropic-claude-v1", "index": 0}]
    found = blocks(
        chunk({"reasoning": "hm", "reasoning_details": details}), chunk({"reasoning_details": signed}), chunk({"content": "x"})
    )
    assert found == (Reasoning(text="hm", signature=Signature(kind="anthropic", data="SIG")), Text(text="x"))


def test_withheld_thinking_is_a_redacted_block() -> None:
    details = [{"type": "reasoning.encrypted", "data": "BLOB", "format": "anthropic-claude-v1"}]
    assert blocks(chunk({"reasoning_details": details}))[0] == Reasoning(
        redacted=True, signature=Signature(kind="anthropic", data="BLOB")
    )


def test_think_tags_are_thinking_where_the_profile_says_so() -> None:
    frames = [chunk({"content": piece}) for piece in ("<thi", "nk>hm</th", "ink>", "yes")]
    found = blocks(*frames, profile=Profile(reasoning_field="think_tags"))
    assert [type(block) for block in found] == [Reasoning, Text]
    assert found[0] == Reasoning(text="hm")
    assert found[1].text.strip() == "yes"  # type: ignore[union-attr]


def test_content_in_parts_holds_thinking_and_text() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "ye"}]
    assert blocks(chunk({"content": parts}), chunk({"content": "s"})) == (Reasoning(text="hm"), Text(text="yes"))


def test_a_refusal_is_told_apart_from_text() -> None:
    response = read(chunk({"refusal": "I ca"}), chunk({"refusal": "n't"}), chunk(finish="stop"))
    assert response.choices[0].blocks == (Refusal(text="I can't"),)
    assert response.choices[0].stop.reason == "refusal"


def test_a_message_repeated_at_the_end_is_not_read_again() -> None:  # H23
    last = {"id": "x", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "abc"}}]}
    assert read(chunk({"content": "abc"}), last).choices[0].blocks == (Text(text="abc"),)
    repeated = chunk({"content": "abc"}, finish="stop")
    assert read(chunk({"content": "a"}), chunk({"content": "bc"}), repeated, profile=Profile(repeat_last=True)).choices[
        0
    ].blocks == (Text(text="abc"),)


def test_a_message_beside_the_delta_is_ignored() -> None:
    first, second = chunk({"content": "a"}), chunk({"content": "b"}, finish="stop")
    first["choices"][0]["message"], second["choices"][0]["message"] = {"content": "a"}, {"content": "ab"}
    assert read(first, second).choices[0].blocks == (Text(text="ab"),)


def test_cumulative_content_is_read_as_increments() -> None:  # H24
    frames = [chunk({"content": text}) for text in ("a", "ab", "abc")]
    assert blocks(*frames, profile=Profile(cumulative_content=True)) == (Text(text="abc"),)


def test_repeated_letters_are_not_taken_for_a_repetition() -> None:
    assert blocks(chunk({"content": "ha"}), chunk({"content": "ha"}), profile=Profile(repeat_last=True)) == (Text(text="haha"),)


def test_n_answers_that_interleave_are_kept_apart() -> None:  # H39
    frames = [chunk({"content": text}, index=index) for index, text in ((0, "a"), (1, "x"), (0, "b"), (1, "y"))]
    response = read(*frames, chunk(finish="stop", index=0), chunk(finish="length", index=1))
    assert [choice.blocks for choice in response.choices] == [(Text(text="ab"),), (Text(text="xy"),)]
    assert [choice.stop.reason for choice in response.choices] == ["stop", "length"]


def test_sources_become_citations_of_the_text() -> None:
    note = {
        "type": "url_citation",
        "url_citation": {"url": "https://a.example", "title": "A", "start_index": 1, "end_index": 3},
    }
    text = blocks(chunk({"content": "abc"}), chunk({"annotations": [note]}))[0]
    assert isinstance(text, Text)
    assert [(cited.url, cited.title, cited.start, cited.end) for cited in text.citations] == [("https://a.example", "A", 1, 3)]


def test_a_list_of_sources_beside_the_choices_is_cited_once() -> None:
    more = {"citations": ["https://a.example"], "search_results": [{"url": "https://a.example", "title": "A"}]}
    text = blocks(chunk({"content": "abc"}, **more), chunk({"content": "d"}, **more))[0]
    assert isinstance(text, Text)
    assert text.citations == (Citation(url="https://a.example", title="A", wire="openai.chat"),)


def test_a_generated_image_is_a_media_block() -> None:
    url = "data:image/png;base64,iVBORw0KGgo="
    found = blocks(chunk({"content": "here"}), chunk({"images": [{"type": "image_url", "image_url": {"url": url}}]}))
    assert found == (Text(text="here"), Media(kind="image", data="iVBORw0KGgo=", mime="image/png"))


def test_log_probabilities_are_carried() -> None:
    first = chunk({"content": "a"})
    first["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]}
    assert json.loads(read(first, chunk(finish="stop")).choices[0].logprobs)[0]["token"] == "a"


# -- ends and counts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"),
        ("", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("sensitive", "content_filter"),
    ],
)
def test_every_finish_reason_has_a_meaning(word: str, reason: str) -> None:
    assert read(chunk({"content": "a"}), chunk(finish=word)).choices[0].stop.reason == reason


def test_length_is_stronger_than_a_call() -> None:
    response = read(calls(call(0, "a", "f", '{"cit')), chunk(finish="length"))
    assert response.choices[0].stop.reason == "length"


def test_a_finish_reason_said_twice_ends_the_answer_once() -> None:
    found = events(
        chunk({"content": "a"}, finish="stop"),
        chunk({"content": ""}, finish="stop", usage={"prompt_tokens": 1, "completion_tokens": 2}),
    )
    assert [type(event).__name__ for event in found].count("Stop") == 1


def test_a_stream_that_is_cut_off_has_failed() -> None:  # H30
    last = events(chunk({"content": "a"}))[-1]
    assert isinstance(last, chat.Failed)
    assert isinstance(last.error, UpstreamBroken)


def test_a_finish_reason_without_done_is_a_good_end() -> None:  # H30
    assert isinstance(events(chunk({"content": "a"}), chunk(finish="stop"))[-1], chat.Finish)


def test_done_without_a_finish_reason_is_a_good_end() -> None:
    found = events(chunk({"content": "a"}), b"[DONE]", chunk({"content": "late"}))
    assert isinstance(found[-1], chat.Finish)
    assert chat.fold(found).choices[0].stop.reason == "stop"


@pytest.mark.parametrize(
    ("counted", "usage"),
    [
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 75},
                "completion_tokens_details": {"reasoning_tokens": 4},
            },
            Usage(input=100, cached_input=75, output=9, reasoning=4),
        ),  # H115
        (
            {"prompt_tokens": 10, "completion_tokens": 2, "prompt_cache_hit_tokens": 4},
            Usage(input=10, cached_input=4, output=2),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 2, "cached_tokens": 4}, Usage(input=10, cached_input=4, output=2)),
        ({"prompt_tokens": 10, "completion_tokens": 2, "num_cached_tokens": 4}, Usage(input=10, cached_input=4, output=2)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 2,
                "total_tokens": 42,
                "completion_tokens_details": {"reasoning_tokens": 30},
            },
            Usage(input=10, output=32, reasoning=30),
        ),  # xAI
        ({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 20}, Usage(input=10, output=10, reasoning=8)),  # H118
        (
            {"prompt_tokens": 10, "completion_tokens": 2, "cost": {"total": 1}, "prompt_tokens_details": None},
            Usage(input=10, output=2),
        ),
        ({"prompt_tokens": "10", "completion_tokens": 2}, Usage(input=10, output=2)),
    ],
)
def test_counts_are_read_in_every_vendors_words(counted: dict[str, Any], usage: Usage) -> None:
    empty = {"id": "x", "choices": [], "usage": counted}
    assert read(chunk({"content": "a"}), chunk(finish="stop"), empty).usage == usage


def test_the_last_of_several_counts_is_the_one() -> None:
    first, last = ({"prompt_tokens": 3, "completion_tokens": made} for made in (1, 5))
    assert read(chunk({"content": "a"}, usage=first), chunk(finish="stop", usage=last)).usage == Usage(input=3, output=5)


def test_a_count_is_there_before_the_end() -> None:
    decoder = WIRE.decoder(Profile())
    decoder.decode(b"", json.dumps(chunk({"content": "a"}, usage={"prompt_tokens": 3, "completion_tokens": 1})).encode())
    assert decoder.usage == Usage(input=3, output=1)


@pytest.mark.parametrize(
    "frame",
    [
        {"id": "", "model": "", "choices": [], "prompt_filter_results": []},
        {"id": "x", "choices": None},
        {"id": "x", "choices": [{"index": 0}]},
    ],
)
def test_frames_without_an_answer_are_passed_over(frame: dict[str, Any]) -> None:  # H07, H43
    assert read(frame, chunk({"content": "a"}), chunk(finish="stop")).choices[0].blocks == (Text(text="a"),)


# -- failures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (
            {
                "error": {"message": "slow down", "code": 429},
                "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
            },
            UpstreamRateLimited,
        ),
        ({"error": {"message": "maximum context length is 10", "code": "context_length_exceeded"}}, ContextTooLong),
        ({"error": "out of order"}, UpstreamError),
    ],
)
def test_an_error_in_the_stream_is_its_end(frame: dict[str, Any], error: type[Exception]) -> None:  # H33
    found = events(chunk({"content": "a"}), frame, chunk({"content": "late"}))
    assert isinstance(found[-1], chat.Failed)
    assert isinstance(found[-1].error, error)


def test_an_error_event_needs_no_error_member() -> None:
    decoder = WIRE.decoder(Profile())
    assert isinstance(decoder.decode(b"error", b'{"detail":"out of order"}')[-1], chat.Failed)


@pytest.mark.parametrize("frame", [b"{broken", b"\xff\xfe"])
def test_a_frame_that_cannot_be_read_is_a_failure(frame: bytes) -> None:
    assert isinstance(events(chunk({"content": "a"}), frame, end=False)[-1], chat.Failed)


def test_a_lone_surrogate_does_not_end_the_answer() -> None:  # H108
    raw = b'{"id":"x","choices":[{"index":0,"delta":{"content":"a\\ud83d"},"finish_reason":null}]}'
    assert blocks(chunk({"content": ">"}), raw)[0].text.startswith(">a")  # type: ignore[union-attr]


def test_an_error_in_a_whole_answer_is_raised() -> None:
    with pytest.raises(UpstreamRateLimited):
        WIRE.decode_response(b'{"error":{"message":"slow down","code":429}}', Profile())


def test_blank_lines_before_a_whole_answer_are_nothing() -> None:
    body = b'\n\n\n{"id":"x","model":"m","choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]}'
    assert WIRE.decode_response(body, Profile()).choices[0].blocks == (Text(text="hi"),)


@pytest.mark.parametrize(
    "odd",
    [
        {"logprobs": ["a"]},
        {"usage": [1]},
        {"index": "0"},
        {"delta": {"content": "b", "reasoning": {"effort": 1}}},
        {"delta": {"content": "b", "tool_calls": {}}},
        {"delta": {"content": "b", "annotations": "none"}},
    ],
)
def test_a_member_of_another_type_counts_as_absent(odd: dict[str, Any]) -> None:
    strange = {"id": "x", "choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": None, **odd}]}
    assert blocks(chunk({"content": "a"}), strange) == (Text(text="ab"),)
