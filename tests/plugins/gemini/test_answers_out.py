"""What a client of Google's API gets, whoever answered."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from plugins.gemini.talk import ASKED, SEALS, WIRE, asking, decoded, folded, frames, reply, streamed

from pisces_proxy import errors
from pisces_proxy.chat import (
    BlockEnd,
    BlockStart,
    Choice,
    Citation,
    Delta,
    Failed,
    Finish,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Response,
    ServerTool,
    Signature,
    Start,
    Stop,
    StopReason,
    Text,
    ToolCall,
)  # fmt: skip
from pisces_proxy.usage import Usage

CLAUDE = Signature(kind="anthropic", data="sig", family="claude")
OWN = Signature(kind="gemini", data="c2ln")
GOLDEN = Response(
    id="x",
    model="upstream",
    choices=(
        Choice(
            blocks=(
                Reasoning(text="need tool", signature=CLAUDE),
                ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris"}'),
            ),
            stop=Stop(reason="tool_calls"),
        ),
    ),
    usage=Usage(input=20, cached_input=5, output=9, reasoning=4),
)


def answer(*blocks: Any, reason: StopReason = "stop", **members: Any) -> Response:
    return Response(id="x", choices=(Choice(blocks=blocks, stop=Stop(reason=reason)),), **members)


def parts(response: Response, **members: Any) -> list[Any]:
    body: dict[str, Any] = json.loads(WIRE.encode_response(response, reply(**members)))
    found: list[Any] = body["candidates"][0]["content"]["parts"]
    return found


def stream_parts(response: Response, **members: Any) -> list[Any]:
    return [part for body in frames(streamed(response, reply(**members))) for part in body["candidates"][0]["content"]["parts"]]


def test_the_golden_stream_is_written_as_google_writes_it() -> None:  # C15
    usage = {
        "promptTokenCount": 20,
        "candidatesTokenCount": 5,
        "totalTokenCount": 29,
        "cachedContentTokenCount": 5,
        "thoughtsTokenCount": 4,
    }
    same = {"modelVersion": "mine", "responseId": "x"}
    call = {
        "functionCall": {"id": "call_1", "name": "get_weather", "args": {"city": "Paris"}},
        "thoughtSignature": SEALS.seal(CLAUDE),
    }
    assert frames(streamed(GOLDEN, reply(extension=b'{"g":1}'))) == [
        {
            "candidates": [{"content": {"parts": [{"text": "need tool", "thought": True}], "role": "model"}, "index": 0}],
            **same,
            "pisces": {"g": 1},
        },
        {"candidates": [{"content": {"parts": [call], "role": "model"}, "index": 0}], **same},
        {
            "candidates": [{"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": usage,
            **same,
            "pisces": {"g": 1},
        },
    ]


def test_the_golden_answer_is_written_whole() -> None:
    body = json.loads(WIRE.encode_response(GOLDEN, reply(extension=b'{"g":1}')))
    assert [list(part) for part in body["candidates"][0]["content"]["parts"]] == [
        ["text", "thought"],
        ["functionCall", "thoughtSignature"],
    ]
    assert body["candidates"][0]["finishReason"] == "STOP"
    assert (body["modelVersion"], body["responseId"], body["pisces"]) == ("mine", "x", {"g": 1})


@pytest.mark.parametrize("array", [False, True])
def test_no_comment_no_event_name_no_done(array: bool) -> None:  # H13
    out = streamed(GOLDEN, reply(form="array" if array else "sse"))
    lines = [line for line in out.split(b"\r\n") if line]
    assert b"[DONE]" not in out
    assert all(line.startswith(b"data: {") for line in lines) is not array
    assert b"\nevent" not in out and b"\n:" not in out


@pytest.mark.parametrize("pieces", [1, 2, 100])
def test_the_array_is_valid_however_it_is_written(pieces: int) -> None:  # H14
    events = [
        Start(id="x"),
        BlockStart(block=Text(text="")),
        Delta(text="a"),
        Delta(text="b"),
        BlockEnd(),
        Stop(reason="stop"),
        Finish(),
    ]
    encoder = WIRE.encoder(reply(form="array"))
    out = [encoder.encode(events[at : at + pieces]) for at in range(0, len(events), pieces)]
    whole = json.loads(b"".join(out))
    assert [body["candidates"][0]["content"]["parts"][0]["text"] for body in whole] == ["a", "b", ""]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("form", ["sse", "array"])
def test_a_failure_begins_with_error_and_keeps_the_array_valid(before: bool, form: str) -> None:  # H14 H125
    encoder = WIRE.encoder(reply(form=form, extension=b"{}"))
    said = [BlockStart(block=Text(text="")), Delta(text="a")] if before else []
    out = encoder.encode([*said, Failed(error=errors.UpstreamOverloaded("Later.", retry_after=3.2))])
    body = (json.loads(out) if form == "array" else frames(out))[-1]
    assert body["error"]["code"] == 503
    assert body["error"]["status"] == "UNAVAILABLE"
    if form == "sse":
        assert out.split(b"data: ")[-1].startswith(b'{"error":')
    assert encoder.encode([Delta(text="more")]) == b""


def test_thoughts_are_shown_to_those_who_asked() -> None:
    response = answer(Reasoning(text="hm"), Text(text="a"))
    assert parts(response) == [{"text": "hm", "thought": True}, {"text": "a"}]
    assert parts(response, request=None) == stream_parts(response, request=asking())[:1] == [{"text": "a"}]


def test_a_foreign_signature_waits_for_the_call_and_comes_back() -> None:  # H101
    response = answer(Reasoning(text="hm", signature=CLAUDE), Text(text="I look."), ToolCall(id="c", name="f", arguments="{}"))
    for found in (parts(response), stream_parts(response)):
        carrier = next(part["thoughtSignature"] for part in found if "functionCall" in part)
        assert base64.b64decode(carrier, validate=True)
        back = decoded({"contents": [{"role": "model", "parts": found}]}).turns[0].blocks
        assert back[0] == Reasoning(text="hm", signature=CLAUDE, summary=True)


def test_without_a_call_the_signature_comes_last() -> None:
    response = answer(Reasoning(signature=CLAUDE), Text(text="a"))
    carried = {"text": "", "thoughtSignature": SEALS.seal(CLAUDE)}
    assert parts(response) == stream_parts(response) == [{"text": "a"}, carried]


def test_redacted_thinking_comes_back_redacted() -> None:  # H84
    hidden = Reasoning(redacted=True, signature=CLAUDE)
    found = parts(answer(Reasoning(text="hm"), hidden, ToolCall(id="c", name="f", arguments="{}")))
    back = decoded({"contents": [{"role": "model", "parts": found}]}).turns[0].blocks
    assert [block for block in back if isinstance(block, Reasoning) and block.signature] == [hidden]


def test_each_of_several_signatures_is_carried() -> None:
    other = Signature(kind="anthropic", data="two")
    response = answer(Reasoning(text="a", signature=CLAUDE), Reasoning(text="b", signature=other), ToolCall(id="c", name="f"))
    back = decoded({"contents": [{"role": "model", "parts": parts(response)}]}).turns[0].blocks
    assert [block.signature for block in back if isinstance(block, Reasoning)] == [CLAUDE, other]


def test_googles_own_signatures_stay_as_they_are() -> None:
    response = answer(
        Text(text="a", signature=OWN), ToolCall(id="c", name="f", arguments="{}", signature=OWN), Text(text="", signature=OWN)
    )
    nothing = {"text": "", "thoughtSignature": "c2ln"}
    assert parts(response) == [
        {"text": "a"}, nothing, {"functionCall": {"id": "c", "name": "f", "args": {}}, "thoughtSignature": "c2ln"}, nothing,
    ]  # fmt: skip


@pytest.mark.parametrize(("arguments", "args"), [("", {}), ("{}", {}), ('{"a":', {"a": None}), ("[1]", {"value": [1]})])
def test_arguments_are_an_object_always(arguments: str, args: Any) -> None:  # H03
    found = stream_parts(answer(ToolCall(id="c", name="f", arguments=arguments)))[0]["functionCall"]["args"]
    assert isinstance(found, dict)
    if arguments != '{"a":':
        assert found == args


def test_a_free_form_call_carries_its_input_as_one_member() -> None:  # H106
    response = answer(ToolCall(id="c", name="patch", arguments="4 + 4", custom=True))
    assert parts(response)[0]["functionCall"]["args"] == {"input": "4 + 4"}


def test_media_refusals_and_what_google_ran_are_parts() -> None:
    image = Media(kind="image", data="aGk=", mime="image/png", signature=OWN)
    ran = Opaque(wire=WIRE.name, raw=b'{"executableCode":\n{"code":"1"}}')
    theirs = Opaque(wire="another", raw=b"{}")
    response = answer(image, Refusal(text="no"), ran, theirs, Media(kind="image", url="https://x.org/a"))
    for found in (parts(response), stream_parts(response)[:-1]):
        assert found == [
            {"inlineData": {"mimeType": "image/png", "data": "aGk="}, "thoughtSignature": "c2ln"}, {"text": "no"},
            {"executableCode": {"code": "1"}}, {"fileData": {"mimeType": "application/octet-stream", "fileUri": "https://x.org/a"}},
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("stop", "word"),
    [
        (Stop(reason="stop", raw="end_turn"), "STOP"),
        (Stop(reason="tool_calls"), "STOP"),
        (Stop(reason="length"), "MAX_TOKENS"),
        (Stop(reason="context_full"), "MAX_TOKENS"),
        (Stop(reason="content_filter"), "SAFETY"),
        (Stop(reason="refusal"), "STOP"),
        (Stop(reason="content_filter", raw="RECITATION"), "RECITATION"),
        (Stop(reason="error"), "OTHER"),
        (Stop(reason="pause"), "STOP"),
        (Stop(reason="stop", raw="CONTINUATION"), "STOP"),
        (Stop(reason="error", raw="UNEXPECTED_TOOL_CALL"), "UNEXPECTED_TOOL_CALL"),
    ],
)
def test_finish_reasons_are_googles(stop: Stop, word: str) -> None:  # C9
    response = Response(choices=(Choice(blocks=(Text(text="a"),), stop=stop),))
    assert json.loads(WIRE.encode_response(response, reply()))["candidates"][0]["finishReason"] == word
    assert frames(streamed(response, reply()))[-1]["candidates"][0]["finishReason"] == word


@pytest.mark.parametrize(
    "usage",
    [
        Usage(input=105, cached_input=90, output=7, reasoning=3),
        Usage(input=10, tool_input=4, output=5),
        Usage(input=20, audio_input=5, image_input=3, output=9, image_output=9),
    ],
)
def test_usage_survives_the_way_there_and_back(usage: Usage) -> None:  # C10
    body = WIRE.encode_response(answer(Text(text="a"), usage=usage), reply())
    assert json.loads(body)["usageMetadata"]["totalTokenCount"] == usage.total
    assert folded(json.loads(body)).usage == usage


def test_sources_point_into_the_text_by_bytes() -> None:  # C12
    blocks = (
        Text(text="Öl. "),
        Text(text="5 € hier.", citations=(Citation(url="https://a", title="A", start=2, end=3), Citation(url="https://b"))),
    )
    body = json.loads(WIRE.encode_response(answer(*blocks), reply()))
    metadata = body["candidates"][0]["groundingMetadata"]
    assert metadata["groundingChunks"] == [
        {"web": {"uri": "https://a", "title": "A"}},
        {"web": {"uri": "https://b", "title": "https://b"}},
    ]
    assert metadata["groundingSupports"][0] == {
        "segment": {"startIndex": 7, "endIndex": 10, "text": "€"},
        "groundingChunkIndices": [0],
    }
    tool = ServerTool(kind="web_search", wire="x", raw=b"")
    streams = [
        frames(streamed(answer(*blocks), reply(request=request)))[-1] for request in (asking(server_tools=(tool,)), ASKED)
    ]
    assert streams[0]["candidates"][0]["groundingMetadata"] == metadata
    assert list(streams[1]["candidates"][0]["groundingMetadata"]) == ["groundingChunks"]


def test_a_refused_prompt_has_no_candidates() -> None:
    refused = folded({"promptFeedback": {"blockReason": "SAFETY"}})
    for body in (json.loads(WIRE.encode_response(refused, reply())), frames(streamed(refused, reply()))[-1]):
        assert body["promptFeedback"] == {"blockReason": "SAFETY"}
        assert "candidates" not in body


def test_unicode_line_ends_are_escaped() -> None:
    for out in (
        WIRE.encode_response(answer(Text(text="a\u2028b\u2029€")), reply()),
        streamed(answer(Text(text="a\u2028b\u2029€")), reply()),
    ):
        assert b"\\u2028b\\u2029\xe2\x82\xac" in out


def test_several_candidates_are_finished_together() -> None:
    response = Response(
        choices=(Choice(blocks=(Text(text="a"),)), Choice(blocks=(Text(text="b"),), stop=Stop(reason="length")))
    )
    last = frames(streamed(response, reply()))[-1]
    assert [(candidate["index"], candidate["finishReason"]) for candidate in last["candidates"]] == [
        (0, "STOP"),
        (1, "MAX_TOKENS"),
    ]
    assert [choice.blocks for choice in folded(*frames(streamed(response, reply()))).choices] == [
        (Text(text="a"),),
        (Text(text="b"),),
    ]


def test_token_probabilities_are_in_googles_shape() -> None:
    raw = b'[{"token":"Hi","logprob":-0.5,"bytes":null,"top_logprobs":[{"token":"Ho","logprob":-1.5,"bytes":[1]}]}]'
    response = Response(choices=(Choice(blocks=(Text(text="Hi"),), logprobs=raw),))
    expected = {
        "chosenCandidates": [{"token": "Hi", "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "Ho", "logProbability": -1.5}]}],
    }
    assert json.loads(WIRE.encode_response(response, reply()))["candidates"][0]["logprobsResult"] == expected
    assert expected in [body["candidates"][0].get("logprobsResult") for body in frames(streamed(response, reply()))]
