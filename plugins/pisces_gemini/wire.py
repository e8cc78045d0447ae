"""Google's generateContent as a wire: both ways, whole and streamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from pisces_proxy import chat, splice
from pisces_proxy.errors import PiscesError, ProofRefused
from pisces_proxy.plugin import Decoder, Encoded, Encoder, Model, Operation, Profile, Reply, Wire
from pisces_proxy.seals import Seals
from pisces_proxy.usage import Usage

from . import counts, failures, listing, pictures, relay, request_in, request_out, unsigned
from .answer_out import AnswerEncoder, encode_response, sse_frame
from .google import WIRE
from .stream_in import AnswerDecoder

_encode = msgspec.json.Encoder().encode


class Gemini(Wire):
    name = WIRE
    protocol = "gemini"
    url_media = frozenset({"video"})  # YouTube; anything else by URL has to come as data
    markers = (b'"usageMetadata"', b'"finishReason"', b'"promptFeedback"', b'"error"', *pictures.MARKERS)
    model_member = b"modelVersion"
    count_member = "totalTokens"
    heartbeat = b"\n\n"  # comments make the SDK fail (H13)

    # -- requests

    def decode_request(self, operation: Operation, seals: Seals) -> chat.Request:
        return request_in.decode(operation, seals)

    def encode_request(self, request: chat.Request, model: str, profile: Profile) -> Encoded:
        return request_out.encode(request, model, profile)

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Encoded:
        return relay.rewrite(operation.body, profile)

    def passes(self, operation: Operation, profile: Profile) -> bool:
        return relay.passes(operation.body, profile)

    def without_proofs(self, body: bytes, refused: ProofRefused) -> bytes | None:
        return unsigned.without_signatures(body)

    def path(self, template: str, model: str, operation: str, stream: bool) -> str:
        base = template.replace("{model}", quote(model.removeprefix("models/"), safe="/"))
        if operation == "count":
            return f"{base}:countTokens"
        return f"{base}:streamGenerateContent?alt=sse" if stream else f"{base}:generateContent"

    def count_path(self, template: str, model: str) -> str | None:
        return self.path(template, model, "count", False)

    def max_output(self, operation: Operation) -> int | None:
        return counts.max_output(operation.body)

    def count_request(self, body: bytes, model: str) -> bytes:
        return relay.count_request(body, model)

    def stream_headers(self, form: str) -> Mapping[str, str]:
        kind = "application/json" if form == "array" else "text/event-stream"
        return {**super().stream_headers(form), "Content-Type": f"{kind}; charset=utf-8"}

    def heartbeat_for(self, form: str) -> bytes:
        return b"\n" if form == "array" else self.heartbeat

    # -- answers from an upstream

    def decode_response(self, body: bytes, profile: Profile) -> chat.Response:
        decoder = AnswerDecoder(whole=True)
        return chat.fold([*decoder.decode(b"", body.strip()), *decoder.end()])

    def decoder(self, profile: Profile) -> Decoder:
        return AnswerDecoder()

    # -- answers to a client

    def encode_response(self, response: chat.Response, reply: Reply) -> bytes:
        return encode_response(response, reply)

    def encoder(self, reply: Reply) -> Encoder:
        return AnswerEncoder(reply)

    def encode_error(self, error: PiscesError, request_id: str, extension: bytes) -> tuple[int, bytes]:
        return error.status, failures.body(error, request_id, extension)

    def encode_count(self, usage: Usage, reply: Reply) -> bytes:
        body = _encode({"totalTokens": usage.input})
        return splice.append(body, "pisces", reply.extension) if reply.extension else body

    def encode_models(self, models: Sequence[Model], query: Mapping[str, str], extension: bytes) -> bytes:
        return listing.models(models, query, extension)

    def encode_model(self, model: Model, extension: bytes) -> bytes:
        return listing.model(model, extension)

    # -- Google on both sides

    def relay_response(self, body: bytes, reply: Reply) -> bytes:
        return relay.response(body, reply)

    def relay_frame(self, data: bytes, reply: Reply, first: bool) -> bytes | None:
        return relay.frame(data, reply, first)

    def relay_frame_bytes(self, event: bytes, data: bytes, reply: Reply) -> bytes:
        return data if reply.form == "array" else sse_frame(data)

    def relay_failure(self, error: PiscesError, reply: Reply, decoder: Decoder) -> bytes:
        body = failures.body(error, reply.request_id, reply.extension)
        if reply.form != "array":
            return sse_frame(body)
        going = isinstance(decoder, AnswerDecoder) and decoder.started
        return (b",\r\n" if going else b"[") + body + b"]"

    def relay_end(self, reply: Reply) -> bytes:
        return b"]" if reply.form == "array" else b""
