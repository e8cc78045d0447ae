"""The wire `openai.rerank`: documents by how well they answer a question, in the shape of Jina and Cohere (wire.md F2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from pisces_proxy import answers, media, splice
from pisces_proxy.errors import BadRequest
from pisces_proxy.media import Hit, Ranking, Rerank
from pisces_proxy.mediawire import Counted, Told
from pisces_proxy.plans import Ask, Got, Plan
from pisces_proxy.plugin import Endpoint, Operation, Profile, Reply, peek_body, read_body
from pisces_proxy.usage import Usage

from .manners import OpenAIMedia
from .rewriting import rewritten

WIRE = "openai.rerank"
MOST = 10_000  # documents: https://docs.cohere.com/docs/reranking-best-practices
_encode = msgspec.json.Encoder().encode


class _Asked(msgspec.Struct):
    query: Any = None
    documents: Any = None
    top_n: int | None = None
    top_k: int | None = None  # Voyage's word
    return_documents: bool | None = None
    rank_fields: list[str] | None = None


class _Hit(msgspec.Struct):
    index: int
    relevance_score: float


class _Units(msgspec.Struct):
    search_units: float | None = None
    input_tokens: float | None = None


class _Meta(msgspec.Struct):
    billed_units: _Units | None = None
    tokens: _Units | None = None


class _Counts(msgspec.Struct):
    prompt_tokens: int | None = None
    total_tokens: int | None = None


class _Answer(msgspec.Struct):
    results: list[_Hit] | None = None
    data: list[_Hit] | None = None  # Fireworks
    id: str | None = None
    usage: _Counts | None = None
    meta: _Meta | None = None

    @property
    def counted(self) -> Usage | None:
        """Tokens (Jina: usage, SiliconFlow: meta.tokens) and searches (Cohere), as far as they are told."""
        usage, meta = self.usage or _Counts(), self.meta or _Meta()
        tokens = usage.total_tokens or usage.prompt_tokens or (meta.tokens.input_tokens if meta.tokens else None)
        return Usage(input=int(tokens or 0), searches=self.searches or 0) if tokens or self.searches else None

    @property
    def searches(self) -> int | None:
        units = self.meta.billed_units if self.meta else None
        return int(units.search_units) if units and units.search_units else None


_asked = msgspec.json.Decoder(_Asked)
_answer = msgspec.json.Decoder(_Answer)
_members = msgspec.json.Decoder(dict[str, Any])
_READ = frozenset({"model", "pisces", "api_key", *_Asked.__struct_fields__})


class OpenAIRerank(OpenAIMedia):
    name: ClassVar[str] = WIRE
    kind: ClassVar[str] = "rerank"

    # -- the client's half

    def decode_request(self, operation: Operation) -> Rerank:
        asked = read_body(_asked, operation.body)
        if not isinstance(asked.query, str) or not asked.query:
            raise BadRequest("Send `query`: the text to rank the documents by.", param="query", code="invalid_value")
        if not isinstance(asked.documents, list) or not asked.documents:
            raise BadRequest("Send `documents`: a list with at least one.", param="documents", code="invalid_value")
        if len(asked.documents) > MOST:
            message = f"`documents` holds {len(asked.documents)} of them. Send at most {MOST} at a time."
            raise BadRequest(message, param="documents", code="invalid_value")
        top = asked.top_n if asked.top_n is not None else asked.top_k
        if top is not None and top < 1:
            raise BadRequest("`top_n` must be at least 1.", param="top_n", code="invalid_value")
        return Rerank(
            model=operation.model,
            query=asked.query,
            documents=tuple(_text(each, index, asked.rank_fields) for index, each in enumerate(asked.documents)),
            given=tuple(asked.documents),
            top_n=top,
            return_documents=bool(asked.return_documents),
            extra={name: value for name, value in _members.decode(operation.body).items() if name not in _READ},
        )

    def encode_response(self, result: media.Result, request: media.Request, reply: Reply) -> Told:
        assert isinstance(result, Ranking) and isinstance(request, Rerank)
        hits = sorted(result.hits, key=lambda hit: -hit.score)[: request.top_n]
        counts = result.usage or Usage()
        billed = {"search_units": result.search_units} if result.search_units else {"input_tokens": counts.input}
        parts = {
            "id": _encode(result.id or reply.request_id),
            "model": _encode(reply.model),
            "results": _encode([_told(hit, request) for hit in hits]),
            "usage": _encode({"prompt_tokens": counts.input, "total_tokens": counts.input}),
            "meta": _encode({"api_version": {"version": "2"}, "billed_units": billed}),
        }
        return Told(body=splice.join({**parts, "pisces": reply.extension} if reply.extension else parts))

    # -- the upstream's half

    def plan(self, request: Rerank, model: str, profile: Profile) -> Plan[Ranking]:
        body: dict[str, Any] = {"model": model, "query": request.query, "documents": request.documents}
        if request.top_n is not None:
            body["top_n"] = min(request.top_n, len(request.documents))
        body["return_documents"] = False  # they are put back here
        got = yield Ask(body=_encode({name: value for name, value in body.items() if name not in profile.drop}))
        found = _found(got)
        hits = tuple(
            Hit(each.index, each.relevance_score)
            for each in found.results or found.data or ()
            if each.index < len(request.documents)
        )
        return Ranking(hits=hits, id=found.id or "", usage=found.counted, search_units=found.searches)

    # -- the same format on both sides

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Ask:
        return Ask(body=rewritten(splice.members(operation.body), model, profile))

    def counted(self, got: Got, operation: Operation, profile: Profile) -> Counted:
        return Counted(usage=_found(got).counted)

    def relayed(self, got: Got, reply: Reply) -> Told:
        parts: dict[str, bytes | msgspec.Raw] = {**splice.members(got.body), "model": _encode(reply.model)}
        if "results" not in parts and "data" in parts:
            parts["results"] = parts.pop("data")
        if reply.extension:
            parts["pisces"] = reply.extension
        return Told(body=splice.join(parts))


def _found(got: Got) -> _Answer:
    found = answers.read(_answer, got.body, "ranking")
    if found.results is None and found.data is None:
        raise answers.unreadable(got.body, "ranking")
    return found


def _text(document: Any, index: int, fields: list[str] | None) -> str:
    match document:
        case str():
            return document
        case dict() if fields:
            return "\n".join(f"{name}: {document[name]}" for name in fields if name in document)
        case {"text": str(text)}:
            return text
    param = f"documents[{index}]"
    message = f"`{param}` must be a text or an object with `text`; other members are named in `rank_fields`."
    raise BadRequest(message, param=param, code="invalid_value")


def _told(hit: Hit, request: Rerank) -> dict[str, Any]:
    told: dict[str, Any] = {"index": hit.index, "relevance_score": hit.score}
    if request.return_documents:
        given = request.given[hit.index] if request.given else request.documents[hit.index]
        told["document"] = {"text": given} if isinstance(given, str) else given
    return told


def _peek(body: bytes, path: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, bool, str]:
    """`stream` is no member of this format: whoever sends it gets the whole answer."""
    return peek_body(body, path, query)[0], False, "sse"


_OWN = Endpoint(
    method="POST",
    path="/v1/rerank",  # `/rerank` is found too
    kind="rerank",
    wire=WIRE,
    peek=_peek,
    description="Rank documents (Jina, Cohere).",
)
ENDPOINTS = (_OWN,)
COHERE = msgspec.structs.replace(_OWN, path="/v2/rerank")  # where Cohere's SDK asks
