"""The wire `openai.responses`: OpenAI's Responses API, both ways."""

from __future__ import annotations

from pisces_proxy import chat
from pisces_proxy.errors import PiscesError, ProofRefused
from pisces_proxy.plugin import Decoder, Encoded, Encoder, Endpoint, Operation, Profile, Reply, peek_body
from pisces_proxy.seals import Seals
from pisces_proxy.splice import join, members
from pisces_proxy.usage import Usage

from . import responses_relay
from .manners import OpenAIChat
from .output_limit import max_output
from .responses_answer import decode_response, read_usage
from .responses_events import ResponsesDecoder
from .responses_items import WIRE
from .responses_request import decode_request
from .responses_stream import ResponsesEncoder, response_id
from .responses_target import encode_request

# What the count call reads; it refuses the members that say how to answer.
_COUNTED = frozenset(
    (
        "model",
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "reasoning",
        "text",
        "truncation",
        "previous_response_id",
        "conversation",
    )
)


class Responses(OpenAIChat):
    """Stateless: what refers to a stored response is refused, answers carry what the client needs to keep the state."""

    name = WIRE
    count_member = "input_tokens"
    url_media = frozenset({"image", "document"})
    # `"response"` is a member of every lifecycle event, `"error"` stands in every error
    markers = (b'"response"', b'"error"', b"[DONE]")

    # -- requests

    def decode_request(self, operation: Operation, seals: Seals) -> chat.Request:
        return decode_request(operation, seals)

    def encode_request(self, request: chat.Request, model: str, profile: Profile) -> Encoded:
        return encode_request(request, model, profile)

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Encoded:
        return responses_relay.rewrite(operation, model, profile)

    def without_proofs(self, body: bytes, refused: ProofRefused) -> bytes | None:
        if refused.param == "reasoning.summary":  # shown to verified organisations only
            return responses_relay.without_summary(body)
        return responses_relay.without_reasoning(body)

    def count_path(self, template: str, model: str) -> str | None:
        return template + "/input_tokens"

    def count_request(self, body: bytes, model: str) -> bytes:
        return join({name: value for name, value in members(body).items() if name in _COUNTED})

    def max_output(self, operation: Operation) -> int | None:
        return max_output(operation.body)

    # -- answers from an upstream

    def read_usage(self, body: bytes, profile: Profile) -> Usage | None:
        return read_usage(body, profile)

    def decode_response(self, body: bytes, profile: Profile) -> chat.Response:
        return decode_response(body, profile)

    def decoder(self, profile: Profile) -> Decoder:
        return ResponsesDecoder(profile)

    # -- answers to a client

    def encode_response(self, response: chat.Response, reply: Reply) -> bytes:
        encoder = ResponsesEncoder(reply, response_id(reply))
        encoder.encode(list(chat.unfold(response)))
        return encoder.answer

    def encoder(self, reply: Reply) -> Encoder:
        return ResponsesEncoder(reply)

    def encode_count(self, usage: Usage, reply: Reply) -> bytes:
        count = {"object": b'"response.input_tokens"', "input_tokens": b"%d" % usage.input}
        return join(count | ({"pisces": reply.extension} if reply.extension else {}))

    # -- the same wire on both sides

    def relay_response(self, body: bytes, reply: Reply) -> bytes:
        return responses_relay.relay_response(body, reply)

    def relay_frame(self, data: bytes, reply: Reply, first: bool) -> bytes | None:
        return responses_relay.relay_frame(data, reply)

    def relay_failure(self, error: PiscesError, reply: Reply, decoder: Decoder) -> bytes:
        """The end of the response that the upstream began: under its id, behind the last number that was read."""
        begun = decoder if isinstance(decoder, ResponsesDecoder) else None
        if begun is None or not begun.id:
            return self.encoder(reply).encode([chat.Failed(error=error)])
        return ResponsesEncoder(reply, begun.id, begun.sequence + 1).encode([chat.Failed(error=error)])


def _stateful(method: str, path: str, what: str) -> Endpoint:
    description = f"{what}: refused, this gateway stores no responses. Send the whole conversation in `input`."
    return Endpoint(method=method, path=path, kind="unsupported", wire=WIRE, description=description)  # type: ignore[arg-type]


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/responses",
        kind="chat",
        wire=WIRE,
        peek=peek_body,
        forwards=("openai-beta",),
        streaming=True,
        description="Answer a conversation (OpenAI Responses API).",
    ),
    Endpoint(
        method="POST",
        path="/v1/responses/input_tokens",
        kind="count",
        wire=WIRE,
        peek=peek_body,
        description="Count the tokens of a request without answering it.",
    ),
    _stateful("POST", "/v1/responses/compact", "Compact a stored conversation"),
    _stateful("GET", "/v1/responses/{id}", "Fetch an earlier answer"),
    _stateful("DELETE", "/v1/responses/{id}", "Delete an earlier answer"),
    _stateful("POST", "/v1/responses/{id}/cancel", "Cancel a background answer"),
    _stateful("GET", "/v1/responses/{id}/input_items", "List what an earlier answer was given"),
)
