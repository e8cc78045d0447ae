"""Thinking and its proofs on the way to a Responses client and back (wire.md C6)."""

from __future__ import annotations

import json

import pytest

from pisces_proxy import chat
from pisces_proxy.chat import Reasoning, Signature, Stop, Text, ToolCall

from .responses_samples import (
    ANTHROPIC,
    SEALS,
    SUMMARISED,
    WIRE,
    accumulated,
    answer,
    asked,
    block,
    output,
    reply,
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
