"""Voyage: OpenAI's embeddings with its own words, and its own reranking."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from pisces_voyage import pisces_providers, pisces_wires
from pisces_voyage.rerank import Rerank

from pisces_proxy import media
from pisces_proxy.errors import PiscesError, UpstreamBroken, UpstreamUnauthorized
from pisces_proxy.media import Hit
from pisces_proxy.plugin import Profile
from pisces_proxy.testing import got, run_plan
from pisces_proxy.usage import Usage

PROVIDER = pisces_providers()[0]
RERANK = Rerank()
REQUEST = media.Rerank(query="q", documents=("a", "b"), top_n=9, extra={"truncation": False})


def test_the_provider_speaks_its_own_rerank_and_openais_embeddings() -> None:
    assert set(PROVIDER.wires) == {"openai.embeddings", *(wire.name for wire in pisces_wires())}


def test_embeddings_go_by_its_words() -> None:
    profile = PROVIDER.profile("openai.embeddings", "voyage-3.5", {})
    assert (profile.rename, profile.embedding_format) == ({"dimensions": "output_dimension"}, "base64")
    assert profile.embedding_task["query"] == "query"


def test_rerank_asks_for_top_k_and_reads_data() -> None:
    said = {
        "object": "list", "data": [{"relevance_score": 0.4375, "index": 1}, {"relevance_score": 0.25, "index": 0}],
        "model": "rerank-2.5", "usage": {"total_tokens": 26},
    }  # fmt: skip
    played = run_plan(RERANK.plan(REQUEST, "rerank-2.5", Profile()), [said], wire=RERANK)
    assert played.sent() == {"model": "rerank-2.5", "query": "q", "documents": ["a", "b"], "top_k": 2, "truncation": False}
    assert played.result.hits == (Hit(1, 0.4375), Hit(0, 0.25)) and played.result.usage == Usage(input=26)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (got({"detail": "Provided API key is invalid."}, status=401), UpstreamUnauthorized),
        (got({"object": "list"}), UpstreamBroken),
        (got(msgspec.json.encode([])), UpstreamBroken),
    ],
)
def test_what_is_no_ranking_is_an_error(answer: Any, kind: type[PiscesError]) -> None:
    with pytest.raises(kind):
        run_plan(RERANK.plan(REQUEST, "m", Profile()), [answer], wire=RERANK)
