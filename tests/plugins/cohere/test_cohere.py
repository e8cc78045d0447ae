"""Cohere's own formats, as its documentation and recordings have them."""

from __future__ import annotations

from typing import Any

import pytest
from pisces_cohere import pisces_providers, pisces_wires
from pisces_cohere.embed import Embed
from pisces_cohere.rerank import Rerank

from pisces_proxy import media
from pisces_proxy.errors import PiscesError, Unsupported, UpstreamBroken, UpstreamRateLimited, UpstreamUnauthorized
from pisces_proxy.media import Embeddings, Hit
from pisces_proxy.plugin import Profile
from pisces_proxy.testing import got, run_plan
from pisces_proxy.usage import Usage

PROVIDER = pisces_providers()[0]
EMBED, RERANK = Embed(), Rerank()


def vectors(*rows: list[float], tokens: float | None = 4.0) -> dict[str, Any]:
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": tokens}} if tokens is not None else None
    return {"id": "5807ee2e", "embeddings": {"float": list(rows)}, "texts": ["..."], "meta": meta}


def profile(model: str = "embed-v4.0") -> Profile:
    return PROVIDER.profile("cohere.embed", model, {})


def test_the_provider_speaks_what_the_plugin_provides_and_openais_chat() -> None:
    assert set(PROVIDER.wires) == {"openai.chat", *(wire.name for wire in pisces_wires())}
    assert PROVIDER.authorize("cohere.embed", "k") == {"Authorization": "Bearer k"}


@pytest.mark.parametrize(
    ("task", "said"),
    [("", "search_document"), ("document", "search_document"), ("query", "search_query"), ("classification", "classification")],
)
def test_embed_says_what_the_vectors_are_for(task: str, said: str) -> None:
    request = Embeddings(inputs=("a", "b"), task=task, dimensions=256)
    played = run_plan(EMBED.plan(request, "embed-v4.0", profile()), [vectors([1.0], [2.0])], wire=EMBED)
    assert played.sent() == {
        "model": "embed-v4.0", "texts": ["a", "b"], "input_type": said, "embedding_types": ["float"], "output_dimension": 256,
    }  # fmt: skip
    assert list(played.result.vectors) == [[1.0], [2.0]] and played.result.usage == Usage(input=4)


def test_embed_takes_ninety_six_texts_at_a_time() -> None:
    request = Embeddings(inputs=tuple(str(n) for n in range(100)))
    answers = [vectors(*[[float(n)] for n in range(96)]), vectors(*[[float(n)] for n in range(96, 100)])]
    played = run_plan(EMBED.plan(request, "embed-v4.0", profile()), answers, wire=EMBED)
    assert [vector[0] for vector in played.result.vectors] == [float(n) for n in range(100)]
    assert played.result.usage == Usage(input=8)


def test_embed_reads_text_where_a_client_sends_token_ids() -> None:
    played = run_plan(EMBED.plan(Embeddings(inputs=((9906, 1917),)), "m", profile()), [vectors([1.0])], wire=EMBED)
    assert played.sent()["texts"] == ["Hello world"]


def test_embed_v3_has_one_length() -> None:
    with pytest.raises(Unsupported) as refusal:
        run_plan(EMBED.plan(Embeddings(inputs=("a",), dimensions=8), "m", profile("embed-english-v3.0")))
    assert refusal.value.param == "dimensions"


def test_embed_passes_its_own_options_on_and_tells_of_others() -> None:
    request = Embeddings(inputs=("a",), extra={"truncate": "NONE", "stranger": 1})
    played = run_plan(EMBED.plan(request, "m", profile()), [vectors([1.0], tokens=None)], wire=EMBED)
    assert played.sent()["truncate"] == "NONE" and [loss.field for loss in played.result.losses] == ["stranger"]
    assert played.result.usage is None


@pytest.mark.parametrize("body", [vectors(), {"message": ""}, b"<html>"])
def test_embed_without_the_vectors_is_the_upstreams_fault(body: Any) -> None:
    with pytest.raises(UpstreamBroken):
        run_plan(EMBED.plan(Embeddings(inputs=("a",)), "m", profile()), [body], wire=EMBED)


def test_rerank_is_billed_by_searches() -> None:
    said = {
        "id": "07734bd2", "results": [{"index": 1, "relevance_score": 0.99}, {"index": 0, "relevance_score": 0.01}],
        "meta": {"api_version": {"version": "2", "is_experimental": False}, "billed_units": {"search_units": 1}},
    }  # fmt: skip
    request = media.Rerank(query="q", documents=("a", "b"), top_n=9, extra={"max_tokens_per_doc": 100})
    played = run_plan(RERANK.plan(request, "rerank-v3.5", Profile()), [said], wire=RERANK)
    assert played.sent() == {
        "model": "rerank-v3.5",
        "query": "q",
        "documents": ["a", "b"],
        "top_n": 2,
        "max_tokens_per_doc": 100,
    }
    assert played.result.hits == (Hit(1, 0.99), Hit(0, 0.01))
    assert played.result.usage == Usage(searches=1) and played.result.search_units == 1


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (401, "invalid api token", UpstreamUnauthorized),
        (429, "You are using a Trial key, which is limited to 10 API calls / minute.", UpstreamRateLimited),
    ],
)
def test_its_refusals_are_understood(status: int, said: str, kind: type[PiscesError]) -> None:
    for wire in (EMBED, RERANK):
        with pytest.raises(kind):
            request = Embeddings(inputs=("a",)) if wire is EMBED else media.Rerank(query="q", documents=("a",))
            run_plan(wire.plan(request, "m", profile()), [got({"message": said}, status=status)], wire=wire)  # type: ignore[arg-type]
