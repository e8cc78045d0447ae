"""The routes of Google's API: a model and a verb in the path, three versions of the same (wire.md E3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pisces_proxy.errors import BadRequest
from pisces_proxy.plugin import Endpoint

from .google import EMBED, IMAGEN, ONE, OPERATIONS, WIRE

VERSIONS = ("v1beta", "v1", "v1alpha", "v1beta1")  # the SDK says v1 from 3.x on, v1beta before; v1beta1 for Vertex
_PLACES = (
    "models/",
    "tunedModels/",
    "publishers/google/models/",
    "projects/{project}/locations/{location}/publishers/google/models/",
)


class _Body(msgspec.Struct):
    """Only whether it is JSON at all."""


_ORIGIN = ("host", "x-forwarded-host", "x-forwarded-proto")  # where clients reach the gateway
_body = msgspec.json.Decoder(_Body)
_Peeked = tuple[str, bool, str]


def _check(body: bytes) -> None:
    try:
        _body.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        said = "The body is empty. Send a JSON object." if not body.strip() else f"The body is not a JSON object: {error}"
        raise BadRequest(said) from None


def peek_whole(body: bytes, path: Mapping[str, str], query: Mapping[str, str]) -> _Peeked:
    _check(body)
    return path["model"].removeprefix("models/"), False, "sse"


def peek_stream(body: bytes, path: Mapping[str, str], query: Mapping[str, str]) -> _Peeked:
    """Without `alt=sse` the stream is one JSON array."""
    _check(body)
    return path["model"].removeprefix("models/"), True, "sse" if query.get("alt") == "sse" else "array"


def peek_one(body: bytes, path: Mapping[str, str], query: Mapping[str, str]) -> _Peeked:
    return (*peek_whole(body, path, query)[:2], ONE)


def peek_operation(body: bytes, path: Mapping[str, str], query: Mapping[str, str]) -> _Peeked:
    """A look at work that runs already: no model is asked."""
    return "", False, "sse"


def anybody(headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
    """An operation's name is longer than a model's: it goes before those."""
    return True


def claims_models(headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
    """`/v1/models` belongs to several APIs: Google's clients are known by how they bring their key (wire.md E4)."""
    return "x-goog-api-key" in headers or "x-goog-api-client" in headers or "key" in query


def endpoints() -> Iterator[Endpoint]:
    for version in VERSIONS:
        for place in _PLACES:
            yield from _verbs(f"/{version}/{place}{{model:rest}}")
            yield from _media(f"/{version}/{place}{{model:rest}}")
        yield Endpoint(
            method="GET", path=f"/{version}/files/{{file:rest}}:download", kind="task.content", wire=OPERATIONS,
            peek=peek_operation, description="Download a video (Gemini)",
        )  # fmt: skip
        claims = claims_models if version == "v1" else None
        yield Endpoint(
            method="GET", path=f"/{version}/models", kind="models", wire=WIRE, claims=claims,
            description="List the models (Gemini)",
        )  # fmt: skip
        yield Endpoint(
            method="GET", path=f"/{version}/models/{{model:rest}}", kind="model", wire=WIRE, claims=claims,
            description="Describe one model (Gemini)",
        )  # fmt: skip


def _verbs(path: str) -> Iterator[Endpoint]:
    yield Endpoint(
        method="POST", path=f"{path}:generateContent", kind="chat", wire=WIRE, peek=peek_whole,
        description="Generate an answer (Gemini)",
    )  # fmt: skip
    yield Endpoint(
        method="POST", path=f"{path}:streamGenerateContent", kind="chat", wire=WIRE, peek=peek_stream, streaming=True,
        description="Generate an answer as a stream (Gemini)",
    )  # fmt: skip
    yield Endpoint(
        method="POST", path=f"{path}:countTokens", kind="count", wire=WIRE, peek=peek_whole, description="Count tokens (Gemini)"
    )


def _media(path: str) -> Iterator[Endpoint]:
    yield Endpoint(
        method="POST", path=f"{path}:batchEmbedContents", kind="embeddings", wire=EMBED, peek=peek_whole,
        description="Make vectors of texts (Gemini)",
    )  # fmt: skip
    yield Endpoint(
        method="POST", path=f"{path}:embedContent", kind="embeddings", wire=EMBED, peek=peek_one,
        description="Make a vector of a text (Gemini)",
    )  # fmt: skip
    yield Endpoint(
        method="POST", path=f"{path}:predict", kind="image", wire=IMAGEN, peek=peek_whole, description="Draw images (Imagen)"
    )
    yield from _operations(path)


def _operations(path: str) -> Iterator[Endpoint]:
    one = f"{path}/operations/{{id}}"
    yield _operation("POST", f"{path}:predictLongRunning", "create", "Make a video (Veo)", peek=peek_whole)
    yield _operation("POST", f"{path}:fetchPredictOperation", "get", "Look at an operation (Vertex)")
    yield _operation("GET", one, "get", "Look at an operation (Gemini)", claims=anybody)
    yield _operation("POST", f"{one}:cancel", "cancel", "Cancel an operation (Gemini)")
    yield _operation("DELETE", one, "delete", "Cancel an operation, or delete one that is over (Gemini)")


def _operation(method: Any, path: str, kind: str, says: str, **more: Any) -> Endpoint:
    more = {"peek": peek_operation, "forwards": _ORIGIN, **more}
    return Endpoint(method=method, path=path, kind=f"task.{kind}", wire=OPERATIONS, description=says, **more)
