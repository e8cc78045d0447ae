"""Short ways to put a request or an answer through the wire."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pisces_anthropic.provider import Anthropic
from pisces_anthropic.wire import Messages

from pisces_proxy import chat, sse
from pisces_proxy.plugin import Encoded, Operation, Profile, Reply
from pisces_proxy.seals import Seals

WIRE = Messages()
SEALS = Seals([b"a secret of thirty-two bytes ...."])
SONNET_4_5 = "claude-sonnet-4-5"
SONNET_4 = "claude-sonnet-4-20250514"
OPUS_5 = "claude-opus-5"
HAIKU_3 = "claude-3-haiku-20240307"

HELLO: dict[str, Any] = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "18C"}
TOOL = {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}


def operation(body: dict[str, Any], kind: str = "chat", **more: Any) -> Operation:
    return Operation(kind=kind, wire=WIRE.name, model=body.get("model", ""), body=json.dumps(body).encode(), **more)


def decoded(kind: str = "chat", **members: Any) -> chat.Request:
    return WIRE.decode_request(operation({**HELLO, **members}, kind), SEALS)


def said(*content: Any, role: str = "user") -> chat.Request:
    """A request whose last message holds these blocks."""
    return decoded(messages=[{"role": "user", "content": "Hello"}, {"role": role, "content": list(content)}])


def profile(model: str, **flags: Any) -> Profile:
    return Anthropic().profile(WIRE.name, model, flags)


def encoded(request: chat.Request, model: str = SONNET_4_5, **flags: Any) -> Encoded:
    return WIRE.encode_request(request, model, profile(model, **flags))


def sent(request: chat.Request, model: str = SONNET_4_5, **flags: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encoded(request, model, **flags).body)
    return body


def asked(*turns: chat.Turn, **members: Any) -> chat.Request:
    return chat.Request(model="m", turns=turns or (user(chat.Text(text="Hello")),), **members)


def user(*blocks: chat.Block) -> chat.Turn:
    return chat.Turn(role="user", blocks=blocks)


def assistant(*blocks: chat.Block) -> chat.Turn:
    return chat.Turn(role="assistant", blocks=blocks)


def lost(request: chat.Request, model: str = SONNET_4_5, **flags: Any) -> set[tuple[str, str]]:
    return {(loss.field, loss.action) for loss in encoded(request, model, **flags).losses}


def read(*frames: dict[str, Any], end: bool = True) -> list[chat.Event]:
    """The events of a stream of these frames."""
    decoder = WIRE.decoder(Profile())
    events = [event for frame in frames for event in decoder.decode(frame["type"].encode(), json.dumps(frame).encode())]
    return [*events, *decoder.end()] if end else events


def start(**message: Any) -> dict[str, Any]:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 5, "output_tokens": 1}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [], "usage": usage}
    return {"type": "message_start", "message": {**head, **message}}


def opened(block: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(kind: str, value: str, index: int = 0) -> dict[str, Any]:
    member = {"text": "text", "thinking": "thinking", "input_json": "partial_json", "signature": "signature"}[kind]
    return {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", member: value}}


def closed(index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def ending(reason: str | None = "end_turn", **more: Any) -> list[dict[str, Any]]:
    change = {"stop_reason": reason, "stop_sequence": None, **more}
    return [{"type": "message_delta", "delta": change, "usage": {"output_tokens": 7}}, {"type": "message_stop"}]


def reply(thinking: chat.Thinking | None = None, **more: Any) -> Reply:
    request = asked(thinking=thinking)
    return Reply(model="public-name", request_id="req_1", created=0, request=request, seals=SEALS, **more)


SHOWN = chat.Thinking(adaptive=True, include=True)
HIDDEN = chat.Thinking(adaptive=True, include=False)


def written(events: Sequence[chat.Event], to: Reply | None = None) -> list[dict[str, Any]]:
    """The data of the frames that these events become; their names must say the same."""
    frames = sse.frames(WIRE.encoder(to or reply()).encode(events))
    data = [json.loads(frame.data) for frame in frames]
    assert [frame.event.decode() for frame in frames] == [one["type"] for one in data]
    return data


def answer(*blocks: chat.Block, stop: chat.Stop | None = None, usage: chat.Usage | None = None) -> chat.Response:
    choice = chat.Choice(blocks=blocks, stop=stop or chat.Stop(reason="stop"))
    return chat.Response(id="msg_1", model="claude", choices=(choice,), usage=usage)


def streamed(*blocks: chat.Block, to: Reply | None = None, **more: Any) -> list[dict[str, Any]]:
    return written(list(chat.unfold(answer(*blocks, **more))), to)
