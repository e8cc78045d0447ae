"""Where clients of OpenAI's API knock (wire.md E3): its own paths, Azure's, and Google's door for OpenAI clients."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pisces_proxy.plugin import Endpoint, peek_body, read_body

from . import completions, embeddings, images, moderations, rerank, responses, speech, transcripts, unserved
from .chat_choice import WIRE

_ALIASES = ("/openai/v1", "/v1beta/openai")


class _Stream(msgspec.Struct):
    stream: bool | None = None


_stream = msgspec.json.Decoder(_Stream)


def _peek_deployment(body: bytes, path: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, bool, str]:
    """Azure names the model in the path, and often nowhere else."""
    return path["model"], bool(read_body(_stream, body).stream), "sse"


_OWN = (
    Endpoint(
        method="POST",
        path="/v1/chat/completions",
        kind="chat",
        wire=WIRE,
        peek=peek_body,
        streaming=True,
        description="Answer a conversation (OpenAI Chat Completions).",
    ),
    Endpoint(method="GET", path="/v1/models", kind="models", wire=WIRE, description="List the models."),
    Endpoint(method="GET", path="/v1/models/{model:rest}", kind="model", wire=WIRE, description="Describe one model."),
)
_AZURE = Endpoint(
    method="POST",
    path="/openai/deployments/{model}/chat/completions",
    kind="chat",
    wire=WIRE,
    peek=_peek_deployment,
    streaming=True,
    description="Answer a conversation (Azure OpenAI's path).",
)
_MEDIA = (*images.ENDPOINTS, *speech.ENDPOINTS, *transcripts.ENDPOINTS)
_TEXTS = (*completions.ENDPOINTS, *embeddings.ENDPOINTS)
_SERVED = (*_OWN, *responses.ENDPOINTS, *_TEXTS, *moderations.ENDPOINTS, *rerank.ENDPOINTS, *_MEDIA)
# read for themselves that the model stands in the path
_DEPLOYED = (*_TEXTS, *_MEDIA)


def endpoints() -> list[Endpoint]:
    deployed = [_elsewhere(endpoint, "/openai/deployments/{model}") for endpoint in _DEPLOYED]
    engines = [_elsewhere(endpoint, "/v1/engines/{model}") for endpoint in _TEXTS]  # SDKs from before 1.0, and their Azure
    return [
        *_SERVED,
        rerank.COHERE,
        *unserved.ENDPOINTS,
        *unserved.CONSOLE,
        _AZURE,
        *deployed,
        *engines,
        *(_elsewhere(endpoint, root) for root in _ALIASES for endpoint in _SERVED),
    ]


def _elsewhere(endpoint: Endpoint, root: str) -> Endpoint:
    return msgspec.structs.replace(endpoint, path=root + endpoint.path.removeprefix("/v1"))
