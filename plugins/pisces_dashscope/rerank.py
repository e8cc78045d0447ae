"""The wire `dashscope.rerank`: documents by relevance, as gte-rerank and qwen3-vl-rerank are asked (wire.md F2).

https://www.alibabacloud.com/help/en/model-studio/text-rerank-api
"""

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

from .dialect import DashScopeWire, encode

_KNOWN = frozenset({"instruct"})


class _Hit(msgspec.Struct):
    index: int
    relevance_score: float


class _Output(msgspec.Struct):
    results: list[_Hit]


class _Counts(msgspec.Struct):
    total_tokens: int


class _Answer(msgspec.Struct):
    output: _Output
    usage: _Counts | None = None
    request_id: str = ""


_answer = msgspec.json.Decoder(_Answer)


class Rerank(DashScopeWire):
    name: ClassVar[str] = "dashscope.rerank"
    kind: ClassVar[str] = "rerank"

    def plan(self, request: media.Rerank, model: str, profile: Profile) -> Plan[Ranking]:
        parameters, losses = own_members(request.extra, _KNOWN)
        if request.top_n is not None:
            parameters["top_n"] = min(request.top_n, len(request.documents))
        # what the documents were is known here: they need not come back
        body: dict[str, Any] = {
            "model": model,
            "input": {"query": request.query, "documents": request.documents},
            "parameters": {"return_documents": False, **parameters},
        }
        yield from leaving(losses)
        got = yield Ask(path="/services/rerank/text-rerank/text-rerank", body=encode(body))
        found = read(_answer, got.body, "ranking")
        return Ranking(
            hits=tuple(media.Hit(each.index, each.relevance_score) for each in found.output.results),
            id=found.request_id,
            usage=Usage(input=found.usage.total_tokens) if found.usage else None,
        )
