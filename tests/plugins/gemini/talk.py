"""What the tests of this wire share: short ways to read and write its messages."""

from __future__ import annotations

import json
from typing import Any

from pisces_gemini.wire import Gemini

from pisces_proxy import chat, sse
from pisces_proxy.plugin import Operation, Profile, Reply
from pisces_proxy.seals import Seals

WIRE = Gemini()
SEALS = Seals([b"a secret of the installation ...."])
ASKED = chat.Request(model="m", turns=(), thinking=chat.Thinking(include=True))


def said(text: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text}]}


def decoded(body: Any, *, kind: str = "chat", stream: bool = False) -> chat.Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WIRE.decode_request(Operation(kind=kind, wire=WIRE.name, model="m", stream=stream, body=raw), SEALS)


def encoded(request: chat.Request, **flags: Any) -> Any:
    return json.loads(WIRE.encode_request(request, "gemini", Profile(**flags)).body)


def lost(request: chat.Request, **flags: Any) -> set[str]:
    return {loss.field for loss in WIRE.encode_request(request, "gemini", Profile(**flags)).losses}


def asking(*turns: chat.Turn, **members: Any) -> chat.Request:
    return chat.Request(model="m", turns=turns or (user("Hello"),), **members)


def user(*blocks: chat.Block | str) -> chat.Turn:
    return chat.Turn(role="user", blocks=tuple(chat.Text(text=b) if isinstance(b, str) else b for b in blocks))


def model(*blocks: chat.Block | str) -> chat.Turn:
    return chat.Turn(role="assistant", blocks=tuple(chat.Text(text=b) if isinstance(b, str) else b for b in blocks))


def reply(**members: Any) -> Reply:
    return Reply(**{"model": "mine", "request_id": "req_1", "created": 7, "seals": SEALS, "request": ASKED, **members})


def chunk(*parts: Any, finish: Any = None, index: int = 0, **members: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": index}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-x", "responseId": "r1", **members}


def events(*chunks: Any) -> list[chat.Event]:
    """What a stream of these chunks means, its end included."""
    decoder = WIRE.decoder(Profile())
    found = [event for body in chunks for event in decoder.decode(b"", json.dumps(body).encode())]
    return [*found, *decoder.end()]


def folded(*chunks: Any) -> chat.Response:
    return chat.fold(events(*chunks))


def streamed(response: chat.Response, answer: Reply) -> bytes:
    return WIRE.encoder(answer).encode(list(chat.unfold(response)))


def frames(body: bytes) -> list[Any]:
    return [json.loads(frame.data) for frame in sse.Reader().feed(body)]
