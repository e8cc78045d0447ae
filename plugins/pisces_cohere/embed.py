"""The wire `cohere.embed`: vectors by POST /v2/embed (https://docs.cohere.com/reference/embed)."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pisces_proxy import token_ids
from pisces_proxy.answers import read
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported, UpstreamBroken
from pisces_proxy.media import Embeddings, Vectors
from pisces_proxy.plans import Ask, Got, Plan, leaving
from pisces_proxy.plugin import Profile
from pisces_proxy.usage import Usage

from .dialect import CohereWire, Meta, billed

_encode = msgspec.json.Encoder().encode
_TASKS = {"": "search_document", "document": "search_document", "query": "search_query"}
_EXTRA = frozenset({"truncate", "max_tokens", "priority"})


class _Floats(msgspec.Struct):
    floats: list[list[float]] = msgspec.field(name="float")


class _Answer(msgspec.Struct):
    embeddings: _Floats
    meta: Meta | None = None


_answer = msgspec.json.Decoder(_Answer)


class Embed(CohereWire):
    """`input_type` is required there: what does not say what it is for counts as a document."""

    name: ClassVar[str] = "cohere.embed"
    kind: ClassVar[str] = "embeddings"

    def plan(self, request: Embeddings, model: str, profile: Profile) -> Plan[Vectors]:
        asked = token_ids.as_texts(request)
        size, options = profile.embedding_batch, _options(asked, profile)
        parts = [asked.inputs[at : at + size] for at in range(0, len(asked.inputs), size)]
        yield from leaving(_losses(asked))
        gots = yield tuple(Ask(body=_encode({"model": model, "texts": part, **options})) for part in parts)
        answers = [_found(got, len(part)) for part, got in zip(parts, gots, strict=True)]
        counts = [billed(answer.meta).input_tokens for answer in answers]
        usage = None if None in counts else Usage(input=int(sum(count or 0 for count in counts)))
        vectors = [vector for answer in answers for vector in answer.embeddings.floats]
        return Vectors(vectors=vectors, usage=usage)


def _options(request: Embeddings, profile: Profile) -> dict[str, Any]:
    options: dict[str, Any] = {name: value for name, value in request.extra.items() if name in _EXTRA}
    options["input_type"] = _TASKS.get(request.task, request.task)
    options["embedding_types"] = ["float"]
    if request.dimensions is None:
        return options
    if not profile.dimensions:
        message = "The vectors of this model have one length: leave `dimensions` away."
        raise Unsupported(message, param="dimensions", code="unsupported_parameter")
    return {**options, "output_dimension": request.dimensions}


def _losses(request: Embeddings) -> list[Loss]:
    return [
        Loss(field=name, action="dropped", reason="unknown to this protocol") for name in request.extra if name not in _EXTRA
    ]


def _found(got: Got, inputs: int) -> _Answer:
    found = read(_answer, got.body, "vectors")
    if len(found.embeddings.floats) != inputs:
        raise UpstreamBroken(f"The upstream gave {len(found.embeddings.floats)} vectors for {inputs} inputs.")
    return found
