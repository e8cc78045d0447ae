"""The wire `openai.chat`: chat completions, spoken by OpenAI and by nearly everyone else (wire.md A1, B1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pisces_proxy import chat
from pisces_proxy.errors import ProofRefused
from pisces_proxy.plugin import Decoder, Encoded, Encoder, Model, Operation, Profile, Reply
from pisces_proxy.seals import Seals
from pisces_proxy.usage import Usage

from . import (
    chat_answer,
    chat_models,
    chat_relay,
    chat_request,
    chat_rewrite,
    chat_stream,
    chat_unsigned,
    chat_upstream,
)
from .chat_choice import WIRE
from .chat_writer import ChatEncoder
from .manners import OpenAIChat
from .output_limit import max_output


class Chat(OpenAIChat):
    """Its dialects are told apart by `Profile` alone."""

    name: ClassVar[str] = WIRE
    url_media: ClassVar[frozenset[str]] = frozenset({"image"})
    # both spellings of JSON that upstreams write: with and without a space behind the colon
    markers: ClassVar[tuple[bytes, ...]] = (
        b"data: [DONE]",  # the longer, the faster it is searched for
        b'"usage":{"',
        b'"finish_reason":"',
        b'"error"',
    )
    fallback: ClassVar[bool] = True

    # -- requests

    def decode_request(self, operation: Operation, seals: Seals) -> chat.Request:
        return chat_request.decode_request(operation, seals)

    def encode_request(self, request: chat.Request, model: str, profile: Profile) -> Encoded:
        return chat_upstream.encode_request(request, model, profile)

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Encoded:
        return chat_rewrite.rewrite(operation, model, profile)

    def passes(self, operation: Operation, profile: Profile) -> bool:
        return chat_rewrite.passes(operation.body, profile)

    def without_proofs(self, body: bytes, refused: ProofRefused) -> bytes | None:
        return chat_unsigned.without_signatures(body)

    def max_output(self, operation: Operation) -> int | None:
        return max_output(operation.body)

    # -- answers from an upstream

    def read_usage(self, body: bytes, profile: Profile) -> Usage | None:
        return chat_stream.read_usage(body, profile)

    def decode_response(self, body: bytes, profile: Profile) -> chat.Response:
        return chat_stream.decode_response(body, profile)

    def decoder(self, profile: Profile) -> Decoder:
        return chat_stream.ChatDecoder(profile)

    # -- answers to a client

    def encode_response(self, response: chat.Response, reply: Reply) -> bytes:
        return chat_answer.encode_response(response, reply)

    def encoder(self, reply: Reply) -> Encoder:
        return ChatEncoder(reply)

    def encode_models(self, models: Sequence[Model], query: Mapping[str, str], extension: bytes) -> bytes:
        return chat_models.encode_models(models, extension)

    def encode_model(self, model: Model, extension: bytes) -> bytes:
        return chat_models.encode_model(model, extension)

    # -- the same wire on both sides

    def relay_response(self, body: bytes, reply: Reply) -> bytes:
        return chat_relay.relay_response(body, reply)

    def relay_frame(self, data: bytes, reply: Reply, first: bool) -> bytes | None:
        return chat_relay.relay_frame(data, reply, first)
