"""The wire `voyage.rerank`: documents by relevance (https://docs.voyageai.com/reference/reranker-api)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from pisces_proxy import media, refusals
from pisces_proxy.chat import Loss
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.media import Ranking
from pisces_proxy.plans import Ask, Plan, leaving
from pisces_proxy.plugin import MediaWire, Profile
from pisces_proxy.usage import Usage

_encode = msgspec.json.Encoder().encode
_OWN = "truncation"


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

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        return refusals.understand(status, headers, refusals.complaint(body))

    def plan(self, request: media.Rerank, model: str, profile: Profile) -> Plan[Ranking]:
        body: dict[str, Any] = {"model": model, "query": request.query, "documents": request.documents}
        if request.top_n is not None:
            body["top_k"] = min(request.top_n, len(request.documents))
        if _OWN in request.extra:
            body[_OWN] = request.extra[_OWN]
        strangers = [name for name in request.extra if name != _OWN]
        yield from leaving([Loss(field=name, action="dropped", reason="unknown to this protocol") for name in strangers])
        got = yield Ask(body=_encode(body))
        try:
            found = _answer.decode(got.body)
        except (msgspec.MsgspecError, RecursionError):
            complaint = refusals.complaint(got.body)
            if complaint is not None:
                raise refusals.understand(200, {}, complaint) from None
            raise UpstreamBroken("The upstream's answer holds no ranking.") from None
        hits = tuple(media.Hit(each.index, each.relevance_score) for each in found.data)
        usage = Usage(input=found.usage.total_tokens) if found.usage else None
        return Ranking(hits=hits, usage=usage)
