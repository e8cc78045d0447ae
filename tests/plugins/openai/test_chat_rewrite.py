"""The same wire on both sides: which bytes change on the way, and that no others do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pisces_openai import pisces_endpoints, pisces_providers, pisces_wires
from pisces_openai.chat import Chat
from pisces_openai.provider import OpenAI

from pisces_proxy.chat import Signature
from pisces_proxy.errors import BadRequest
from pisces_proxy.plugin import Operation, Profile, Reply
from pisces_proxy.seals import Seals
from pisces_proxy.transform import Passthrough

WIRE = Chat()
SEALS = Seals([b"a secret"])
SEALED = SEALS.seal(Signature(kind="anthropic", data="c2ln")) or ""
ODD = (
    b'"messages":[{"role":"user" , "content":"caf\\u00e9 \xe2\x82\xac","n":1.0}]'  # spelling that a second encoder would change
)


def rewritten(body: bytes, profile: Profile | None = None, stream: bool = False) -> bytes:
    operation = Operation(kind="chat", wire=WIRE.name, model="alias", stream=stream, body=body)
    return WIRE.rewrite(operation, "up/stream", profile or Profile()).body


def members(body: dict[str, Any], profile: Profile | None = None, stream: bool = False) -> dict[str, Any]:
    return json.loads(rewritten(json.dumps(body).encode(), profile, stream))  # type: ignore[no-any-return]


def message(**more: Any) -> dict[str, Any]:
    """What becomes of an assistant message in the history."""
    return members({"model": "alias", "messages": [{"role": "assistant", **more}]})["messages"][0]  # type: ignore[no-any-return]


# -- requests ----------------------------------------------------------------------------------------------------------


def test_only_the_model_changes() -> None:
    body = b'{"model":"alias",' + ODD + b',"unknown":{"a":[1.0,1e3]},"stream":false}'
    assert rewritten(body) == body.replace(b'"alias"', b'"up/stream"')


def test_a_stream_asks_for_its_count() -> None:
    body = b'{"model":"alias",' + ODD + b',"stream":true}'
    expected = body.replace(b'"alias"', b'"up/stream"')[:-1] + b',"stream_options":{"include_usage":true}}'
    assert rewritten(body, stream=True) == expected
    options = {
        "model": "a",
        "messages": [],
        "stream": True,
        "stream_options": {"include_usage": False, "include_obfuscation": False},
    }
    assert members(options, stream=True)["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    assert "stream_options" not in members(options, Profile(stream_usage="none"), stream=True)


def test_an_answer_in_another_mode_than_asked_is_asked_for() -> None:  # H45, H46
    assert members({"model": "a", "messages": []}, stream=True)["stream"] is True
    body = members({"model": "a", "messages": [], "stream": True, "stream_options": {}}, stream=False)
    assert (body["stream"], "stream_options" in body) == (False, False)


def test_what_is_meant_for_the_gateway_stays_here() -> None:  # H110
    body = members({"model": "a", "messages": [], "api_key": "secret", "pisces": {}, "extra_body": {"top_k": 3}})
    assert body == {"model": "up/stream", "messages": [], "top_k": 3}


@pytest.mark.parametrize(
    ("given", "field", "expected"),
    [
        ({"max_tokens": 5}, "max_completion_tokens", {"max_completion_tokens": 5}),
        ({"max_completion_tokens": 5}, "max_tokens", {"max_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 7}, "max_tokens", {"max_tokens": 7}),
        ({"max_tokens": 5, "max_completion_tokens": 7}, "max_completion_tokens", {"max_completion_tokens": 7}),
        ({"max_tokens": 5}, "", {"max_tokens": 5}),
    ],
)
def test_the_limit_goes_by_the_targets_name(given: dict[str, int], field: Any, expected: dict[str, int]) -> None:  # H69
    body = members({"model": "a", "messages": [], **given}, Profile(max_tokens_field=field))
    assert {name: value for name, value in body.items() if name.startswith("max")} == expected


def test_the_profile_drops_renames_and_adds() -> None:
    profile = Profile(drop=("user",), rename={"seed": "random_seed"}, defaults={"safe": True, "seed": 9})
    body = members({"model": "a", "messages": [], "user": "u", "seed": 3}, profile)
    assert body == {"model": "up/stream", "messages": [], "random_seed": 3, "safe": True}


def test_empty_lists_of_tools_are_left_out() -> None:  # H142
    body = members({"model": "a", "messages": [], "tools": [], "tool_choice": "auto", "parallel_tool_calls": True})
    assert body == {"model": "up/stream", "messages": []}
    assert message(content="x", tool_calls=[]) == {"role": "assistant", "content": "x"}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"type": "image_url", "image_url": "https://a.example/x.png"},
            {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}},
        ),
        (
            {"type": "file_url", "file_url": "https://a.example/x.pdf?y=1"},
            {"type": "file", "file": {"filename": "x.pdf", "file_data": "https://a.example/x.pdf?y=1"}},
        ),
        ({"type": "text", "text": "file_url"}, {"type": "text", "text": "file_url"}),
    ],
)
def test_parts_of_our_own_making_become_the_vendors(part: dict[str, Any], expected: dict[str, Any]) -> None:  # H96, H98
    body = {"model": "a", "messages": [{"role": "user", "content": [part], "name": "n"}]}
    assert members(body)["messages"] == [{"role": "user", "content": [expected], "name": "n"}]


def test_what_we_put_into_an_answer_does_not_go_upstream() -> None:  # H90
    native = {"google": {"thought_signature": "R0VN"}}
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1.0}'}}
    details = [{"type": "reasoning.encrypted", "data": SEALED}, {"type": "reasoning.text", "text": "theirs"}]
    calls = [
        {**call, "extra_content": {**native, "pisces": {"sig": SEALED}}},
        {**call, "extra_content": {"pisces": {"sig": SEALED}}},
    ]
    found = message(content=None, reasoning_content="hm", reasoning_details=details, tool_calls=calls)
    assert found == {
        "role": "assistant",
        "content": None,
        "reasoning_details": [details[1]],
        "tool_calls": [{**call, "extra_content": native}, call],
    }


def test_earlier_thinking_stays_where_the_target_wants_it() -> None:  # H89
    body = {"model": "a", "messages": [{"role": "assistant", "content": "x", "reasoning_content": "hm"}]}
    assert members(body, Profile(reasoning_echo="always"))["messages"] == body["messages"]


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(BadRequest):
        rewritten(b"[]")


def test_ids_that_are_too_long_are_the_same_short_ones_twice() -> None:  # H58
    long = "call_" + "x" * 60
    call = {"id": long, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    history = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": long, "content": "x"}]
    found = members({"model": "a", "messages": history}, Profile(tool_id="le40"))["messages"]
    assert found[0]["tool_calls"][0]["id"] == found[1]["tool_call_id"]
    assert len(found[1]["tool_call_id"]) <= 40
    assert members({"model": "a", "messages": history})["messages"] == history


@pytest.mark.parametrize(
    ("roles", "passes"),
    [("su", True), ("suau", True), ("ssu", True), ("suu", False), ("sau", False), ("uaa", False)],
)
def test_neighbours_of_one_role_need_mending_where_turns_alternate(roles: str, passes: bool) -> None:
    names = {"s": "system", "u": "user", "a": "assistant"}
    body = json.dumps({"model": "a", "messages": [{"role": names[role], "content": "x"} for role in roles]}).encode()
    operation = Operation(kind="chat", wire=WIRE.name, model="a", body=body)
    assert WIRE.passes(operation, Profile(alternate_roles=True)) is passes
    assert WIRE.passes(operation, Profile()) is True


@pytest.mark.parametrize("able", [True, False])
def test_free_form_tools_pass_to_those_who_have_them(able: bool) -> None:
    for kind in ("custom", "function"):
        body = json.dumps({"model": "a", "messages": [], "tools": [{"type": kind, kind: {"name": "custom"}}]}).encode()
        operation = Operation(kind="chat", wire=WIRE.name, model="a", body=body)
        assert WIRE.passes(operation, Profile(custom_tools=able)) is (able or kind == "function")


# -- answers -----------------------------------------------------------------------------------------------------------

REPLY = {"model": "alias", "request_id": "req_1", "created": 9, "extension": b'{"gateway":"pisces"}', "seals": SEALS}


def relayed(*frames: bytes, ask: bool = True, profile: Profile | None = None) -> list[bytes]:
    passthrough = Passthrough(WIRE, profile or Profile(), Reply(**REPLY, stream=True, include_usage=ask))  # type: ignore[arg-type]
    out = b"".join([passthrough.feed(b"data: " + frame + b"\n\n") for frame in frames]) + passthrough.end()
    return [frame.removeprefix(b"data: ") for frame in out.split(b"\n\n") if frame]


def frame(delta: str = "{}", finish: str = "null", more: str = "") -> bytes:
    choice = f'{{"index":0,"delta":{delta},"finish_reason":{finish}}}'
    return f'{{"id":"x","model":"up","choices":[{choice}]{more}}}'.encode()


USAGE = b'{"id":"x","model":"up","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}'
AZURE = b'{"id":"","model":"","choices":[],"prompt_filter_results":[]}'


@pytest.mark.parametrize("ask", [True, False])
def test_a_relayed_stream_changes_where_it_must(ask: bool) -> None:  # H08, H09, H43, H44
    text = [frame(f'{{"content":"{number}"}}') for number in range(3)]
    out = relayed(AZURE, frame('{"role":"assistant"}'), *text, frame(finish='"stop"'), USAGE, b"[DONE]", ask=ask)
    assert json.loads(out[0]) == {
        **json.loads(frame('{"role":"assistant"}')),
        "model": "alias",
        "pisces": {"gateway": "pisces"},
    }
    assert out[2:4] == [part.replace(b'"up"', b'"alias"') for part in text[1:]]
    assert out[-1] == b"[DONE]"
    assert (b'"usage"' in b"".join(out)) is ask
    if ask:
        assert json.loads(out[-2])["usage"] == {"prompt_tokens": 3, "completion_tokens": 2}
        assert "pisces" in json.loads(out[-2])
    assert all(json.loads(part)["model"] == "alias" for part in out[:-1])


@pytest.mark.parametrize("space", ["", " "])
def test_a_relayed_stream_is_counted_in_either_spelling(space: str) -> None:
    passthrough = Passthrough(WIRE, Profile(), Reply(**REPLY, stream=True))  # type: ignore[arg-type]
    for part in (
        frame('{"content":"a"}'),
        frame('{"content":"b"}'),
        frame("{}", '"stop"', ',"usage":{"prompt_tokens":3,"completion_tokens":2}'),
    ):
        passthrough.feed(b"data: " + part.replace(b":", b":" + space.encode()) + b"\n\n")
    passthrough.end()
    assert passthrough.usage is not None
    assert (passthrough.usage.input, passthrough.usage.output, passthrough.failure) == (3, 2, None)


def test_a_relayed_stream_that_is_cut_off_ends_with_an_error() -> None:  # H30
    out = relayed(frame('{"content":"a"}'), frame('{"content":"b"}'))
    assert json.loads(out[-1])["error"]["code"] == "upstream_error"
    assert b"[DONE]" not in out


def test_an_error_in_a_relayed_stream_is_told_in_our_words() -> None:  # H33
    error = b'{"error":{"message":"slow down, org-abc","code":429}}'
    out = relayed(frame('{"content":"a"}'), frame('{"content":"b"}'), error, frame('{"content":"late"}'))
    assert json.loads(out[-1])["error"]["code"] == "rate_limit_exceeded"
    assert b"late" not in b"".join(out)


def test_a_whole_answer_changes_its_model_only() -> None:
    body = b'\n\n{"id":"x","model":"up","choices":[{"message":{"content":"caf\\u00e9","n":1.0}}]}'
    expected = body.strip().replace(b'"up"', b'"alias"')[:-1] + b',"pisces":{"gateway":"pisces"}}'
    assert WIRE.relay_response(body, Reply(**REPLY)) == expected  # type: ignore[arg-type]
    assert WIRE.relay_response(b"not json", Reply(**REPLY)) == b"not json"  # type: ignore[arg-type]


# -- the plugin --------------------------------------------------------------------------------------------------------


def test_the_plugin_offers_openais_formats_and_openai() -> None:
    names = {wire.name for wire in pisces_wires()}
    assert {"openai.chat", "openai.responses", "openai.completions", "openai.embeddings", "openai.moderations"} <= names
    assert all(name.startswith("openai.") for name in names)
    assert [provider.name for provider in pisces_providers()] == ["openai"]
    paths = {(endpoint.method, endpoint.path) for endpoint in pisces_endpoints()}
    for path in ("/v1/chat/completions", "/v1/responses", "/openai/v1/chat/completions", "/v1beta/openai/chat/completions"):
        assert ("POST", path) in paths
    assert {("GET", "/v1/models"), ("GET", "/v1beta/openai/models/{model:rest}")} <= paths
    assert {("POST", "/openai/deployments/{model}/embeddings"), ("POST", "/openai/deployments/{model}/completions")} <= paths


def test_azures_path_names_the_model() -> None:
    azure = next(endpoint for endpoint in pisces_endpoints() if "deployments" in endpoint.path)
    assert azure.peek is not None
    assert azure.peek(b'{"stream":true}', {"model": "gpt-4o"}, {}) == ("gpt-4o", True, "sse")
    with pytest.raises(BadRequest):
        azure.peek(b"{", {"model": "gpt-4o"}, {})


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        ("gpt-4o", "reasoning", "none"),
        ("o3-mini", "sampling", "reject"),
        ("gpt-5-mini", "efforts", ("minimal", "low", "medium", "high")),
        ("gpt-5.6-pro", "efforts", ("none", "low", "medium", "high", "xhigh", "max")),
        ("gpt-5-chat-latest", "sampling", "ok"),
        ("openai/gpt-5", "system_role", "developer"),
    ],
)
def test_models_differ_as_their_rows_say(model: str, field: str, value: Any) -> None:
    profile = OpenAI().profile("openai.chat", model, {})
    assert getattr(profile, field) == value
    assert profile.max_tokens_field == "max_completion_tokens"
