"""The Responses wire where its bytes pass through, and its routes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pisces_openai.responses import ENDPOINTS

from pisces_proxy.chat import Finish, Request, Signature, Start, Stop, Text, Turn
from pisces_proxy.errors import ProofRefused, RateLimited, Unsupported, UpstreamBroken
from pisces_proxy.plugin import Operation, Profile
from pisces_proxy.transform import Passthrough
from pisces_proxy.usage import Usage

from .responses_samples import EXTENSION, PLAIN, SEALS, WIRE, accumulated, frames_of, reply, written

CARRIER = SEALS.seal(Signature(kind="anthropic", data="sig"))


def operation(body: Any, **values: Any) -> Operation:
    return Operation(kind="chat", wire=WIRE.name, body=body if isinstance(body, bytes) else json.dumps(body).encode(), **values)


def test_a_passing_request_keeps_every_byte_but_the_model() -> None:
    body = b'{"model":"a","input":[ {"x" : 1.0e5} ],"previous_response_id":"r","of_tomorrow":{"b":1, "a":"\\u00e9"}}'
    encoded = WIRE.rewrite(operation(body), "b", PLAIN)
    assert encoded.body == body.replace(b'"model":"a"', b'"model":"b"')
    assert encoded.losses == ()


def test_the_profile_renames_and_drops_and_our_own_members_go() -> None:
    body = {"model": "a", "user": "u", "truncation": "auto", "pisces": {}, "api_key": "k", "input": "x"}
    passed = json.loads(
        WIRE.rewrite(operation(body), "b", Profile(drop=("truncation",), rename={"user": "safety_identifier"})).body
    )
    assert passed == {"model": "b", "safety_identifier": "u", "input": "x"}


def test_the_beta_header_goes_on() -> None:
    headers = WIRE.rewrite(operation({"model": "a"}, headers={"openai-beta": "x=v1"}), "b", PLAIN).headers
    assert headers == {"OpenAI-Beta": "x=v1"}


def test_thinking_of_another_family_does_not_reach_openai() -> None:
    own = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    items = [
        {"role": "user", "content": "what is UFND and rs_pisces_?"},
        {"type": "reasoning", "summary": [], "encrypted_content": CARRIER},
        {"type": "reasoning", "id": "rs_pisces_abc_0", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        own,
    ]
    passed = json.loads(WIRE.rewrite(operation({"model": "a", "input": items}), "b", PLAIN).body)
    assert passed["input"] == [items[0], own]


@pytest.mark.parametrize("given", ['"UFND"', '{"UFND":1}', '["UFND"]'])
def test_an_input_of_any_form_passes(given: str) -> None:
    body = f'{{"model":"a","input":{given}}}'.encode()
    assert json.loads(WIRE.rewrite(operation(body), "b", PLAIN).body)["input"] == json.loads(given)


def test_a_relayed_answer_names_the_clients_model() -> None:
    body = b'{"id":"resp_1","model":"gpt-x","output":[ ],"n":1.0}'
    relayed = WIRE.relay_response(body, reply(extension=EXTENSION))
    assert relayed == b'{"id":"resp_1","model":"client-model","output":[ ],"n":1.0,"pisces":' + EXTENSION + b"}"


UPSTREAM = written([Start(), Stop(reason="stop"), Finish(usage=Usage(input=1, output=2))])


def upstream_stream(*frames: dict[str, Any] | str, named: bool = True) -> bytes:
    out = b""
    for frame in frames:
        data = frame if isinstance(frame, str) else json.dumps(frame)
        name = f"event: {frame['type']}\n" if named and isinstance(frame, dict) else ""
        out += f"{name}data: {data}\n\n".encode()
    return out


@pytest.mark.parametrize("named", [True, False])
def test_a_relayed_stream_changes_in_its_lifecycle_events_only(named: bool) -> None:
    frames: list[dict[str, Any]] = [{**frame, "response": {**frame["response"], "model": "gpt-x"}} for frame in UPSTREAM]
    delta = {"type": "response.output_text.delta", "delta": 'said "response"', "item_id": "m"}
    body = upstream_stream(*frames[:2], delta, frames[2], "[DONE]", named=named)
    passing = Passthrough(WIRE, PLAIN, reply(extension=EXTENSION))
    relayed = passing.feed(body) + passing.end()
    assert b"[DONE]" not in relayed and upstream_stream(delta, named=named) in relayed
    found = [json.loads(line[6:]) for line in relayed.decode().split("\n") if line.startswith("data: ")]
    models = [frame["response"]["model"] for frame in found if "response" in frame]
    assert models == ["client-model"] * 3
    assert all(frame["response"]["pisces"] == json.loads(EXTENSION) for frame in found if "response" in frame)
    assert passing.usage == Usage(input=1, output=2) and passing.finished


def test_a_relayed_stream_that_breaks_ends_as_the_same_response_failed() -> None:  # H29
    begun = {**UPSTREAM[0], "response": {**UPSTREAM[0]["response"], "id": "resp_theirs"}, "sequence_number": 0}
    passing = Passthrough(WIRE, PLAIN, reply())
    delta = {"type": "response.output_text.delta", "delta": "x", "sequence_number": 1}
    relayed = passing.feed(upstream_stream(begun, delta)) + passing.fail(UpstreamBroken("cut"))
    last = frames_of(relayed)[-1]
    assert (last["type"], last["response"]["id"]) == ("response.failed", "resp_theirs")
    assert last["sequence_number"] > 0


def test_a_relayed_stream_that_never_began_ends_with_an_error_event() -> None:
    assert b"event: error" in WIRE.relay_failure(RateLimited("slow"), reply(), WIRE.decoder(PLAIN))


def test_a_relayed_stream_is_one_that_the_sdk_takes() -> None:
    passing = Passthrough(WIRE, PLAIN, reply(extension=EXTENSION))
    assert accumulated(passing.feed(upstream_stream(*UPSTREAM))).model == "client-model"


def test_counting() -> None:
    assert WIRE.count_path("/responses", "m") == "/responses/input_tokens"
    assert WIRE.decode_count(b'{"object":"response.input_tokens","input_tokens":7}') == 7
    assert WIRE.encode_count(Usage(input=7), reply()) == b'{"object":"response.input_tokens","input_tokens":7}'
    assert json.loads(WIRE.encode_count(Usage(input=7), reply(extension=EXTENSION)))["pisces"] == json.loads(EXTENSION)
    body = json.dumps({"model": "m", "input": "x", "tools": [], "stream": True, "store": False, "client_metadata": {}}).encode()
    assert json.loads(WIRE.count_request(body, "m")) == {"model": "m", "input": "x", "tools": []}


def test_each_call_of_the_api_has_a_route_and_those_that_need_a_store_say_so() -> None:
    routes = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS}
    assert [key for key, endpoint in routes.items() if endpoint.kind != "unsupported"] == [
        ("POST", "/v1/responses"),
        ("POST", "/v1/responses/input_tokens"),
    ]
    refused = [endpoint for endpoint in ENDPOINTS if endpoint.kind == "unsupported"]
    assert len(refused) == 5 and all("stores no responses" in endpoint.description for endpoint in refused)
    assert all(endpoint.wire == WIRE.name for endpoint in ENDPOINTS)


def test_an_error_has_openais_shape() -> None:
    status, body = WIRE.encode_error(Unsupported("no", param="x", code="y"), "req_1", EXTENSION)
    assert status == 400 and body.startswith(b'{"error":')
    assert json.loads(body)["error"] == {"message": "no", "type": "invalid_request_error", "param": "x", "code": "y"}


def test_an_upstreams_refusal_is_understood() -> None:
    error = WIRE.decode_error(429, {"retry-after": "7"}, b'{"error":{"message":"slow down","code":"rate_limit_exceeded"}}')
    assert (error.kind, error.retry_after) == ("rate_limit", 7)


THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}


def refused(param: str = "") -> ProofRefused:
    return ProofRefused("no", param=param or None)


def test_a_request_goes_on_without_the_reasoning_that_was_refused() -> None:
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
    given = {"model": "m", "input": [{"role": "user", "content": "x", "id": "msg_0"}, THOUGHT, call]}
    body = WIRE.without_proofs(json.dumps(given).encode(), refused("input[1].encrypted_content"))
    assert body is not None
    del call["id"]  # it would ask for the reasoning
    assert json.loads(body) == {"model": "m", "input": [given["input"][0], call]}


def test_a_request_goes_on_without_the_summary_that_was_refused() -> None:
    given = {"model": "m", "input": [THOUGHT], "reasoning": {"effort": "low", "summary": "auto"}}
    body = WIRE.without_proofs(json.dumps(given).encode(), refused("reasoning.summary"))
    assert body is not None and json.loads(body) == {**given, "reasoning": {"effort": "low"}}


@pytest.mark.parametrize("param", ["", "reasoning.summary"])
@pytest.mark.parametrize("given", ["x", [{"role": "user", "content": "x"}], 5])
def test_there_is_not_always_something_to_leave_out(given: Any, param: str) -> None:
    assert WIRE.without_proofs(json.dumps({"model": "m", "input": given}).encode(), refused(param)) is None


def test_a_member_of_the_same_name_at_anthropic_stays_there() -> None:
    """`context_management` is an object at Anthropic, which Claude Code sends with every request, and a list here."""
    user = Turn(role="user", blocks=(Text(text="x"),))
    request = Request(model="m", turns=(user,), extra={"context_management": b'{"edits":[]}'})
    encoded = WIRE.encode_request(request, "m", PLAIN)
    assert b"context_management" not in encoded.body
    assert [(loss.field, loss.action) for loss in encoded.losses] == [("context_management", "dropped")]
