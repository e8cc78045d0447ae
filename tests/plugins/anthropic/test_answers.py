"""Whole answers, errors, counts and lists."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pisces_proxy import chat, errors
from pisces_proxy.chat import Reasoning, Signature, Text, ToolCall
from pisces_proxy.errors import BadRequest, PiscesError, UpstreamBroken, UpstreamOverloaded
from pisces_proxy.plugin import Model, Profile

from .speaking import HELLO, HIDDEN, SHOWN, WIRE, answer, operation, reply

MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 5, "output_tokens": 7},
}


def read(**changes: Any) -> chat.Response:
    return WIRE.decode_response(json.dumps({**MESSAGE, **changes}).encode(), Profile())


def write(response: chat.Response, thinking: chat.Thinking | None = None, **more: Any) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(WIRE.encode_response(response, reply(thinking, **more)))
    return message


def test_a_whole_answer_is_read() -> None:
    usage = chat.Usage(input=105, cached_input=90, cache_write=5, output=7)
    assert read() == chat.Response(
        id="msg_1",
        model="claude",
        choices=(chat.Choice(blocks=(Text(text="Hello"),), stop=chat.Stop(reason="stop", raw="end_turn")),),
        usage=usage,
    )


def test_counts_survive_the_way_there_and_back_C10() -> None:
    usage = {**MESSAGE["usage"], "output_tokens_details": {"thinking_tokens": 3}}
    usage["cache_creation"] = {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 4}
    assert write(read(usage=usage))["usage"] == usage


@pytest.mark.parametrize(("tier", "canonical"), [("standard", b'"default"'), ("priority", b'"priority"')])
def test_a_service_tier_survives_the_way_there_and_back(tier: str, canonical: bytes) -> None:
    response = read(usage={**MESSAGE["usage"], "service_tier": tier})
    assert response.extra["service_tier"] == canonical
    assert write(response)["usage"]["service_tier"] == tier


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": "many"}])
def test_strange_counts_break_nothing(usage: Any) -> None:
    assert read(usage=usage).choices[0].blocks == (Text(text="Hello"),)


@pytest.mark.parametrize(
    ("body", "raised"),
    [
        (b"<html>", UpstreamBroken),
        (b"[]", UpstreamBroken),
        (b'{"type":"message"}', UpstreamBroken),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', UpstreamOverloaded),
    ],
)
def test_an_answer_that_is_none_raises_what_it_means(body: bytes, raised: type[PiscesError]) -> None:
    with pytest.raises(raised):
        WIRE.decode_response(body, Profile())


def test_an_answer_is_written_with_the_clients_name_of_the_model() -> None:
    message = write(answer(Text(text="Hi")), extension=b'{"gateway":"Pisces"}')
    assert (message["id"], message["model"], message["pisces"]) == ("msg_1", "public-name", {"gateway": "Pisces"})


@pytest.mark.parametrize("arguments", ["", "{}", '{"a": 1}', '{"a": 1'])
def test_arguments_are_an_object_whatever_the_model_wrote_H03(arguments: str) -> None:
    (block,) = write(answer(ToolCall(id="c", name="now", arguments=arguments)))["content"]
    assert block["input"] == ({"a": 1} if "a" in arguments else {})


@pytest.mark.parametrize(("thinking", "expected"), [(None, []), (SHOWN, ["hm"]), (HIDDEN, [""])])
def test_thinking_is_shown_as_the_client_asked(thinking: chat.Thinking | None, expected: list[str]) -> None:
    thought = Reasoning(text="hm", signature=Signature(kind="anthropic", data="ErUB"))
    content = write(answer(thought, Text(text="a")), thinking)["content"]
    assert [block["thinking"] for block in content if block["type"] == "thinking"] == expected


def test_counts_that_nobody_made_are_estimated() -> None:
    assert write(answer(Text(text="twelve chars")), input_estimate=30)["usage"]["input_tokens"] == 30


# -- the same wire on both sides ---------------------------------------------------------------------------------------


def test_a_relayed_answer_keeps_every_member_but_the_model() -> None:
    body = json.dumps({**MESSAGE, "something_new": 1}).encode()
    relayed = json.loads(WIRE.relay_response(body, reply(extension=b"{}")))
    assert relayed == {**MESSAGE, "something_new": 1, "model": "public-name", "pisces": {}}


def test_of_a_relayed_stream_only_the_start_changes() -> None:
    start = json.dumps({"type": "message_start", "message": MESSAGE, "new": 1}).encode()
    relayed = json.loads(WIRE.relay_frame(start, reply(extension=b"{}"), True))
    assert relayed == {"type": "message_start", "message": {**MESSAGE, "model": "public-name", "pisces": {}}, "new": 1}
    for data in (b'{"type":"ping"}', b'{"type":"content_block_stop","index":0}'):
        assert WIRE.relay_frame(data, reply(), True) is data


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.BadRequest("x"), 400, "invalid_request_error"),
        (errors.Unauthenticated("x"), 401, "authentication_error"),
        (errors.BalanceExhausted("x"), 403, "permission_error"),
        (errors.BalanceExhausted("x", status=402), 402, "billing_error"),
        (errors.BalanceExhausted("x", status=429), 429, "rate_limit_error"),
        (errors.ModelNotFound("x"), 404, "not_found_error"),
        (errors.MethodNotAllowed("x"), 405, "invalid_request_error"),
        (errors.Conflict("x"), 409, "conflict_error"),
        (errors.KeyReused("x"), 422, "invalid_request_error"),
        (errors.TooLarge("x"), 413, "request_too_large"),
        (errors.RateLimited("x"), 429, "rate_limit_error"),
        (errors.UpstreamBroken("x"), 502, "api_error"),
        (errors.UpstreamOverloaded("x"), 529, "overloaded_error"),
        (errors.NoChannel("x"), 529, "overloaded_error"),
        (errors.UpstreamTimeout("x"), 504, "timeout_error"),
        (errors.GatewayError("x"), 500, "api_error"),
        (errors.NotBuilt("x"), 400, "invalid_request_error"),
    ],
)
def test_each_error_has_its_status_and_type_D2(error: PiscesError, status: int, kind: str) -> None:
    got, body = WIRE.encode_error(error, "req_1", b'{"gateway":"Pisces"}')
    assert got == status
    assert json.loads(body) == {
        "type": "error",
        "error": {"type": kind, "message": "x"},
        "request_id": "req_1",
        "pisces": {"gateway": "Pisces"},
    }


def test_an_error_names_its_field_and_carries_its_details() -> None:
    error = errors.Unsupported("Not kept.", param="thread", details={"error_code": "thread_unsupported_request"})
    told = json.loads(WIRE.encode_error(error, "req_1", b"")[1])["error"]
    assert told["message"] == "thread: Not kept."
    assert told["details"] == {"error_code": "thread_unsupported_request"}


def test_a_long_prompt_is_told_in_the_words_that_clients_know() -> None:
    told = json.loads(WIRE.encode_error(errors.ContextTooLong("9 tokens"), "req_1", b"")[1])["error"]
    assert told["message"] == "prompt is too long: 9 tokens"


def test_an_errors_headers_say_when_and_whether_to_come_again_D5() -> None:
    assert WIRE.error_headers(errors.RateLimited("x", retry_after=1.2)) == {"x-should-retry": "true", "retry-after": "2"}
    assert WIRE.error_headers(errors.BalanceExhausted("x")) == {"x-should-retry": "false"}


def test_an_upstreams_refusal_is_understood() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    assert isinstance(WIRE.decode_error(529, {}, body), UpstreamOverloaded)


# -- counts and lists --------------------------------------------------------------------------------------------------


def test_a_count_is_one_number_H140() -> None:
    assert json.loads(WIRE.encode_count(chat.Usage(input=12), reply())) == {"input_tokens": 12}
    assert WIRE.count_path("/messages", "m") == "/messages/count_tokens"
    assert WIRE.decode_request(
        operation({"model": "m", "messages": [{"role": "user", "content": "x"}]}, "count"), reply().seals
    )


def test_a_request_to_be_counted_has_nothing_about_its_answer() -> None:
    body = {**HELLO, "stream": True, "temperature": 1, "system": "x", "thinking": {"type": "disabled"}}
    counted = json.loads(WIRE.count_request(json.dumps(body).encode(), "m"))
    assert counted == {"model": "m", "messages": HELLO["messages"], "system": "x", "thinking": {"type": "disabled"}}


def test_the_number_of_an_upstreams_count_is_read() -> None:
    assert WIRE.decode_count(b'{"input_tokens": 7}') == 7
    with pytest.raises(UpstreamBroken):
        WIRE.decode_count(b"{}")


def test_what_an_answer_used_is_read_without_its_content() -> None:
    body = {**MESSAGE, "content": [{"type": "something_new"}]}
    usage = WIRE.read_usage(json.dumps(body).encode(), Profile())
    assert usage == chat.Usage(input=105, cached_input=90, cache_write=5, output=7)
    with pytest.raises(UpstreamOverloaded):
        WIRE.read_usage(b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', Profile())


MODELS = [Model(id=name) for name in "abcde"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ("abcde", False)),
        ({"limit": "2"}, ("ab", True)),
        ({"limit": "2", "after_id": "b"}, ("cd", True)),
        ({"limit": "2", "after_id": "d"}, ("e", False)),
        ({"limit": "2", "before_id": "d"}, ("bc", True)),
        ({"limit": "3", "before_id": "d"}, ("abc", False)),
        ({"after_id": "e"}, ("", False)),
    ],
)
def test_the_list_of_models_is_paged_E4(query: dict[str, str], expected: tuple[str, bool]) -> None:
    page = json.loads(WIRE.encode_models(MODELS, query, b""))
    names = "".join(model["id"] for model in page["data"])
    assert (names, page["has_more"]) == expected
    assert (page["first_id"], page["last_id"]) == ((names[0], names[-1]) if names else (None, None))


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "x"}, {"limit": "1001"}, {"after_id": "z"}])
def test_a_page_that_is_none_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(BadRequest) as raised:
        WIRE.encode_models(MODELS, query, b"")
    assert raised.value.param in query


def test_one_model_says_what_the_sdk_insists_on() -> None:
    model = json.loads(WIRE.encode_model(Model(id="m", context=10, max_output=5), b""))
    assert model == {
        "type": "model",
        "id": "m",
        "display_name": "m",
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 10,
        "max_tokens": 5,
    }
