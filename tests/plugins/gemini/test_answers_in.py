"""What Google answers, whole and in chunks."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from plugins.gemini.talk import WIRE, chunk, events, folded

from pisces_proxy.chat import (
    BlockEnd,
    BlockStart,
    Citation,
    Delta,
    Failed,
    Finish,
    Logprobs,
    Media,
    Opaque,
    Reasoning,
    Signature,
    Start,
    Stop,
    Text,
    ToolCall,
)  # fmt: skip
from pisces_proxy.errors import (
    AnswerMalformed,
    PiscesError,
    ProofRefused,
    UpstreamBroken,
    UpstreamOverloaded,
    UpstreamRateLimited,
)
from pisces_proxy.plugin import Profile
from pisces_proxy.usage import Usage

SIG = Signature(kind="gemini", data="c2ln", family="gemini-x")


def call(name: str = "f", **members: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, **members}}


def blocks(*chunks: Any) -> tuple[Any, ...]:
    return folded(*chunks).choices[0].blocks


def stop(*chunks: Any) -> Stop:
    return folded(*chunks).choices[0].stop


def test_neighbouring_texts_are_one_block_and_thoughts_another() -> None:
    assert blocks(
        chunk({"text": "hm", "thought": True}), chunk({"text": "hm", "thought": True}), chunk({"text": "Hel"}),
        chunk({"text": "lo"}, {"text": ""}), chunk(finish="STOP"),
    ) == (Reasoning(text="hmhm", summary=True), Text(text="Hello"))  # fmt: skip


def test_events_are_opened_and_closed_in_order() -> None:
    assert events(chunk({"text": "a"}), chunk({"text": "b"}, finish="STOP")) == [
        Start(id="r1", model="gemini-x"), BlockStart(block=Text(text="")), Delta(text="a"), Delta(text="b"), BlockEnd(),
        Stop(reason="stop", raw="STOP"), Finish(),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "last",
    [
        {"parts": [None]},
        {"role": "model"},
        {},
        None,
        {"parts": []},
        {"parts": None},
        {"parts": [{"text": ""}], "role": "model"},
    ],
)
def test_the_last_chunk_may_hold_nothing_but_the_reason(last: Any) -> None:
    body = {"candidates": [{"content": last, "finishReason": "STOP", "index": None}]}
    assert blocks(chunk({"text": "a"}), body) == (Text(text="a"),)


def test_a_stop_behind_a_call_means_that_tools_are_called() -> None:  # H04
    assert stop(chunk(call()), chunk(finish="STOP")).reason == "tool_calls"
    assert stop(chunk(call(), finish="STOP")).reason == "tool_calls"


@pytest.mark.parametrize(
    ("finish", "reason", "raw"),
    [
        ("MAX_TOKENS", "length", "MAX_TOKENS"),
        (2, "length", "MAX_TOKENS"),
        ("SAFETY", "content_filter", "SAFETY"),
        (3, "content_filter", "SAFETY"),
        ("UNEXPECTED_TOOL_CALL", "error", "UNEXPECTED_TOOL_CALL"),
        ("NEW_THING", "tool_calls", "NEW_THING"),
        (99, "tool_calls", "99"),
    ],
)
def test_other_reasons_win_over_the_calls(finish: Any, reason: str, raw: str) -> None:  # H05
    found = stop(chunk(call(), finish=finish))
    assert (found.reason, found.raw) == (reason, raw)


def test_text_goes_on_behind_a_first_finish_reason() -> None:
    found = folded(chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"}, finish="MAX_TOKENS"))
    assert found.choices[0].blocks == (Text(text="ab"),)
    assert found.choices[0].stop.reason == "length"


def test_signatures_stay_on_their_part() -> None:
    signed = {"thoughtSignature": "c2ln"}
    assert blocks(
        chunk({"text": "a"}),
        chunk({"text": "b", **signed}),
        chunk({"text": "c"}),
        chunk({**call(id="1"), **signed}),
        chunk({"text": "", **signed}, finish="STOP"),
    ) == (
        Text(text="a"),
        Text(text="b", signature=SIG),
        Text(text="c"),
        ToolCall(id="1", name="f", arguments="{}", signature=SIG),
        Text(text="", signature=SIG),
    )  # H19


def test_a_call_without_arguments_becomes_an_empty_object() -> None:  # H03
    assert blocks(chunk(call(id="1"), finish="STOP")) == (ToolCall(id="1", name="f", arguments="{}"),)
    assert blocks(chunk(call(id="1", args=None), finish="STOP")) == (ToolCall(id="1", name="f", arguments="{}"),)


def test_calls_without_ids_get_stable_ones_of_their_own() -> None:
    first, second = blocks(chunk(call(args={"a": 1})), chunk(call(args={"a": 1})), chunk(finish="STOP"))
    assert first.id != second.id
    assert first.id.startswith("call_")
    assert blocks(chunk(call(args={"a": 1}), call(args={"a": 1}), finish="STOP")) == (first, second)


def test_arguments_keep_their_numbers_and_lose_their_white_space() -> None:  # H109
    body = json.dumps(chunk(call(id="1"), finish="STOP")).replace(
        '"id": "1"', '"id": "1", "args": {\n "a" : 1.0, "b": 123456789012345678901}'
    )
    response = WIRE.decode_response(body.encode(), Profile())
    assert response.choices[0].blocks == (ToolCall(id="1", name="f", arguments='{"a":1.0,"b":123456789012345678901}'),)


def test_arguments_in_pieces_are_put_together() -> None:
    def piece(path: str, more: bool, **value: Any) -> dict[str, Any]:
        return {"jsonPath": path, "willContinue": more, **value}

    assert blocks(
        chunk({**call("cook", willContinue=True), "thoughtSignature": "c2ln"}),
        chunk({"functionCall": {"partialArgs": [piece("$.who", True, stringValue="Jo")], "willContinue": True}}),
        chunk({"functionCall": {"partialArgs": [piece("$.who", False, stringValue="hn")], "willContinue": True}}),
        chunk({"functionCall": {"partialArgs": [piece("$.list[1].n", False, numberValue=2)], "willContinue": True}}),
        chunk(
            {
                "functionCall": {
                    "partialArgs": [piece("$.list[0]", False, boolValue=True), {"jsonPath": "$.z"}],
                    "willContinue": True,
                }
            }
        ),
        chunk({"functionCall": {}}),
        chunk({"text": "x"}, finish="STOP"),
    )[0] == ToolCall(
        id=blocks(chunk(call("cook"), finish="STOP"))[0].id,
        name="cook",
        signature=SIG,
        arguments='{"who":"John","list":[true,{"n":2}],"z":null}',
    )


def test_a_blocked_prompt_is_an_answer_that_was_filtered() -> None:
    response = folded(
        {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "no"}, "usageMetadata": {"promptTokenCount": 5}}
    )
    assert response.choices[0].stop == Stop(reason="content_filter", raw="SAFETY", detail="no")
    assert response.usage == Usage(input=5)
    assert folded({"promptFeedback": {"blockReason": 4}}).choices[0].stop.raw == "PROHIBITED_CONTENT"


@pytest.mark.parametrize(
    ("reason", "error"),
    [("MALFORMED_FUNCTION_CALL", AnswerMalformed), ("OTHER", UpstreamBroken), ("MISSING_THOUGHT_SIGNATURE", ProofRefused)],
)
def test_an_answer_that_is_nothing_but_a_mishap_is_the_upstreams_failure(reason: str, error: type[Exception]) -> None:
    body = {"candidates": [{"finishReason": reason, "finishMessage": "print(x)"}]}
    with pytest.raises(error, match="print"):
        folded(body)
    assert isinstance(events(body)[-1], Failed)
    assert stop(chunk({"text": "a"}), body) == Stop(reason="error", raw=reason, detail="print(x)")


def test_a_filtered_answer_without_content_is_an_answer() -> None:
    assert stop({"candidates": [{"finishReason": "RECITATION"}]}).reason == "content_filter"


def test_usage_is_cumulative_and_members_that_vanish_stay() -> None:  # H118
    first = {"promptTokenCount": 10, "thoughtsTokenCount": 7, "totalTokenCount": 17, "cachedContentTokenCount": 4}
    last = {
        "promptTokenCount": 12,
        "candidatesTokenCount": 5,
        "toolUsePromptTokenCount": 3,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 2},
            {"modality": "IMAGE", "tokenCount": 8},
            {"modality": 4, "tokenCount": 2},
        ],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 3}],
    }
    found = folded(chunk({"text": "a"}, usageMetadata=first), chunk(finish="STOP", usageMetadata=last)).usage
    assert found == Usage(
        input=15, cached_input=4, tool_input=3, output=12, reasoning=7, image_input=8, audio_input=2, image_output=3
    )


def test_usage_is_known_before_the_end() -> None:
    decoder = WIRE.decoder(Profile())
    decoder.decode(b"", json.dumps(chunk({"text": "a"}, usageMetadata={"promptTokenCount": 3})).encode())
    assert decoder.usage == Usage(input=3)
    assert not decoder.done
    decoder.decode(b"", json.dumps(chunk(finish="STOP")).encode())
    assert decoder.done


def test_an_answer_that_nobody_counted_has_no_usage() -> None:
    assert folded(chunk({"text": "a"}, finish="STOP")).usage is None


def test_images_are_media_and_drafts_of_them_are_not() -> None:  # H131
    image = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    assert blocks(chunk({**image, "thought": True}, image, finish="STOP")) == (
        Media(kind="image", data="aGk=", mime="image/png"),
    )


def test_an_image_written_as_text_is_an_image() -> None:  # H131
    data = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(1200)).decode()
    assert blocks(chunk({"text": data}, finish="STOP")) == (Media(kind="image", data=data, mime="image/png"),)
    assert blocks(chunk({"text": "iVBORw0KGgo is how"}, finish="STOP")) == (Text(text="iVBORw0KGgo is how"),)
    assert isinstance(blocks(chunk({"text": "/9j/ " * 300}, finish="STOP"))[0], Text)


def test_what_google_ran_itself_is_kept_whole() -> None:
    code, ran = blocks(
        chunk(
            {"executableCode": {"code": "1"}, "thoughtSignature": "c2ln"},
            {"codeExecutionResult": {"output": "1"}},
            finish="STOP",
        )
    )
    assert isinstance(code, Opaque) and json.loads(code.raw) == {"executableCode": {"code": "1"}, "thoughtSignature": "c2ln"}
    assert isinstance(ran, Opaque) and ran.what == "codeExecutionResult"


def test_sources_are_counted_in_code_points_of_their_block() -> None:  # C12
    text = "Größe: 5 €. Ja."
    start, end = len("Größe: ".encode()), len("Größe: 5 €.".encode())
    metadata = {
        "webSearchQueries": ["a", "b"],
        "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}, {"web": {"uri": "https://b"}}],
        "groundingSupports": [{"segment": {"startIndex": start, "endIndex": end}, "groundingChunkIndices": [0, 1, 7]}],
    }
    last = {
        "candidates": [
            {
                "finishReason": "STOP",
                "groundingMetadata": metadata,
                "content": {"parts": [{"text": "", "thoughtSignature": "c2ln"}]},
            }
        ],
        "usageMetadata": {"promptTokenCount": 1},
    }
    response = folded(chunk({"text": "x", "thought": True}), chunk({"text": text[:4]}), chunk({"text": text[4:]}), last)
    block = response.choices[0].blocks[1]
    assert isinstance(block, Text)
    assert [(cited.url, block.text[cited.start : cited.end]) for cited in block.citations] == [
        ("https://a", "5 €."),
        ("https://b", "5 €."),
    ]
    assert json.loads(response.extra["grounding"]) == metadata
    assert response.usage is not None and response.usage.searches == 2


def test_recited_passages_are_sources_too() -> None:
    body = chunk({"text": "abcdef"}, finish="STOP")
    body["candidates"][0]["citationMetadata"] = {
        "citationSources": [{"startIndex": 1, "endIndex": 3, "uri": "u"}],
        "citations": None,
    }
    assert blocks(body)[0].citations == (Citation(url="u", start=1, end=3),)


def test_token_probabilities_come_in_our_shape() -> None:
    body = chunk({"text": "Hi"}, finish="STOP")
    tokens = [{"token": "Hi", "logProbability": -0.5, "tokenId": 4}]
    body["candidates"][0]["logprobsResult"] = {"chosenCandidates": tokens, "topCandidates": [{"candidates": tokens}]}
    raw = next(event.raw for event in events(body) if isinstance(event, Logprobs))
    hi = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105]}
    assert json.loads(raw) == [{**hi, "top_logprobs": [hi]}]


def test_candidates_are_told_apart() -> None:  # H39
    found = folded(
        chunk({"text": "a"}),
        chunk({"text": "b"}, index=1),
        chunk({"text": "c"}, finish="STOP"),
        chunk(finish="MAX_TOKENS", index=1),
    )
    assert [(choice.blocks, choice.stop.reason) for choice in found.choices] == [
        ((Text(text="ac"),), "stop"),
        ((Text(text="b"),), "length"),
    ]


def test_a_stream_may_come_as_one_array() -> None:
    assert blocks([chunk({"text": "a"}), chunk({"text": "b"}, finish="STOP")]) == (Text(text="ab"),)


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_error_in_the_stream_keeps_its_class(wrapped: bool) -> None:  # H33
    error: Any = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    found = events(chunk({"text": "a"}), [error] if wrapped else error)
    assert isinstance(found[-1], Failed)
    assert isinstance(found[-1].error, UpstreamOverloaded)


def test_an_error_in_a_good_answer_is_raised() -> None:
    body = json.dumps({"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}).encode()
    with pytest.raises(UpstreamRateLimited):
        WIRE.decode_response(body, Profile())


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"{}", b"[]", b"null", b'{"candidates":[{"content":7}]}', b"[1]"])
def test_what_is_no_answer_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(PiscesError) as caught:
        WIRE.decode_response(body, Profile())
    assert caught.value.fault == "upstream"


def test_a_stream_that_breaks_off_fails() -> None:  # H30
    found = events(chunk({"text": "a"}))
    assert [type(event) for event in found[-2:]] == [BlockEnd, Failed]


def test_nothing_follows_a_failure() -> None:
    assert (
        sum(isinstance(event, Failed) for event in events({"error": {"code": 500}}, chunk({"text": "a"}, finish="STOP"))) == 1
    )


def test_done_is_no_chunk() -> None:
    decoder = WIRE.decoder(Profile())
    assert decoder.decode(b"", b"[DONE]") == ()


def test_a_whole_answer_needs_no_finish_reason() -> None:
    response = WIRE.decode_response(
        json.dumps(chunk({"text": "a"}, createTime="2026-01-02T03:04:05.678901234Z")).encode(), Profile()
    )
    assert (response.choices[0].stop.reason, response.created) == ("stop", 1767323045)


def test_refusals_with_a_status_are_understood() -> None:
    body = json.dumps([{"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "22s"}]}}]).encode()  # fmt: skip
    error = WIRE.decode_error(429, {}, body)
    assert isinstance(error, UpstreamRateLimited)
    assert error.retry_after == 22
