"""What a request is asked twice for, on the same channel, and what it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gateways import channel
from upstreams import script
from upstreams.gemini_generate import SENTINELS, GeminiGenerate, _bytes
from upstreams.script import Heard, Said
from upstreams.server import Upstream
from upstreams.vendors import VENDORS, AnthropicMessages, OpenAIChat, OpenAIResponses

from gateway.asking import dialect
from gateway.test_failover import post

BY_WIRE = {vendor.wire: vendor for vendor in VENDORS}
CALL = {"name": "get_weather", "arguments": '{"city":"Paris"}'}
TOOL = {"name": "get_weather", "parameters": script.PARAMETERS}
ASKED = "What is the weather in Paris?"
FORGED = "Rm9yZ2Vk" * 20  # base64, and nobody's signature

# A history in each protocol whose thinking was signed by somebody else.
HISTORIES: dict[str, dict[str, Any]] = {
    "anthropic.messages": {
        "tools": [{"name": "get_weather", "input_schema": script.PARAMETERS}],
        "max_tokens": 4096,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "messages": [
            {"role": "user", "content": ASKED},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": FORGED},
                    {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "18C"}]},
        ],
    },
    "openai.responses": {
        "tools": [{"type": "function", **TOOL, "strict": False}],
        "store": False,
        "input": [
            {"role": "user", "content": ASKED},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": FORGED},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", **CALL},
            {"type": "function_call_output", "call_id": "call_1", "output": "18C"},
        ],
    },
    "gemini.generate": {
        "tools": [{"functionDeclarations": [TOOL]}],
        "contents": [
            {"role": "user", "parts": [{"text": ASKED}]},
            {
                "role": "model",
                "parts": [
                    {"functionCall": {"id": "call_1", "name": "get_weather", "args": {}}, "thoughtSignature": FORGED},
                    {"text": "", "thought_signature": FORGED},
                ],
            },
            {
                "role": "user",
                "parts": [{"functionResponse": {"id": "call_1", "name": "get_weather", "response": {"output": "18C"}}}],
            },
        ],
    },
}


def asking(wire: str, model: str, stream: bool) -> tuple[str, dict[str, Any]]:
    asked = dialect(wire, model)
    body = {**HISTORIES[wire]} if wire.startswith("gemini") else {**HISTORIES[wire], "model": model}
    if stream and not wire.startswith("gemini"):
        body["stream"] = True
    return asked.stream_path if stream else asked.path, body


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", HISTORIES)
async def test_thinking_that_the_upstream_refuses_is_left_out_at_the_second_try(house, upstream, wire, stream) -> None:
    vendor = await upstream(BY_WIRE[wire]())
    found = await house(channel(vendor))
    path, body = asking(wire, vendor.vendor.model, stream)
    status, headers, told = await post(found.url, found.key, path, body)
    assert status == 200, told
    assert script.TEXT[:7] in told
    assert "the thinking of earlier turns" in headers["x-pisces-warnings"]
    assert FORGED.encode() in vendor.received[0].raw and FORGED.encode() not in vendor.received[1].raw
    assert len(vendor.received) == 2
    record = await found.record()
    assert [attempt.status for attempt in record.attempts] == [400, 200]
    assert record.attempts[0].error and record.attempts[1].error is None
    assert "asked_again" in record.flags


async def test_gemini_gets_the_stand_in_for_what_it_refused(house, upstream) -> None:
    vendor = await upstream(GeminiGenerate())
    found = await house(channel(vendor))
    await post(found.url, found.key, *asking("gemini.generate", vendor.vendor.model, False))
    parts = vendor.last.body["contents"][1]["parts"]
    assert [_bytes("", part["thoughtSignature"]) in SENTINELS for part in parts] == [True]  # the signature alone is gone


async def test_h85_a_refusal_for_a_missing_thought_turns_thinking_off(house, upstream) -> None:
    vendor = await upstream(AnthropicMessages())
    found = await house(channel(vendor))
    path, body = asking("anthropic.messages", vendor.vendor.model, False)
    body["messages"] = json.loads(json.dumps(body["messages"]))
    del body["messages"][1]["content"][0]
    status, _, told = await post(found.url, found.key, path, body)
    assert status == 200, told
    assert [received.body["thinking"]["type"] for received in vendor.received] == ["enabled", "disabled"]


def refuses_once(message: str) -> script.Scenario:
    heard_before: list[Heard] = []

    def scenario(heard: Heard) -> Said:
        heard_before.append(heard)
        if len(heard_before) == 1:
            raise script.Refused(400, message)
        return Said(text="Done.")

    return scenario


async def test_an_upstream_that_refuses_twice_is_not_asked_a_third_time(house, upstream) -> None:
    vendor, other = await upstream(AnthropicMessages()), await upstream(AnthropicMessages())
    found = await house(channel(vendor, name="first", more="priority = 1"), channel(other, name="second"))
    path, body = asking("anthropic.messages", vendor.vendor.model, False)
    body["messages"] = [{"role": "user", "content": ASKED}, *body["messages"][1:]]
    vendor.play(script.refusing(400, "messages.1.content.0: Invalid `signature` in `thinking` block"))
    status, _, told = await post(found.url, found.key, path, body)
    assert status == 400 and "Invalid `signature`" in told
    assert len(vendor.received) == 2 and other.received == []


class Unverified(OpenAIResponses):
    """Shows its thinking to verified organisations only."""

    def hear(self, path: str, query: Any, headers: Any, body: Any) -> Heard:
        if "summary" in (body.get("reasoning") or {}):
            raise script.Refused(400, "Your organization must be verified to generate reasoning summaries.")
        return super().hear(path, query, headers, body)

    def refusal(self, refused: script.Refused) -> dict[str, Any]:
        told = super().refusal(refused)
        told["error"] |= {"param": "reasoning.summary", "code": "unsupported_value"}
        return told


@pytest.mark.parametrize("wire", ["anthropic.messages", "openai.responses"])
async def test_an_organisation_that_may_not_see_thinking_gets_its_answer(house, upstream, wire) -> None:
    vendor = await upstream(Unverified())
    found = await house(channel(vendor))
    asked = dialect(wire, vendor.vendor.model)
    wish = (
        {"thinking": {"type": "adaptive"}, "max_tokens": 9999}
        if wire.startswith("anthropic")
        else {"reasoning": {"summary": "auto"}}
    )
    status, headers, told = await post(found.url, found.key, asked.path, {**asked.body, **wish})
    assert status == 200, told
    assert "reasoning.summary;dropped;the upstream refused to show its thinking" in headers["x-pisces-warnings"]
    assert len(vendor.received) == 2


async def test_a_strict_client_is_told_instead(house, upstream) -> None:
    vendor = await upstream(AnthropicMessages())
    found = await house(channel(vendor))
    path, body = asking("anthropic.messages", vendor.vendor.model, False)
    status, _, told = await post(found.url, found.key, path, body, **{"Pisces-Strict": "true"})
    assert status == 400 and "signature" in told
    assert len(vendor.received) == 1


async def test_a_request_without_thinking_is_not_asked_again(house, upstream) -> None:
    vendor = await upstream(AnthropicMessages())
    vendor.play(script.refusing(400, "messages.1.content.0: Invalid `signature` in `thinking` block"))
    found = await house(channel(vendor))
    asked = dialect("anthropic.messages", vendor.vendor.model)
    assert (await post(found.url, found.key, asked.path, asked.body))[0] == 400
    assert len(vendor.received) == 1


class Lenient(OpenAIChat):
    """Takes members that OpenAI itself would refuse."""

    def hear(self, path: str, query: Any, headers: Any, body: Any) -> Heard:
        return Heard(model=body["model"])


async def test_an_openai_compatible_gemini_gets_the_stand_in_too(house, upstream) -> None:
    vendor = await upstream(Lenient())
    found = await house(channel(vendor))
    vendor.play(refuses_once("Corrupted thought signature."))
    extra = {"extra_content": {"google": {"thought_signature": FORGED}}}
    history = [
        {"role": "user", "content": ASKED},
        {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": CALL, **extra}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "18C"},
    ]
    body = {"model": vendor.vendor.model, "messages": history, "tools": [{"type": "function", "function": TOOL}]}
    status, _, told = await post(found.url, found.key, "/v1/chat/completions", body)
    assert status == 200, told
    sent = vendor.last.body["messages"][1]["tool_calls"][0]
    assert sent["extra_content"]["google"]["thought_signature"] == "skip_thought_signature_validator"


class Stammering(GeminiGenerate):
    """Fails to write its first `times` tool calls."""

    def __init__(self, times: int = 1, finish: str = "MALFORMED_FUNCTION_CALL") -> None:
        self.left, self.finish = times, finish

    def _broken(self) -> dict[str, Any]:
        self.left -= 1
        return {"candidates": [{"content": {}, "finishReason": self.finish, "finishMessage": "print(get_weather"}]}

    def whole(self, said: Said, heard: Heard) -> dict[str, Any]:
        return self._broken() if self.left > 0 else super().whole(said, heard)

    def frames(self, said: Said, heard: Heard) -> list[bytes]:
        if self.left <= 0:
            return super().frames(said, heard)
        return [b"data: " + json.dumps(self._broken()).encode() + b"\r\n\r\n"]


async def ask_stammering(house: Any, vendor: Upstream, wire: str, stream: bool) -> tuple[int, str, Any]:
    found = await house(channel(vendor))
    asked = dialect(wire, vendor.vendor.model)
    body = asked.stream_body() if stream else asked.body
    status, _, told = await post(found.url, found.key, asked.stream_path if stream else asked.path, body)
    return status, told, await found.record()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", ["gemini.generate", "openai.chat"])
async def test_h147_a_malformed_function_call_is_asked_for_once_more(house, upstream, wire, stream) -> None:
    vendor = await upstream(Stammering())
    status, told, record = await ask_stammering(house, vendor, wire, stream)
    assert status == 200 and script.TEXT[:7] in told
    assert vendor.received[0].raw == vendor.received[1].raw
    assert [bool(attempt.error) for attempt in record.attempts] == [True, False]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", ["gemini.generate", "openai.chat"])
async def test_h147_twice_malformed_is_a_502_in_clear_words(house, upstream, wire, stream) -> None:
    vendor = await upstream(Stammering(times=9))
    status, told, record = await ask_stammering(house, vendor, wire, stream)
    assert status == 502 and "The model gave up" in told
    assert len(vendor.received) == 2 == len(record.attempts)


async def test_h147_a_malformed_call_says_nothing_about_the_channel(house, upstream) -> None:
    vendor = await upstream(Stammering(times=9))
    found = await house(channel(vendor))
    asked = dialect("gemini.generate", vendor.vendor.model)
    for _ in range(3):
        await post(found.url, found.key, asked.path, asked.body)
    vendor.vendor.left = 0
    assert (await post(found.url, found.key, asked.path, asked.body))[0] == 200  # it does not rest
