"""Anthropic Messages: the wire, as the gateway sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Raw

from pisces_proxy.chat import Request, Response
from pisces_proxy.errors import PiscesError, ProofRefused
from pisces_proxy.limits import Standing
from pisces_proxy.plugin import Decoder, Encoded, Encoder, Model, Operation, Profile, Reply, Wire
from pisces_proxy.seals import Seals
from pisces_proxy.usage import Usage

from . import answers, catalogue, counts, faults, incoming, limit_headers, outgoing, passthrough, replay, shapes
from .decoder import MessagesDecoder
from .encoder import COMMENT, PING, MessagesEncoder


class Messages(Wire):
    """https://docs.anthropic.com/en/api/messages"""

    name = shapes.WIRE
    protocol = "anthropic"
    url_media = frozenset({"image", "document"})
    markers = (b'"message_start"', b'"message_delta"', b'"message_stop"', b'"error"')
    heartbeat = PING
    early_heartbeat = COMMENT
    count_member = "input_tokens"

    def decode_request(self, operation: Operation, seals: Seals) -> Request:
        return incoming.decode_request(operation, seals)

    def encode_request(self, request: Request, model: str, profile: Profile) -> Encoded:
        return outgoing.encode_request(request, model, profile)

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Encoded:
        return passthrough.rewrite(operation, model, profile)

    def without_proofs(self, body: bytes, refused: ProofRefused) -> bytes | None:
        return replay.without_thinking(body)

    def count_path(self, template: str, model: str) -> str:
        return f"{template}/count_tokens"

    def count_request(self, body: bytes, model: str) -> bytes:
        return passthrough.count_request(body)

    def max_output(self, operation: Operation) -> int | None:
        return counts.max_output(operation.body)

    def read_usage(self, body: bytes, profile: Profile) -> Usage | None:
        return answers.answer_usage(body)

    def decode_response(self, body: bytes, profile: Profile) -> Response:
        return answers.decode_response(body)

    def decoder(self, profile: Profile) -> Decoder:
        return MessagesDecoder()

    def encode_response(self, response: Response, reply: Reply) -> bytes:
        return answers.encode_response(response, reply)

    def encoder(self, reply: Reply) -> Encoder:
        return MessagesEncoder(reply)

    def encode_error(self, error: PiscesError, request_id: str, extension: bytes) -> tuple[int, bytes]:
        return faults.encode_error(error, request_id, extension)

    def error_headers(self, error: PiscesError) -> Mapping[str, str]:
        return faults.error_headers(error)

    def limit_headers(self, standing: Standing, now: float) -> Mapping[str, str]:
        return limit_headers.limit_headers(standing, now)

    def encode_count(self, usage: Usage, reply: Reply) -> bytes:
        counted: dict[str, Any] = {"input_tokens": usage.input}
        return shapes.encode({**counted, "pisces": Raw(reply.extension)} if reply.extension else counted)

    def encode_models(self, models: Sequence[Model], query: Mapping[str, str], extension: bytes) -> bytes:
        return catalogue.encode_models(models, query, extension)

    def encode_model(self, model: Model, extension: bytes) -> bytes:
        return catalogue.encode_model(model, extension)

    def relay_response(self, body: bytes, reply: Reply) -> bytes:
        return answers.relay_response(body, reply)

    def relay_frame(self, data: bytes, reply: Reply, first: bool) -> bytes:
        return answers.relay_frame(data, reply)
