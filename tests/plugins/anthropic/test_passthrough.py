"""A client's own bytes on their way to an Anthropic upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pisces_proxy.chat import Signature
from pisces_proxy.errors import Unsupported
from pisces_proxy.plugin import Encoded, Profile

from .speaking import CALL, HELLO, RESULT, SEALS, WIRE, operation

CARRIER = SEALS.seal(Signature(kind="gemini", data="CiQB")) or ""
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "ErUB"}


def rewritten(headers: dict[str, str] | None = None, profile: Profile | None = None, **members: Any) -> Encoded:
    return WIRE.rewrite(operation({**HELLO, **members}, headers=headers or {}), "upstream-name", profile or Profile())


def body_of(encoded: Encoded) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encoded.body)
    return body


def turns(*blocks: Any) -> list[Any]:
    return [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": list(blocks)},
        {"role": "user", "content": [RESULT]},
    ]


def test_nothing_but_the_model_changes() -> None:
    unknown = {"something_new": {"a": 1.0, "b": [None]}, "context_management": {"edits": []}, "temperature": 0.70}
    encoded = rewritten(**unknown)
    assert body_of(encoded) == {**HELLO, **unknown, "model": "upstream-name"}
    assert encoded.losses == ()
    assert b'"something_new":{"a": 1.0, "b": [null]}' in encoded.body


def test_a_model_of_the_same_name_leaves_the_very_bytes() -> None:
    asked = operation({**HELLO, "model": "upstream-name"})
    assert WIRE.rewrite(asked, "upstream-name", Profile()).body is asked.body


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({}, {}, {"anthropic-version": "2023-06-01"}),
        ({"anthropic-version": "2026-10-21"}, {}, {"anthropic-version": "2026-10-21"}),
        ({"anthropic-beta": "a-1,b-2"}, {}, {"anthropic-version": "2023-06-01", "anthropic-beta": "a-1,b-2"}),
        (
            {"anthropic-beta": "a-1"},
            {"betas": ["b-2", "a-1"]},
            {"anthropic-version": "2023-06-01", "anthropic-beta": "a-1,b-2"},
        ),
    ],
)
def test_version_and_betas_reach_the_upstream_as_they_were(headers: Any, body: Any, expected: Any) -> None:
    encoded = rewritten(headers, **body)
    assert encoded.headers == expected
    assert "betas" not in body_of(encoded)


def test_members_of_the_gateway_stay_here() -> None:
    assert body_of(rewritten(pisces={"a": 1}, api_key="secret")) == {**HELLO, "model": "upstream-name"}


def test_the_profile_drops_renames_and_fills_in() -> None:
    profile = Profile(drop=("top_k",), rename={"max_tokens": "limit"}, defaults={"speed": "fast", "stream": False})
    encoded = rewritten(profile=profile, top_k=5, stream=True)
    assert body_of(encoded) == {
        "messages": HELLO["messages"],
        "model": "upstream-name",
        "limit": 100,
        "speed": "fast",
        "stream": True,
    }
    assert [loss.field for loss in encoded.losses] == ["top_k"]


@pytest.mark.parametrize(
    ("max_tokens", "expected"),
    [
        (4096, {"type": "enabled", "budget_tokens": 4095, "display": "omitted"}),
        (500, {"type": "disabled"}),
        (9000, {"type": "enabled", "budget_tokens": 8192, "display": "omitted"}),
    ],
)
def test_a_budget_that_is_too_large_is_cut_H74(max_tokens: int, expected: Any) -> None:
    encoded = rewritten(max_tokens=max_tokens, thinking={"type": "enabled", "budget_tokens": 8192, "display": "omitted"})
    assert body_of(encoded)["thinking"] == expected
    assert len(encoded.losses) == (max_tokens < 9000)


def test_a_thread_is_refused() -> None:
    with pytest.raises(Unsupported):
        rewritten(thread={"type": "continue", "previous_message_id": "msg_1"})


@pytest.mark.parametrize(
    "foreign",
    [
        {"type": "thinking", "thinking": "hm", "signature": CARRIER},
        {"type": "redacted_thinking", "data": CARRIER},
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "thinking", "thinking": "hm"},
    ],
)
def test_thinking_of_another_family_never_reaches_anthropic_H81_H83(foreign: Any) -> None:
    encoded = rewritten(messages=turns(foreign, THOUGHT, CALL))
    assert body_of(encoded)["messages"] == turns(THOUGHT, CALL)


def test_a_message_of_nothing_else_goes_entirely() -> None:
    foreign = {"type": "thinking", "thinking": "hm", "signature": CARRIER}
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [foreign]},
        {"role": "user", "content": "Go on"},
    ]
    assert body_of(rewritten(messages=messages))["messages"] == [messages[0], messages[2]]


def test_an_open_round_that_lost_its_thinking_goes_on_without_H85() -> None:
    foreign = {"type": "thinking", "thinking": "", "signature": CARRIER}
    encoded = rewritten(messages=turns(foreign, CALL), max_tokens=5000, thinking={"type": "enabled", "budget_tokens": 2000})
    assert body_of(encoded)["thinking"] == {"type": "disabled"}
    assert [loss.field for loss in encoded.losses] == ["thinking"]


def test_own_thinking_keeps_its_bytes_even_where_a_text_speaks_of_carriers() -> None:
    messages = turns(THOUGHT, {"type": "text", "text": "UFND is a prefix"}, CALL)
    assert json.dumps(messages).encode() in rewritten(messages=messages).body
