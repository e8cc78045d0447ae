"""The wire `voyage.rerank`: documents by relevance (https://docs.voyageai.com/reference/reranker-api)."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pisces_proxy import media
from pisces_proxy.answers import read
from pisces_proxy.inputs import own_members
from pisces_proxy.media import Ranking
from pisces_proxy.plans import Ask, Plan, leaving
from pisces_proxy.plugin import MediaWire, Profile
from pisces_proxy.usage import Usage

_encode = msgspec.json.Encoder().encode
_OWN = ("truncation",)


class _Hit(msgspec.Struct):
    index: int
    relevance_score: float


class _Counts(msgspec.Struct):
    total_tokens: int


class _Answer(msgspec.Struct):
    data: list[_Hit]
    usage: _Counts | None = None


_answer = msgspec.json.Decoder(_Answer)


class Rerank(MediaWire):
    name: ClassVar[str] = "voyage.rerank"
    protocol: ClassVar[str] = "voyage"
    kind: ClassVar[str] = "rerank"

    def plan(self, request: media.Rerank, model: str, profile: Profile) -> Plan[Ranking]:
        body: dict[str, Any] = {"model": model, "query": request.query, "documents": request.documents}
        if request.top_n is not None:
            body["top_k"] = min(request.top_n, len(request.documents))
        own, strangers = own_members(request.extra, _OWN)
        yield from leaving(strangers)
        got = yield Ask(body=_encode({**body, **own}))
        found = read(_answer, got.body, "ranking")
        hits = tuple(media.Hit(each.index, each.relevance_score) for each in found.data)
        usage = Usage(input=found.usage.total_tokens) if found.usage else None
        return Ranking(hits=hits, usage=usage)
