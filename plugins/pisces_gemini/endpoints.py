"""The routes of Google's API: a model and a verb in the path, three versions of the same (wire.md E3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from pisces_proxy.errors import BadRequest
from pisces_proxy.plugin import Endpoint

from .google import WIRE

VERSIONS = ("v1beta", "v1", "v1alpha")  # the SDK says v1 from 3.x on, v1beta before
_PLACES = (
    "models/",
    "tunedModels/",
    "publishers/google/models/",
    "projects/{project}/locations/{location}/publishers/google/models/",
)


class _Body(msgspec.Struct):
    """Only whether it is JSON at all."""


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


def claims_models(headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
    """`/v1/models` belongs to several APIs: Google's clients are known by how they bring their key (wire.md E4)."""
    return "x-goog-api-key" in headers or "x-goog-api-client" in headers or "key" in query


def endpoints() -> Iterator[Endpoint]:
    for version in VERSIONS:
        for place in _PLACES:
            yield from _verbs(f"/{version}/{place}{{model:rest}}")
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
