"""Canonical events as the stream that Anthropic's clients insist on."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from pisces_proxy import chat
from pisces_proxy.chat import (
    BlockEnd,
    BlockStart,
    Delta,
    Failed,
    Finish,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Signature,
    Text,
    ToolCall,
)
from pisces_proxy.errors import UpstreamBroken, UpstreamOverloaded

from .speaking import HIDDEN, SEALS, SHOWN, WIRE, reply, streamed, written

CALL = ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris"}')
OWN = Signature(kind="anthropic", data="ErUB")
FOREIGN = Signature(kind="gemini", data="CiQB")


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    """The frames in short: a block's type where it opens, a delta's type."""
    return [
        frame.get("content_block", {}).get("type")
        or frame.get("delta", {}).get("type")
        or frame["type"].removeprefix("message_")
        for frame in frames
    ]


def test_an_answer_has_the_grammar_of_the_vendor() -> None:
    frames = streamed(Text(text="Hello"), CALL, stop=chat.Stop(reason="tool_calls"))
    assert kinds(frames) == [
        *("start", "ping"),
        *("text", "text_delta", "content_block_stop"),
        *("tool_use", "input_json_delta", "content_block_stop"),
        *("delta", "stop"),
    ]
    assert [frame["index"] for frame in frames if "index" in frame] == [0, 0, 0, 1, 1, 1]


def test_arguments_are_deltas_only_H02() -> None:
    frames = streamed(CALL)
    assert frames[2]["content_block"] == {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {}}
    assert frames[3]["delta"]["partial_json"] == '{"city":"Paris"}'


def test_a_call_without_arguments_has_no_delta_H03() -> None:
    assert kinds(streamed(ToolCall(id="call_1", name="now")))[2:4] == ["tool_use", "content_block_stop"]


def test_text_behind_a_call_opens_a_new_block_and_so_does_late_thinking_H16_H17() -> None:
    frames = streamed(Text(text="a"), CALL, Text(text="b"), Reasoning(text="hm", signature=OWN), to=reply(SHOWN))
    opened = [(frame["index"], frame["content_block"]["type"]) for frame in frames if frame["type"] == "content_block_start"]
    assert opened == [(0, "text"), (1, "tool_use"), (2, "text"), (3, "thinking")]


def test_the_message_begins_with_its_names_and_a_prompt_that_is_never_empty_H34() -> None:
    (first, *_) = written(
        [chat.Start(id="chatcmpl-1", model="gpt")], reply(input_estimate=12, extension=b'{"gateway":"Pisces"}')
    )
    message = first["message"]
    assert (message["id"], message["model"], message["content"]) == ("msg_chatcmpl-1", "public-name", [])
    assert (message["usage"]["input_tokens"], message["pisces"]) == (12, {"gateway": "Pisces"})
    assert written([chat.Start()])[0]["message"]["usage"]["input_tokens"] == 1


def test_the_last_counts_are_whole_H34_H35_H115() -> None:
    usage = chat.Usage(input=100, cached_input=75, output=9, reasoning=4)
    assert streamed(Text(text="a"), usage=usage)[-2]["usage"] == {
        "input_tokens": 25,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 75,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
    }


def test_counts_that_nobody_made_are_estimated_H06() -> None:
    last = streamed(Text(text="twelve chars"), to=reply(input_estimate=30))[-2]
    assert (last["usage"]["input_tokens"], last["usage"]["output_tokens"]) == (30, 3)


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (chat.Stop(reason="stop"), ("end_turn", None)),
        (chat.Stop(reason="stop", sequence="END"), ("stop_sequence", "END")),
        (chat.Stop(reason="length"), ("max_tokens", None)),
        (chat.Stop(reason="tool_calls"), ("tool_use", None)),
        (chat.Stop(reason="content_filter"), ("refusal", None)),
        (chat.Stop(reason="context_full"), ("model_context_window_exceeded", None)),
        (chat.Stop(reason="pause"), ("pause_turn", None)),
    ],
)
def test_each_reason_has_its_word(stop: chat.Stop, expected: Any) -> None:
    change = streamed(Text(text="a"), stop=stop)[-2]["delta"]
    assert (change["stop_reason"], change["stop_sequence"]) == expected


def test_a_refusal_is_text_with_its_reason_H40() -> None:
    frames = streamed(Refusal(text="I cannot."))
    assert (frames[3]["delta"]["text"], frames[-2]["delta"]["stop_reason"]) == ("I cannot.", "refusal")


def test_a_broken_answer_ends_with_an_error_and_nothing_behind_it_H31_H33() -> None:
    error = UpstreamOverloaded("Busy.")
    events = [chat.Start(), BlockStart(block=Text(text="")), Delta(text="a"), Failed(error=error), Delta(text="b"), Finish()]
    frames = written(events)
    assert frames[-1]["error"] == {"type": "overloaded_error", "message": "Busy."}
    assert [frame["type"] for frame in frames[2:]] == ["content_block_start", "content_block_delta", "error"]


def test_a_failure_before_anything_is_the_error_alone() -> None:
    assert [frame["type"] for frame in written([Failed(error=UpstreamBroken("No."))])] == ["error"]


def test_pings_are_events_once_the_message_has_begun_H12_H36() -> None:
    encoder = WIRE.encoder(reply())
    assert encoder.encode([chat.PING]) == b": ping\n\n" == WIRE.early_heartbeat
    encoder.encode([chat.Start()])
    assert encoder.encode([chat.PING]) == b'event: ping\ndata: {"type":"ping"}\n\n' == WIRE.heartbeat


def test_a_delta_costs_its_own_bytes_only() -> None:
    encoder = WIRE.encoder(reply())
    encoder.encode([chat.Start(), BlockStart(block=Text(text="")), Delta(text="a")])
    assert encoder.encode([Delta(text='"\n\u2028')]) == (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\\"\\n'
        b'\xe2\x80\xa8"}}\n\n'
    )


def test_other_choices_than_the_first_are_left_out() -> None:
    events = [BlockStart(block=Text(text="")), BlockStart(block=Text(text=""), choice=1), Delta(text="no", choice=1)]
    frames = written([chat.Start(), *events, Delta(text="yes"), BlockEnd(choice=1), BlockEnd(), Finish()])
    assert [frame["delta"].get("text") for frame in frames if frame["type"] == "content_block_delta"] == ["yes"]
    assert kinds(frames)[-3:] == ["content_block_stop", "delta", "stop"]


# -- thinking ----------------------------------------------------------------------------------------------------------


def deltas(frames: list[dict[str, Any]]) -> list[tuple[str, str]]:
    found = [frame["delta"] for frame in frames if frame["type"] == "content_block_delta"]
    return [(delta["type"], next(value for name, value in delta.items() if name != "type")) for delta in found]


def test_thinking_ends_with_its_signature_once_H18() -> None:
    frames = streamed(Reasoning(text="hm", signature=OWN), to=reply(SHOWN))
    assert deltas(frames) == [("thinking_delta", "hm"), ("signature_delta", "ErUB")]
    assert kinds(frames)[4:6] == ["signature_delta", "content_block_stop"]


def test_thinking_is_not_shown_to_a_client_that_did_not_ask() -> None:
    assert kinds(streamed(Reasoning(text="hm", signature=OWN), Text(text="a")))[2:4] == ["text", "text_delta"]


def test_a_client_that_wants_it_omitted_gets_the_signature_alone() -> None:
    assert deltas(streamed(Reasoning(text="hm", signature=OWN), to=reply(HIDDEN))) == [("signature_delta", "ErUB")]


def test_redacted_thinking_is_whole_at_its_start_H84() -> None:
    frames = streamed(Reasoning(redacted=True, signature=OWN), to=reply(SHOWN))
    assert frames[2]["content_block"] == {"type": "redacted_thinking", "data": "ErUB"}
    assert kinds(frames)[3] == "content_block_stop"


@pytest.mark.parametrize("signature", [None, Signature(kind="openai", data="gAAAA", id="rs_1")])
def test_thinking_of_another_family_carries_what_identifies_it(signature: Signature | None) -> None:
    (_, (kind, carrier)) = deltas(streamed(Reasoning(text="hm", signature=signature), to=reply(SHOWN)))
    assert kind == "signature_delta" and carrier.startswith("UFND")
    assert SEALS.open(carrier) == (signature or Signature(kind="none", data=""))


def test_a_signed_call_is_preceded_by_its_carrier_H80() -> None:
    signed = ToolCall(id="call_1", name="now", arguments="{}", signature=FOREIGN)
    frames = streamed(signed, to=reply(SHOWN))
    assert kinds(frames)[2:6] == ["thinking", "signature_delta", "content_block_stop", "tool_use"]
    assert SEALS.open(deltas(frames)[0][1]) == FOREIGN
    assert kinds(streamed(signed))[2] == "tool_use"


def test_thinking_without_signature_carries_that_of_the_call_behind_it() -> None:
    frames = streamed(Reasoning(text="hm"), ToolCall(id="call_1", name="now", signature=FOREIGN), to=reply(SHOWN))
    assert kinds(frames)[2:7] == ["thinking", "thinking_delta", "signature_delta", "content_block_stop", "tool_use"]
    assert SEALS.open(deltas(frames)[1][1]) == FOREIGN


def test_a_signature_without_words_has_a_block_of_its_own() -> None:
    frames = streamed(Text(text="a"), Text(text="", signature=FOREIGN), to=reply(SHOWN))
    assert kinds(frames)[2:8] == [
        "text",
        "text_delta",
        "content_block_stop",
        "thinking",
        "signature_delta",
        "content_block_stop",
    ]


def test_a_signature_that_is_too_large_to_carry_leaves_no_empty_thinking() -> None:
    noise = "".join(sha256(b"%d" % number).hexdigest() for number in range(4000))
    signed = ToolCall(id="call_1", name="now", signature=Signature(kind="gemini", data=noise))
    assert SEALS.seal(signed.signature or FOREIGN) is None
    assert kinds(streamed(signed, to=reply(SHOWN)))[2] == "tool_use"


# -- other content -----------------------------------------------------------------------------------------------------


def test_a_server_tools_call_is_written_like_any_call() -> None:
    raw = b'{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"x"}}'
    frames = streamed(Opaque(wire="anthropic.messages", raw=raw, what="server_tool_use"))
    assert frames[2]["content_block"]["input"] == {}
    assert deltas(frames) == [("input_json_delta", '{"query":"x"}')]


def test_what_another_wire_alone_knows_is_left_out() -> None:
    frames = streamed(Opaque(wire="openai.responses", raw=b"{}"), Text(text="a"))
    assert kinds(frames)[2:5] == ["text", "text_delta", "content_block_stop"]


def test_a_generated_image_is_a_link() -> None:
    assert deltas(streamed(Media(kind="image", url="https://a.example/x.png"))) == [
        ("text_delta", "![image](https://a.example/x.png)")
    ]


def test_citations_stand_before_the_end_of_their_text() -> None:
    cited = chat.Citation(url="https://a.example", title="T", quote="q", end=1)
    frames = streamed(Text(text="a", citations=(cited,)))
    assert kinds(frames)[3:6] == ["text_delta", "citations_delta", "content_block_stop"]
    assert frames[4]["delta"]["citation"]["url"] == "https://a.example"


def test_an_empty_text_leaves_no_block() -> None:
    assert kinds(streamed(Text(text=""))) == ["start", "ping", "delta", "stop"]
