"""The wire `openai.completions`: a text goes on, in OpenAI's form from before conversations (wire.md E3).

Upstreams that speak it get the client's bytes; for all others a prompt is a user's turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pisces_proxy import chat
from pisces_proxy.plugin import Decoder, Encoded, Encoder, Endpoint, Operation, Profile, Reply, peek_body
from pisces_proxy.seals import Seals
from pisces_proxy.usage import Usage

from . import chat_relay, completions_request
from .completions_answer import ECHO, CompletionsEncoder, encode_response
from .completions_request import read
from .completions_stream import CompletionsDecoder, decode_response, read_usage
from .manners import OpenAIChat

WIRE = "openai.completions"


class Completions(OpenAIChat):
    name: ClassVar[str] = WIRE
    manifold: ClassVar[bool] = True
    markers: ClassVar[tuple[bytes, ...]] = (b"data: [DONE]", b'"usage":{', b'"finish_reason":"', b'"error"')

    # -- requests

    def decode_request(self, operation: Operation, seals: Seals) -> chat.Request:
        return completions_request.decode_request(operation)

    def parts(self, request: chat.Request) -> Sequence[chat.Request]:
        return completions_request.parts(request)

    def encode_request(self, request: chat.Request, model: str, profile: Profile) -> Encoded:
        return completions_request.encode_request(request, model, profile)

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Encoded:
        return completions_request.rewrite(operation, model, profile)

    def passes(self, operation: Operation, profile: Profile) -> bool:
        return completions_request.passes(operation, profile)

    def max_output(self, operation: Operation) -> int | None:
        return completions_request.max_output(operation)

    # -- answers from an upstream

    def read_usage(self, body: bytes, profile: Profile) -> Usage | None:
        return read_usage(body)

    def decode_response(self, body: bytes, profile: Profile) -> chat.Response:
        return decode_response(body)

    def decoder(self, profile: Profile) -> Decoder:
        return CompletionsDecoder()

    # -- answers to a client

    def encode_response(self, response: chat.Response, reply: Reply) -> bytes:
        return encode_response(response, reply)

    def encoder(self, reply: Reply) -> Encoder:
        return CompletionsEncoder(reply)

    # -- the same wire on both sides: the frames are those of chat, but for what a choice holds

    def relay_response(self, body: bytes, reply: Reply) -> bytes:
        return chat_relay.relay_response(body, reply)

    def relay_frame(self, data: bytes, reply: Reply, first: bool) -> bytes | None:
        return chat_relay.relay_frame(data, reply, first)


def _peek(body: bytes, path: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, bool, str]:
    """The model, whether to stream, and as the answer's form whether it begins with the prompt."""
    asked = read(body)
    model = path.get("model") or peek_body(body, path, query)[0]
    return model, bool(asked.stream), ECHO if asked.echo and not asked.suffix else "sse"


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/v1/completions",
        kind="chat",
        wire=WIRE,
        peek=_peek,
        streaming=True,
        description="Complete a text (OpenAI's legacy completions).",
    ),
)
