"""The wire `cohere.rerank`: documents by relevance by POST /v2/rerank (https://docs.cohere.com/reference/rerank)."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pisces_proxy import media
from pisces_proxy.answers import read
from pisces_proxy.inputs import own_members
from pisces_proxy.media import Ranking
from pisces_proxy.plans import Ask, Plan, leaving
from pisces_proxy.plugin import Profile
from pisces_proxy.usage import Usage

from .dialect import CohereWire, Meta, billed

_encode = msgspec.json.Encoder().encode
_OWN = ("max_tokens_per_doc",)


class _Hit(msgspec.Struct):
    index: int
    relevance_score: float


class _Answer(msgspec.Struct):
    results: list[_Hit]
    id: str = ""
    meta: Meta | None = None


_answer = msgspec.json.Decoder(_Answer)


class Rerank(CohereWire):
    """It never sends documents back, and bills by searches (a hundred documents each)."""

    name: ClassVar[str] = "cohere.rerank"
    kind: ClassVar[str] = "rerank"

    def plan(self, request: media.Rerank, model: str, profile: Profile) -> Plan[Ranking]:
        body: dict[str, Any] = {"model": model, "query": request.query, "documents": request.documents}
        if request.top_n is not None:
            body["top_n"] = min(request.top_n, len(request.documents))
        own, strangers = own_members(request.extra, _OWN)
        yield from leaving(strangers)
        got = yield Ask(body=_encode({**body, **own}))
        found = read(_answer, got.body, "ranking")
        units = billed(found.meta).search_units
        return Ranking(
            hits=tuple(media.Hit(each.index, each.relevance_score) for each in found.results),
            id=found.id,
            usage=Usage(searches=int(units)) if units is not None else None,
            search_units=int(units) if units is not None else None,
        )
