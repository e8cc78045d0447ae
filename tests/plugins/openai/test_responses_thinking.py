"""Thinking and its proofs on the way to a Responses client and back (wire.md C6)."""

from __future__ import annotations

import json

import msgspec
import pytest

from pisces_proxy import chat
from pisces_proxy.chat import Reasoning, Signature, Stop, Text, ToolCall

from .responses_samples import (
    ANTHROPIC,
    PLAIN,
    SEALS,
    SUMMARISED,
    WIRE,
    accumulated,
    answer,
    asked,
    block,
    decoded,
    output,
    reply,
    sent,
    stream,
    types,
    written,
)


def test_summaries_are_for_those_who_ask() -> None:
    events = answer(*block(Reasoning(summary=True), "hm", signature=ANTHROPIC), *block(Text(text=""), "x"))
    thought, message = output(events, asked(store=False))
    assert thought["summary"] == [] and "content" not in thought
    assert SEALS.open(thought["encrypted_content"]) == ANTHROPIC
    assert message["content"][0]["text"] == "x"


def test_raw_thinking_is_shown_as_what_it_is() -> None:  # H27
    events = answer(*block(Reasoning(), "hm"), *block(Text(text=""), "x"))
    frames = written(events, asked())
    assert types(frames)[2:8] == [
        "output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.done", "content_part.done",
        "output_item.done",
    ]  # fmt: skip
    thought, message = frames[-1]["response"]["output"]
    assert thought == {
        "id": thought["id"],
        "type": "reasoning",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "hm"}],
    }
    assert message["type"] == "message"
    assert accumulated(stream(events, asked())).output_text == "x"


def test_openais_own_proof_goes_out_as_it_is() -> None:
    events = answer(*block(Reasoning(summary=True), "hm", signature=Signature(kind="openai", data="gAAA", id="rs_1")))
    assert output(events, SUMMARISED)[0]["encrypted_content"] == "gAAA"


def test_a_client_that_counts_on_the_store_gets_no_seals() -> None:
    events = answer(*block(Reasoning(), "hm", signature=ANTHROPIC))
    assert "encrypted_content" not in output(events, asked(store=True))[0]
    assert "encrypted_content" in output(events, asked(store=True, include=["reasoning.encrypted_content"]))[0]


@pytest.mark.parametrize(
    "blocks",
    [
        (ToolCall(id="c1", name="f", arguments="{}", signature=Signature(kind="gemini", data="g")),),
        (
            Reasoning(text="t", summary=True),
            ToolCall(id="c1", name="f", arguments="{}", signature=Signature(kind="gemini", data="g")),
        ),
        (Text(text="x", signature=Signature(kind="gemini", data="g")),),
        (Text(text="", signature=Signature(kind="gemini", data="g")),),
        (Text(text="x", signature=Signature(kind="gemini", data="g")), ToolCall(id="c1", name="f", arguments="{}")),
        (Reasoning(redacted=True, signature=ANTHROPIC), Text(text="x")),
        (Reasoning(text="t", summary=True, signature=ANTHROPIC), ToolCall(id="c1", name="f", arguments="{}")),
        (Reasoning(summary=True, signature=ANTHROPIC), Text(text="x")),
    ],
)
def test_each_proof_comes_back_where_it_was(blocks: tuple[chat.Block, ...]) -> None:  # wire.md C6
    response = chat.Response(choices=(chat.Choice(blocks=blocks, stop=Stop(reason="stop")),))
    items = json.loads(WIRE.encode_response(response, reply(SUMMARISED)))["output"]
    (turn,) = asked(input=items).turns
    assert turn.blocks == blocks


PARTS = [{"type": "summary_text", "text": text} for text in ("**First**\n\nI look.", "**Then**", "I go.")]
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": PARTS, "encrypted_content": "gAAAAB"}
SPOKEN = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]}


def test_h86_a_summary_of_several_parts_goes_back_in_the_same_parts() -> None:
    request = asked(input=[{"role": "user", "content": "Hi"}, THOUGHT, SPOKEN, {"role": "user", "content": "So?"}])
    assert sent(request)["input"][1] == {"type": "reasoning", "summary": PARTS, "encrypted_content": "gAAAAB"}


@pytest.mark.parametrize("streamed", [True, False])
def test_h86_the_parts_come_back_out_of_a_seal(streamed: bool) -> None:
    """As after a round trip through a client of another wire, which knows one text only."""
    if streamed:
        deltas = [
            {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": index, "delta": part["text"]}
            for index, part in enumerate(PARTS)
        ]
        done = {"type": "response.output_item.done", "output_index": 0, "item": THOUGHT}
        completed = {"type": "response.completed", "response": {"status": "completed", "output": [THOUGHT]}}
        found = chat.fold(decoded([*deltas, done, completed]))
    else:
        found = WIRE.decode_response(json.dumps({"status": "completed", "output": [THOUGHT]}).encode(), PLAIN)
    (thought,) = found.choices[0].blocks
    assert isinstance(thought, Reasoning) and thought.signature is not None
    carrier = SEALS.seal(thought.signature)
    assert carrier is not None
    back = Reasoning(text=thought.text, summary=True, signature=SEALS.open(carrier))
    request = chat.Request(model="m", turns=(chat.Turn(role="assistant", blocks=(back, Text(text="Yes."))),))
    assert sent(request)["input"][0]["summary"] == PARTS
    shortened = msgspec.structs.replace(back, text="I look.")
    request = chat.Request(model="m", turns=(chat.Turn(role="assistant", blocks=(shortened, Text(text="Yes."))),))
    assert sent(request)["input"][0]["summary"] == [{"type": "summary_text", "text": "I look."}]


def test_the_phase_of_a_message_is_kept() -> None:
    said = [{**SPOKEN, "phase": "commentary"}, {**SPOKEN, "phase": "final_answer"}]
    request = asked(input=[{"role": "user", "content": "Hi"}, *said, {"role": "user", "content": "So?"}])
    assert [item.get("phase") for item in sent(request)["input"]] == [None, "commentary", "final_answer", None]


def test_the_phase_of_an_answer_is_kept() -> None:
    items = [{**SPOKEN, "phase": "commentary"}, {**SPOKEN, "phase": "final_answer"}]
    frames = [
        {"type": f"response.output_item.{step}", "output_index": index, "item": item}
        for index, item in enumerate(items)
        for step in ("added", "done")
    ]
    end = {"type": "response.completed", "response": {"status": "completed", "output": items}}
    assert [item["phase"] for item in output(decoded([*frames, end]))] == ["commentary", "final_answer"]
    whole = WIRE.decode_response(json.dumps({"status": "completed", "output": items}).encode(), PLAIN)
    assert [item["phase"] for item in output(list(chat.unfold(whole)))] == ["commentary", "final_answer"]
