"""Canonical requests as Anthropic takes them."""

from __future__ import annotations

from typing import Any

import pytest

from pisces_proxy import chat
from pisces_proxy.chat import Cache, Opaque, Reasoning, Signature, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult
from pisces_proxy.errors import Unsupported

from .speaking import HAIKU_3, OPUS_5, SONNET_4_5, asked, assistant, encoded, lost, sent, user

SCHEMA = b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'
WEATHER = Tool(name="get_weather", description="Weather", schema=SCHEMA)
CALL = ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris"}')
RESULT = ToolResult(id="call_1", blocks=(Text(text="18C"),))
OWN = Signature(kind="anthropic", data="ErUB")
HI = user(Text(text="Hi"))


def content(body: dict[str, Any], index: int = -1) -> Any:
    return body["messages"][index]["content"]


def test_the_golden_turn_goes_up_as_it_should_C15() -> None:
    thought = Reasoning(text="need tool", signature=OWN)
    body = sent(asked(HI, assistant(thought, CALL), user(RESULT), tools=(WEATHER,)))
    assert body["messages"] == [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "need tool", "signature": "ErUB"},
                {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Paris"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "18C"}]},
    ]


def test_the_same_request_is_the_same_bytes() -> None:
    request = asked(HI, assistant(CALL), user(RESULT), tools=(WEATHER,), system=(Text(text="x", cache=Cache()),))
    assert encoded(request).body == encoded(request).body


def test_the_version_header_allows_sampling_settings_H71() -> None:
    assert encoded(asked()).headers == {"anthropic-version": "2023-06-01"}


# -- history -----------------------------------------------------------------------------------------------------------


def test_results_of_one_round_stand_in_one_message_before_the_text_H50() -> None:
    calls = [ToolCall(id=f"call_{n}", name="get_weather") for n in range(3)]
    results = [user(ToolResult(id=call.id, blocks=(Text(text="x"),))) for call in calls]
    body = sent(asked(HI, assistant(*calls), *results, user(Text(text="And?")), tools=(WEATHER,)))
    assert [block["type"] for block in content(body)] == ["tool_result"] * 3 + ["text"]


@pytest.mark.parametrize("arguments", ["", "{}"])
def test_a_call_without_arguments_becomes_an_empty_object_H03(arguments: str) -> None:
    call = ToolCall(id="call_1", name="get_weather", arguments=arguments)
    body = sent(asked(HI, assistant(call), user(RESULT), tools=(WEATHER,)))
    assert content(body, 1)[0]["input"] == {}


def test_a_result_that_is_missing_is_made_up_H54() -> None:
    body = sent(asked(HI, assistant(CALL), user(Text(text="Never mind")), tools=(WEATHER,)))
    result, text = content(body)
    assert (result["type"], result["is_error"], text["text"]) == ("tool_result", True, "Never mind")


def test_a_result_without_its_call_becomes_text_H55() -> None:
    body = sent(asked(HI, assistant(Text(text="Yes?")), user(RESULT)))
    assert "18C" in content(body) and "tools" not in body


def test_an_empty_result_has_no_content_and_an_empty_error_has_words_H53() -> None:
    for error, expected in ((False, None), (True, "Error")):
        body = sent(asked(HI, assistant(CALL), user(ToolResult(id="call_1", error=error)), tools=(WEATHER,)))
        assert content(body)[0].get("content") == expected


@pytest.mark.parametrize("id", ["functions.get:0", "call|fc_1", "a b"])
def test_ids_that_anthropic_cannot_spell_are_changed_for_both_sides_H58(id: str) -> None:
    call, result = ToolCall(id=id, name="get_weather"), ToolResult(id=id, blocks=(Text(text="x"),))
    body = sent(asked(HI, assistant(call), user(result), tools=(WEATHER,)))
    used = content(body, 1)[0]["id"]
    assert used == content(body)[0]["tool_use_id"]
    assert used.replace("_", "").replace("-", "").isalnum()


def test_ids_that_come_again_are_told_apart() -> None:
    turns = (assistant(CALL), user(RESULT)) * 2
    body = sent(asked(HI, *turns, tools=(WEATHER,)))
    assert [content(body, index)[0]["id"] for index in (1, 3)] == ["call_1", "call_1_2"]
    assert [content(body, index)[0]["tool_use_id"] for index in (2, 4)] == ["call_1", "call_1_2"]


def test_history_that_begins_with_the_assistant_gets_a_user_in_front_H95() -> None:
    body = sent(asked(assistant(Text(text="Welcome.")), HI))
    assert body["messages"][0] == {"role": "user", "content": "."}


def test_instructions_alone_are_what_the_user_says() -> None:
    body = sent(chat.Request(model="m", turns=(), system=(Text(text="Say hi."),)))
    assert (body["messages"], body.get("system")) == ([{"role": "user", "content": "Say hi."}], None)


def test_a_system_message_in_mid_conversation_stays_or_is_told_as_user_text_H91() -> None:
    request = asked(HI, chat.Turn(role="system", blocks=(Text(text="Now in French."),)), assistant(Text(text="Oui")), HI)
    assert sent(request, OPUS_5)["messages"][1] == {"role": "system", "content": "Now in French."}
    old = sent(request, SONNET_4_5)
    assert {message["role"] for message in old["messages"]} == {"user", "assistant"}
    assert "Now in French." in str(old["messages"])


def test_an_answer_begun_by_the_client_is_continued_or_refused_H94() -> None:
    request = asked(HI, assistant(Text(text="It is ")))
    assert content(sent(request)) == "It is"
    with pytest.raises(Unsupported) as raised:
        encoded(request, OPUS_5)
    assert raised.value.param == "messages[1]"
    assert len(sent(asked(HI, assistant(Text(text=" \n"))))["messages"]) == 1


def test_a_turn_that_a_server_tool_paused_goes_on() -> None:
    paused = Opaque(wire="anthropic.messages", raw=b'{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}')
    request = asked(HI, assistant(paused, Text(text="Let me see.")), thinking=Thinking(effort="high"))
    assert content(sent(request, OPUS_5))[0] == {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
    assert sent(request)["thinking"]["type"] == "enabled"


# -- thinking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "block",
    [
        Reasoning(text="hm"),
        Reasoning(text="hm", signature=Signature(kind="openai", data="gAAAA")),
        Reasoning(text="hm", signature=Signature(kind="gemini", data="CiQB")),
    ],
)
def test_thinking_that_is_not_claudes_is_not_sent_H81_H83(block: Reasoning) -> None:
    assert content(sent(asked(HI, assistant(block, Text(text="Yes")), HI)), 1) == "Yes"


def test_own_thinking_goes_back_unchanged_H82_H84() -> None:
    blocks = (Reasoning(signature=OWN), Reasoning(redacted=True, signature=OWN), Text(text="Yes"))
    assert content(sent(asked(HI, assistant(*blocks), HI)), 1)[:2] == [
        {"type": "thinking", "thinking": "", "signature": "ErUB"},
        {"type": "redacted_thinking", "data": "ErUB"},
    ]


@pytest.mark.parametrize(
    ("thinking", "model", "expected"),
    [
        (Thinking(effort="low"), SONNET_4_5, {"type": "enabled", "budget_tokens": 2048}),
        (Thinking(budget=5000), SONNET_4_5, {"type": "enabled", "budget_tokens": 5000}),
        (Thinking(budget=100), SONNET_4_5, {"type": "enabled", "budget_tokens": 1024}),
        (Thinking(effort="none"), SONNET_4_5, {"type": "disabled"}),
        (Thinking(budget=5000, include=True), OPUS_5, {"type": "adaptive", "display": "summarized"}),
        (Thinking(effort="high"), OPUS_5, {"type": "adaptive", "display": "omitted"}),
        (Thinking(effort="none"), "claude-fable-5", {"type": "adaptive"}),
        (Thinking(effort="high"), HAIKU_3, None),
    ],
)
def test_thinking_is_asked_for_as_the_model_wants_it_H75(thinking: Thinking, model: str, expected: Any) -> None:
    assert sent(asked(thinking=thinking), model).get("thinking") == expected


@pytest.mark.parametrize(
    ("thinking", "model", "expected"),
    [
        (Thinking(budget=5000), OPUS_5, "medium"),  # H75
        (Thinking(effort="minimal"), OPUS_5, "low"),  # H76
        (Thinking(effort="xhigh"), "claude-opus-4-6", "high"),
        (Thinking(effort="xhigh"), "claude-opus-4-7", "xhigh"),
        (Thinking(effort="auto"), OPUS_5, None),
    ],
)
def test_an_effort_is_one_that_the_model_knows(thinking: Thinking, model: str, expected: str | None) -> None:
    assert sent(asked(thinking=thinking), model).get("output_config", {}).get("effort") == expected


@pytest.mark.parametrize(
    ("max_tokens", "thinking", "expected"),
    [
        (None, None, (64_000, None)),
        (1000, Thinking(effort="medium"), (9192, 8192)),
        (60_000, Thinking(effort="high"), (64_000, 16_384)),
        (20_000, Thinking(budget=8000), (20_000, 8000)),
        (4000, Thinking(budget=8000), (12_000, 8000)),
    ],
)
def test_max_tokens_leave_room_for_the_thinking_H69(max_tokens: int | None, thinking: Any, expected: Any) -> None:
    body = sent(asked(max_tokens=max_tokens, thinking=thinking))
    assert (body["max_tokens"], body.get("thinking", {}).get("budget_tokens")) == expected


def test_an_open_round_without_its_thinking_switches_thinking_off_H85() -> None:
    request = asked(HI, assistant(CALL), user(RESULT), tools=(WEATHER,), thinking=Thinking(budget=2000))
    assert sent(request)["thinking"] == {"type": "disabled"}
    assert ("thinking", "dropped") in lost(request)
    kept = asked(HI, assistant(Reasoning(signature=OWN), CALL), user(RESULT), tools=(WEATHER,), thinking=Thinking(budget=2000))
    assert sent(kept)["thinking"]["type"] == "enabled"


def test_no_tool_is_forced_while_a_budget_model_thinks_H77() -> None:
    request = asked(tools=(WEATHER,), tool_choice=ToolChoice(mode="required"), thinking=Thinking(budget=2000))
    assert sent(request)["tool_choice"] == {"type": "auto"}
    assert ("tool_choice", "changed") in lost(request)
    assert sent(request, "claude-opus-4-6")["tool_choice"] == {"type": "any"}
