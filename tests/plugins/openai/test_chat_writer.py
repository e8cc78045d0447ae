"""Answers for chat clients: what the official SDK makes of our bytes, and what naive clients may rely on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx2 as httpx
import openai
import pytest
from pisces_openai.chat import Chat

from pisces_proxy import chat
from pisces_proxy.chat import (
    BlockEnd,
    BlockStart,
    Citation,
    Delta,
    Event,
    Failed,
    Finish,
    Media,
    Reasoning,
    Refusal,
    Request,
    Signature,
    Start,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    Turn,
)
from pisces_proxy.errors import BalanceExhausted, ModelNotFound, PiscesError, RateLimited, UpstreamBroken
from pisces_proxy.plugin import Model, Operation, Reply
from pisces_proxy.seals import Seals
from pisces_proxy.usage import Usage

WIRE = Chat()
SEALS = Seals([b"a secret"])
PISCES = b'{"gateway":"pisces"}'
COUNTED = Usage(input=20, cached_input=5, output=9, reasoning=4)
SIGNED = Signature(kind="anthropic", data="c2ln")


def reply(**more: Any) -> Reply:
    given = {"model": "alias", "request_id": "req_1", "created": 9, "stream": True, "include_usage": True, "seals": SEALS}
    return Reply(**{**given, **more})


def block(opening: chat.Block, *texts: str, choice: int = 0, **end: Any) -> list[Event]:
    deltas = [Delta(text=text, choice=choice) for text in texts]
    return [BlockStart(block=opening, choice=choice), *deltas, BlockEnd(choice=choice, **end)]


GOLDEN: list[Event] = [
    Start(id="msg_1", model="up"),
    *block(Reasoning(), "need ", "tool", signature=SIGNED),
    *block(ToolCall(id="call_1", name="get_weather"), '{"city":', '"Paris"}'),
    Stop(reason="tool_calls"),
    Finish(usage=COUNTED),
]


def written(events: Sequence[Event], **more: Any) -> list[Any]:
    """The data of each frame; `[DONE]` as text."""
    frames = WIRE.encoder(reply(**more)).encode(events).decode().split("\n\n")
    data = [frame.removeprefix("data: ") for frame in frames if frame.startswith("data: ")]
    return [item if item == "[DONE]" else json.loads(item) for item in data]


def deltas(events: Sequence[Event], **more: Any) -> list[dict[str, Any]]:
    return [frame["choices"][0]["delta"] for frame in written(events, **more)[:-1] if frame["choices"]]


def client_of(body: bytes, kind: str = "text/event-stream", status: int = 200, **headers: str) -> openai.OpenAI:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body, headers={"content-type": kind, **headers})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    return openai.OpenAI(api_key="k", base_url="http://pisces.test/v1", http_client=http, max_retries=0)


def accumulated(events: Sequence[Event], **more: Any) -> Any:
    """What the SDK's own accumulator makes of the stream."""
    with (
        client_of(WIRE.encoder(reply(**more)).encode(events)) as client,
        client.chat.completions.stream(model="alias", messages=[{"role": "user", "content": "hi"}]) as stream,
    ):
        for _ in stream:
            pass
        return stream.get_final_completion()


# -- streams -----------------------------------------------------------------------------------------------------------


def test_the_golden_turn_is_what_the_sdk_accumulates() -> None:
    final = accumulated(GOLDEN)
    choice = final.choices[0]
    assert (final.id, final.model, choice.finish_reason) == ("chatcmpl-1", "alias", "tool_calls")
    assert choice.message.role == "assistant"
    assert choice.message.reasoning_content == "need tool"
    call = choice.message.tool_calls[0]
    assert (call.id, call.function.name, call.function.arguments) == ("call_1", "get_weather", '{"city":"Paris"}')
    assert (final.usage.prompt_tokens, final.usage.completion_tokens, final.usage.total_tokens) == (20, 9, 29)
    assert final.usage.prompt_tokens_details.cached_tokens == 5
    assert final.usage.completion_tokens_details.reasoning_tokens == 4


def test_the_golden_turn_comes_back_with_its_signature() -> None:
    message = accumulated(GOLDEN).choices[0].message.to_dict()
    body = {"model": "m", "messages": [{"role": "user", "content": "?"}, message]}
    operation = Operation(kind="chat", wire=WIRE.name, model="m", body=json.dumps(body).encode())
    assert WIRE.decode_request(operation, SEALS).turns[1].blocks == (
        Reasoning(text="need tool", signature=SIGNED),
        ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris"}'),
    )


def test_role_id_and_name_are_said_once() -> None:  # H20
    text = json.dumps(deltas(GOLDEN))
    assert (text.count('"role"'), text.count('"call_1"'), text.count('"get_weather"')) == (1, 1, 1)


def test_chunks_share_id_model_and_time() -> None:
    frames = written(GOLDEN)[:-1]
    assert {(frame["id"], frame["model"], frame["created"]) for frame in frames} == {("chatcmpl-1", "alias", 9)}


def test_the_usage_chunk_comes_last_and_alone() -> None:  # H09, H42
    frames = written(GOLDEN, extension=PISCES)
    assert frames[-1] == "[DONE]"
    assert frames[-2]["choices"] == []
    assert frames[-2]["usage"]["total_tokens"] == 29
    assert [frame.get("usage") for frame in frames[:-2]] == [None] * (len(frames) - 2)
    assert [index for index, frame in enumerate(frames[:-1]) if "pisces" in frame] == [0, len(frames) - 2]
    assert list(frames[0])[-1] == "pisces"


def test_no_chunk_is_without_a_choice_unless_usage_was_asked_for() -> None:  # H08
    frames = written(GOLDEN, include_usage=False)
    assert all(frame["choices"] for frame in frames[:-1])
    assert "usage" not in json.dumps(frames)


def test_a_failure_is_the_last_thing_said() -> None:
    encoder = WIRE.encoder(reply(extension=PISCES))
    data = encoder.encode([Start(), *block(Text(text=""), "hal"), Failed(error=UpstreamBroken("cut off"))])
    assert b"[DONE]" not in data and b'"finish_reason":"' not in data
    last = data.rstrip(b"\n").split(b"\n\n")[-1]
    assert last.startswith(b'data: {"error":{"message":"cut off"')
    with pytest.raises(openai.APIError, match="cut off"):
        list(client_of(data).chat.completions.create(model="m", messages=[], stream=True))


def test_several_answers_each_have_a_role_and_an_end() -> None:  # H39
    events = [
        Start(),
        *block(Text(text=""), "a"),
        *block(Text(text=""), "b", choice=1),
        Stop(reason="stop"),
        Stop(reason="length", choice=1),
        Finish(),
    ]
    with client_of(WIRE.encoder(reply()).encode(events)) as client:
        chunks = list(client.chat.completions.create(model="m", messages=[], stream=True))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    for index, text, reason in ((0, "a", "stop"), (1, "b", "length")):
        mine = [choice for choice in choices if choice.index == index]
        assert [choice.delta.role for choice in mine].count("assistant") == 1
        assert "".join(choice.delta.content or "" for choice in mine) == text
        assert [choice.finish_reason for choice in mine if choice.finish_reason] == [reason]


def test_parallel_calls_have_dense_indices() -> None:  # H21
    events = [
        Start(),
        *block(ToolCall(id="a", name="f"), "{}"),
        *block(ToolCall(id="b", name="g")),
        Stop(reason="stop"),
        Finish(),
    ]
    choice = accumulated(events).choices[0]
    assert [(call.id, call.function.arguments) for call in choice.message.tool_calls] == [("a", "{}"), ("b", "{}")]  # H03
    assert choice.finish_reason == "tool_calls"  # H04


def test_citations_carry_an_index_and_count_from_the_beginning_of_the_content() -> None:  # H41
    cited = (Citation(url="https://a.example", title="A", start=0, end=2),)
    events = [
        Start(),
        *block(Text(text=""), "xyz"),
        *block(Text(text=""), "ab", citations=cited * 2),
        Stop(reason="stop"),
        Finish(),
    ]
    notes = accumulated(events).choices[0].message.annotations
    places = [note.url_citation if hasattr(note, "url_citation") else note["url_citation"] for note in notes]
    assert json.dumps(written(events)).count('"start_index": 3') == 2
    assert len(places) == 2


def test_signed_thinking_without_a_call_goes_into_the_details() -> None:
    events = [Start(), *block(Reasoning(), "hm", signature=SIGNED), *block(Text(text=""), "yes"), Stop(reason="stop"), Finish()]
    message = accumulated(events).choices[0].message
    detail = message.reasoning_details[0]
    assert (detail["index"], detail["type"]) == (0, "reasoning.encrypted")
    assert SEALS.open(detail["data"]) == SIGNED


def test_a_gemini_signature_on_a_call_is_said_natively_too() -> None:
    own = Signature(kind="gemini", data="R0VN")
    for events in (
        [*block(ToolCall(id="a", name="f", signature=own), "{}", signature=own)],
        [*block(ToolCall(id="a", name="f"), "{}", signature=own)],
    ):
        final = accumulated([Start(), *events, Stop(reason="tool_calls"), Finish()])
        extra = final.choices[0].message.tool_calls[0].extra_content
        assert extra["google"] == {"thought_signature": "R0VN"}
        assert SEALS.open(extra["pisces"]["sig"]) == own


@pytest.mark.parametrize("whole", [False, True])
def test_redacted_thinking_survives_the_way_through_the_client(whole: bool) -> None:  # H84
    hidden = Reasoning(redacted=True, signature=SIGNED)
    response = chat.Response(choices=(chat.Choice(blocks=(hidden, Text(text="yes"))),))
    if whole:
        message = json.loads(WIRE.encode_response(response, reply()))["choices"][0]["message"]
    else:
        message = accumulated([*chat.unfold(response)]).choices[0].message.to_dict()
    body = {"model": "m", "messages": [{"role": "user", "content": "?"}, message]}
    operation = Operation(kind="chat", wire=WIRE.name, model="m", body=json.dumps(body).encode())
    assert WIRE.decode_request(operation, SEALS).turns[1].blocks == (hidden, Text(text="yes"))


def request(**more: Any) -> Request:
    return Request(model="m", turns=(Turn(role="user", blocks=(Text(text="?"),)),), **more)


def test_thinking_is_kept_back_where_the_client_excluded_it() -> None:
    said = deltas(GOLDEN, request=request(thinking=Thinking(effort="high", include=False)))
    assert not any("reasoning_content" in delta for delta in said)


def test_a_legacy_request_is_answered_in_the_legacy_shape() -> None:  # H111
    frames = written(GOLDEN, request=request(legacy_functions=True))
    calls = [
        frame["choices"][0]["delta"]["function_call"]
        for frame in frames[:-2]
        if "function_call" in frame["choices"][0]["delta"]
    ]
    assert calls[0] == {"name": "get_weather", "arguments": ""}
    assert "".join(call["arguments"] for call in calls) == '{"city":"Paris"}'
    assert frames[-3]["choices"][0]["finish_reason"] == "function_call"
    whole = json.loads(WIRE.encode_response(chat.fold(GOLDEN), reply(request=request(legacy_functions=True))))
    assert whole["choices"][0]["message"]["function_call"] == {"name": "get_weather", "arguments": '{"city":"Paris"}'}
    assert whole["choices"][0]["finish_reason"] == "function_call"


def test_a_custom_tool_that_was_emulated_is_custom_again() -> None:
    asked = request(tools=(Tool(name="patch", custom=True),))
    events = [Start(), *block(ToolCall(id="a", name="patch"), '{"inp', 'ut":"a\\n', 'b"}'), Stop(reason="tool_calls"), Finish()]
    said = [delta["tool_calls"][0] for delta in deltas(events, request=asked) if "tool_calls" in delta]
    assert (said[0]["type"], said[0]["custom"]) == ("custom", {"name": "patch", "input": ""})
    assert "".join(entry["custom"]["input"] for entry in said) == "a\nb"
    whole = json.loads(WIRE.encode_response(chat.fold(events), reply(request=asked)))
    assert whole["choices"][0]["message"]["tool_calls"][0]["custom"] == {"name": "patch", "input": "a\nb"}


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("context_full", "length"),
        ("content_filter", "content_filter"),
        ("refusal", "content_filter"),
        ("pause", "stop"),
    ],
)
def test_every_end_has_a_finish_reason(reason: Any, word: str) -> None:
    assert written([Start(), Stop(reason=reason), Finish()])[1]["choices"][0]["finish_reason"] == word


def test_a_refusal_keeps_the_content_empty() -> None:  # H40
    events = [Start(), *block(Refusal(text=""), "I can't"), Stop(reason="refusal"), Finish()]
    message = accumulated(events).choices[0].message
    assert (message.refusal, message.content or None) == ("I can't", None)
    whole = json.loads(WIRE.encode_response(chat.fold(events), reply()))["choices"][0]
    assert (whole["message"]["content"], whole["message"]["refusal"], whole["finish_reason"]) == (None, "I can't", "stop")


# -- whole answers -----------------------------------------------------------------------------------------------------


def test_a_whole_answer_says_what_the_stream_said() -> None:
    body = WIRE.encode_response(chat.fold(GOLDEN), reply(extension=PISCES))
    with client_of(body, "application/json") as client:
        whole = client.chat.completions.create(model="m", messages=[])
    streamed = accumulated(GOLDEN)
    call, same = whole.choices[0].message.tool_calls[0], streamed.choices[0].message.tool_calls[0]
    assert (call.id, call.function.name, call.function.arguments) == (same.id, same.function.name, same.function.arguments)
    assert call.extra_content == same.extra_content
    assert whole.usage == streamed.usage
    assert list(json.loads(body))[-1] == "pisces"
    assert whole.choices[0].message.content is None


def test_a_generated_image_stands_beside_the_text() -> None:
    image = Media(kind="image", data="AAAA", mime="image/png")
    response = chat.Response(choices=(chat.Choice(blocks=(Text(text="here"), image)),))
    message = json.loads(WIRE.encode_response(response, reply()))["choices"][0]["message"]
    assert message["images"] == [{"index": 0, "type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    assert message["content"] == "here"


def test_log_probabilities_of_a_pretty_printed_answer_stay_on_one_line() -> None:
    tokens = b'[{"token": "a",\n "logprob": -1.5, "bytes": [97], "top_logprobs": []}]'
    response = chat.Response(choices=(chat.Choice(blocks=(Text(text="a"),), logprobs=tokens),))
    frames = written([*chat.unfold(response)])
    assert [f["choices"][0]["logprobs"]["content"][0]["token"] for f in frames[:-2] if "logprobs" in f["choices"][0]] == ["a"]


# -- errors and models -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "kind", "code", "raised"),
    [
        (ModelNotFound("no such model", param="model"), 404, "invalid_request_error", "model_not_found", openai.NotFoundError),
        (RateLimited("slow down", retry_after=2), 429, "rate_limit_error", "rate_limit_exceeded", openai.RateLimitError),
        (BalanceExhausted("empty"), 403, "insufficient_quota", "insufficient_quota", openai.PermissionDeniedError),
        (UpstreamBroken("broken"), 502, "server_error", "upstream_error", openai.InternalServerError),
    ],
)  # fmt: skip
def test_errors_are_the_exceptions_that_sdk_users_catch(
    error: PiscesError, status: int, kind: str, code: str, raised: type[openai.APIStatusError]
) -> None:  # H122, H124
    found, body = WIRE.encode_error(error, "req_1", PISCES)
    assert found == status
    assert body.startswith(b'{"error":')
    with pytest.raises(raised) as caught:
        client_of(body, "application/json", status).chat.completions.create(model="m", messages=[])
    assert (caught.value.code, caught.value.type, caught.value.param) == (code, kind, error.param)


def test_an_empty_balance_is_not_worth_a_second_try() -> None:  # H124
    assert WIRE.error_headers(BalanceExhausted("empty", status=429))["x-should-retry"] == "false"
    assert WIRE.error_headers(RateLimited("slow", retry_after=1.5)) == {"retry-after-ms": "1500"}


def test_the_sdk_lists_models() -> None:  # H139
    models = [Model(id="[M]a/b", owned_by="x", created=3), Model(id="c", context=128)]
    with client_of(WIRE.encode_models(models, {}, PISCES), "application/json") as client:
        assert [model.id for model in client.models.list()] == ["[M]a/b", "c"]
    assert json.loads(WIRE.encode_models(models, {}, b""))["success"] is True
    assert json.loads(WIRE.encode_model(models[1], b"")) == {
        "id": "c", "object": "model", "created": 0, "owned_by": "", "context_length": 128
    }  # fmt: skip


def test_thoughts_are_kept_apart_by_a_blank_line() -> None:
    events = [
        Start(),
        *block(Reasoning(), "a"),
        *block(Text(text=""), "x"),
        *block(Reasoning(), "b"),
        Stop(reason="stop"),
        Finish(),
    ]
    assert accumulated(events).choices[0].message.reasoning_content == "a\n\nb"


def test_what_ran_at_a_vendor_is_not_the_answers_text() -> None:
    ran = chat.Opaque(wire="elsewhere", raw=b"{}", summary="[searched]")
    events = [Start(), *block(ran), *block(Text(text=""), "x"), Stop(reason="stop"), Finish()]
    assert accumulated(events).choices[0].message.content == "x"
