"""What the tests of the Responses wire share: a client, an upstream's frames, answers through the official SDK."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import httpx2 as httpx
import openai
from pisces_openai.responses import Responses

from pisces_proxy import chat, sse
from pisces_proxy.plugin import Operation, Profile, Reply
from pisces_proxy.seals import Seals
from pisces_proxy.usage import Usage

WIRE = Responses()
SEALS = Seals([b"a secret of the tests"])
PLAIN = Profile()
ANTHROPIC = chat.Signature(kind="anthropic", data="sig+/=")
EXTENSION = b'{"gateway":"Pisces","request_id":"req_1"}'


def reply(request: chat.Request | None = None, **values: Any) -> Reply:
    defaults: dict[str, Any] = {"model": "client-model", "request_id": "req_abc", "created": 1_700_000_000, "stream": True}
    return Reply(**{**defaults, **values}, request=request, seals=SEALS)


def asked(**members: Any) -> chat.Request:
    """A client's request, decoded."""
    body = json.dumps({"model": "client-model", "input": "hi", **members}).encode()
    return WIRE.decode_request(Operation(kind="chat", wire=WIRE.name, body=body), SEALS)


def sent(request: chat.Request, profile: Profile = PLAIN) -> dict[str, Any]:
    """What an upstream gets."""
    return json.loads(WIRE.encode_request(request, "upstream-model", profile).body)


def decoded(frames: Iterable[dict[str, Any] | bytes], profile: Profile = PLAIN, end: bool = True) -> list[chat.Event]:
    """The events of an upstream's stream of these frames."""
    decoder = WIRE.decoder(profile)
    events: list[chat.Event] = []
    for frame in frames:
        events += decoder.decode(b"", frame if isinstance(frame, bytes) else json.dumps(frame).encode())
    return [*events, *decoder.end()] if end else events


def written(events: Iterable[chat.Event], request: chat.Request | None = None, **values: Any) -> list[dict[str, Any]]:
    """The frames that a client gets, each event encoded on its own."""
    encoder = WIRE.encoder(reply(request, **values))
    return frames_of(b"".join(encoder.encode([event]) for event in events))


def frames_of(stream: bytes) -> list[dict[str, Any]]:
    frames = sse.frames(stream)
    for frame in frames:
        assert json.loads(frame.data)["type"] == frame.event.decode()
    return [json.loads(frame.data) for frame in frames]


def client(body: bytes, kind: str = "text/event-stream") -> openai.OpenAI:
    """The official SDK in front of an upstream that answers with these bytes."""
    answer = httpx.MockTransport(lambda request: httpx.Response(200, headers={"content-type": kind}, content=body))
    http = httpx.Client(transport=answer)
    return openai.OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http, max_retries=0)


def accumulated(stream: bytes) -> Any:
    """The final response of the SDK's strict accumulator."""
    with client(stream) as sdk, sdk.responses.stream(model="client-model", input="hi") as events:
        return events.get_final_response()


# -- answers ---------------------------------------------------------------------------------------------------------

USAGE = Usage(input=20, cached_input=5, output=9, reasoning=4)


def block(start: chat.Block, *pieces: str, **end: Any) -> list[chat.Event]:
    return [chat.BlockStart(block=start), *[chat.Delta(text=piece) for piece in pieces], chat.BlockEnd(**end)]


def answer(*events: chat.Event, stop: chat.Stop | None = None) -> list[chat.Event]:
    return [chat.Start(id="x", model="m"), *events, stop or chat.Stop(reason="stop"), chat.Finish(usage=USAGE)]


def output(events: Iterable[chat.Event], request: chat.Request | None = None) -> list[dict[str, Any]]:
    return written(events, request)[-1]["response"]["output"]


def types(frames: Iterable[dict[str, Any]]) -> list[str]:
    return [frame["type"].removeprefix("response.") for frame in frames]


def stream(events: Sequence[chat.Event], request: chat.Request | None = None, **values: Any) -> bytes:
    return WIRE.encoder(reply(request, **values)).encode(events)


SUMMARISED = asked(reasoning={"summary": "auto"}, include=["reasoning.encrypted_content"])
