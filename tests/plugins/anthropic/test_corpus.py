"""Every recorded exchange with Anthropic: read like an independent reading reads it, and stable through the canonical form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pisces_anthropic.provider import Anthropic
from pisces_anthropic.wire import Messages

from pisces_proxy import chat, sse
from pisces_proxy.errors import Unsupported
from pisces_proxy.plugin import Operation, Profile, Reply
from pisces_proxy.seals import Seals

from .corpus import essence, exchanges, load, message_of
from .sdk import accumulated

WIRE = Messages()
SEALS = Seals([b"s" * 32])
PROFILE = Profile()
FILES = exchanges()

pytestmark = [pytest.mark.corpus, pytest.mark.skipif(not FILES, reason="no recorded exchanges (PISCES_CORPUS)")]

# What a single request keeps with Anthropic has no canonical form (wire.md C13).
STATEFUL = ("container", "mcp_servers")
# Recorded answers that were cut: the public project kept the beginning only.
NO_ANSWER = ("input_tokens",)  # the answer to a count


def recorded(name: str) -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in FILES if name in load(path)["response"]]


def requests() -> list[Any]:
    return [
        pytest.param(path, id=path.stem)
        for path in FILES
        if isinstance((load(path)["request"] or {}).get("body"), dict) and "/messages" in load(path)["request"]["path"]
    ]


def events_of(sse_text: bytes) -> list[chat.Event]:
    reader, decoder = sse.Reader(), WIRE.decoder(PROFILE)
    frames = [*reader.feed(sse_text), *reader.end()]
    return [event for frame in frames for event in decoder.decode(*frame)] + list(decoder.end())


def told(response: chat.Response) -> dict[str, Any]:
    """The canonical answer in the words of `essence`."""
    choice = response.choices[0]
    kinds = {chat.Text: "text", chat.ToolCall: "tool_use"}
    usage = response.usage or chat.Usage()
    thoughts = [block for block in choice.blocks if isinstance(block, chat.Reasoning)]
    return {
        "text": [block.text for block in choice.blocks if isinstance(block, chat.Text) and block.text],
        "calls": [
            (block.id, block.name, json.loads(block.arguments)) for block in choice.blocks if isinstance(block, chat.ToolCall)
        ],
        "thinking": [(block.text, block.signature.data if block.signature else "") for block in thoughts if not block.redacted],
        "redacted": [block.signature.data for block in thoughts if block.redacted and block.signature],
        "kinds": [
            block.what
            if isinstance(block, chat.Opaque)
            else ("redacted_thinking" if block.redacted else "thinking")
            if isinstance(block, chat.Reasoning)
            else kinds[type(block)]
            for block in choice.blocks
            if not (isinstance(block, chat.Text) and not block.text)
        ],
        "citations": sum(len(block.citations) for block in choice.blocks if isinstance(block, chat.Text)),
        "stop": choice.stop.raw or None,
        "sequence": choice.stop.sequence or None,
        "input": usage.input,
        "read": usage.cached_input,
        "wrote": usage.cache_write,
        "output": usage.output,
    }


def reply(**more: Any) -> Reply:
    thinking = chat.Request(model="m", turns=(), thinking=chat.Thinking(adaptive=True, include=True))
    return Reply(model="m", request_id="req_1", created=0, request=thinking, seals=SEALS, **more)


@pytest.mark.parametrize("path", recorded("sse"))
def test_a_recorded_stream_is_read_in_full(path: Path) -> None:
    stream = load(path)["response"]["sse"]
    expected = essence(message_of(stream))
    assert told(chat.fold(events_of(stream.encode()))) == expected


@pytest.mark.parametrize("path", recorded("sse"))
def test_a_recorded_stream_is_written_so_that_it_reads_the_same(path: Path) -> None:
    first = chat.fold(events_of(load(path)["response"]["sse"].encode()))
    written = WIRE.encoder(reply()).encode(list(chat.unfold(first)))
    again = chat.fold(events_of(written))
    assert told(again) == told(first)
    assert essence(message_of(written.decode())) == told(first)


@pytest.mark.parametrize("path", recorded("sse"))
def test_a_recorded_stream_written_again_accumulates_in_the_sdk(path: Path) -> None:
    first = chat.fold(events_of(load(path)["response"]["sse"].encode()))
    message = accumulated(WIRE.encoder(reply()).encode(list(chat.unfold(first))))
    expected = told(first)
    assert [block.text for block in message.content if block.type == "text"] == expected["text"]
    assert [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"] == expected["calls"]
    assert message.usage.output_tokens == expected["output"]


@pytest.mark.parametrize("path", recorded("body"))
def test_a_recorded_answer_is_read_in_full(path: Path) -> None:
    body = load(path)["response"]["body"]
    if "content" not in body:
        assert next(iter(body)) in NO_ANSWER
        return
    assert told(WIRE.decode_response(json.dumps(body).encode(), PROFILE)) == essence(body)


@pytest.mark.parametrize("path", recorded("body"))
def test_a_recorded_answer_is_written_so_that_it_reads_the_same(path: Path) -> None:
    body = load(path)["response"]["body"]
    if "content" not in body:
        return
    first = WIRE.decode_response(json.dumps(body).encode(), PROFILE)
    written = WIRE.encode_response(first, reply())
    assert told(WIRE.decode_response(written, PROFILE)) == told(first)
    assert essence(json.loads(written)) == essence(body)


@pytest.mark.parametrize("path", requests())
def test_a_recorded_request_is_stable_through_the_canonical_form(path: Path) -> None:
    request = load(path)["request"]
    body = request["body"]
    kind = "count" if "count_tokens" in request["path"] else "chat"
    operation = Operation(kind=kind, wire=WIRE.name, model=body["model"], body=json.dumps(body).encode())
    if any(body.get(name) for name in STATEFUL):
        with pytest.raises(Unsupported):
            WIRE.decode_request(operation, SEALS)
        return
    first = WIRE.decode_request(operation, SEALS)
    encoded = WIRE.encode_request(first, body["model"], Anthropic().profile(WIRE.name, body["model"], {}))
    again = WIRE.decode_request(msgspec.structs.replace(operation, body=encoded.body), SEALS)
    second = WIRE.encode_request(again, body["model"], Anthropic().profile(WIRE.name, body["model"], {}))
    assert json.loads(second.body) == json.loads(encoded.body)


@pytest.mark.parametrize("path", requests())
def test_a_recorded_request_passes_to_its_own_upstream_untouched(path: Path) -> None:
    body = load(path)["request"]["body"]
    sent = json.dumps(body).encode()
    operation = Operation(kind="chat", wire=WIRE.name, model=body["model"], body=sent)
    assert json.loads(WIRE.rewrite(operation, body["model"], PROFILE).body) == body
    renamed = json.loads(WIRE.rewrite(operation, "another", PROFILE).body)
    assert renamed == {**body, "model": "another"}
