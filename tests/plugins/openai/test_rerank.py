"""Reranking in the shape of Jina and Cohere, both ways."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from pisces_openai.endpoints import endpoints
from pisces_openai.rerank import OpenAIRerank

from pisces_proxy.errors import BadRequest, UpstreamBroken
from pisces_proxy.media import Hit, Ranking, Rerank
from pisces_proxy.plugin import Operation, Profile, Reply
from pisces_proxy.seals import Seals
from pisces_proxy.testing import got, run_plan
from pisces_proxy.usage import Usage

WIRE = OpenAIRerank()
REPLY = Reply(model="ours", request_id="req_1", created=1, extension=b'{"gateway":"Pisces"}', seals=Seals([b"x" * 32]))
RESULTS = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
HITS = (Hit(1, 0.9), Hit(0, 0.1))


def asked(**members: Any) -> Operation:
    return Operation(kind="rerank", wire=WIRE.name, model="m", body=msgspec.json.encode({"model": "m", **members}))


def test_the_paths_of_jina_and_of_cohere_lead_here() -> None:
    assert {endpoint.path for endpoint in endpoints() if endpoint.wire == WIRE.name} >= {"/v1/rerank", "/v2/rerank"}


def test_texts_and_objects_are_documents() -> None:
    request = WIRE.decode_request(asked(query="q", documents=["a", {"text": "b"}, {"text": "c", "id": 3}], top_n=2))
    assert (request.documents, request.top_n, request.return_documents) == (("a", "b", "c"), 2, False)
    assert request.given == ("a", {"text": "b"}, {"text": "c", "id": 3})


def test_rank_fields_name_what_counts() -> None:
    request = WIRE.decode_request(
        asked(query="q", documents=[{"title": "T", "body": "B", "x": 1}], rank_fields=["title", "body"])
    )
    assert request.documents == ("title: T\nbody: B",)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"documents": ["a"]}, "query"),
        ({"query": "", "documents": ["a"]}, "query"),
        ({"query": "q"}, "documents"),
        ({"query": "q", "documents": []}, "documents"),
        ({"query": "q", "documents": "a"}, "documents"),
        ({"query": "q", "documents": ["a"] * 10_001}, "documents"),
        ({"query": "q", "documents": ["a", 5]}, "documents[1]"),
        ({"query": "q", "documents": [{"body": "a"}]}, "documents[0]"),
        ({"query": "q", "documents": ["a"], "top_n": 0}, "top_n"),
        ({"query": "q", "documents": ["a"], "top_n": "all"}, "top_n"),
    ],
)
def test_bad_input_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        WIRE.decode_request(asked(**members))
    assert refusal.value.param == param


def test_an_answer_is_sorted_cut_and_holds_the_documents_where_asked() -> None:
    request = Rerank(query="q", documents=("a", "b"), given=("a", {"text": "b", "id": 7}), return_documents=True, top_n=2)
    result = Ranking(hits=(Hit(0, 0.1), Hit(1, 0.9)), usage=Usage(input=12))
    told = json.loads(WIRE.encode_response(result, request, REPLY).body)
    assert told["results"] == [
        {"index": 1, "relevance_score": 0.9, "document": {"text": "b", "id": 7}},
        {"index": 0, "relevance_score": 0.1, "document": {"text": "a"}},
    ]
    assert told["usage"] == {"prompt_tokens": 12, "total_tokens": 12} and told["model"] == "ours"
    assert told["meta"]["billed_units"] == {"input_tokens": 12}


def test_searches_are_told_as_cohere_tells_them() -> None:
    told = json.loads(
        WIRE.encode_response(Ranking(hits=HITS, search_units=2), Rerank(query="q", documents=("a", "b")), REPLY).body
    )
    assert told["meta"]["billed_units"] == {"search_units": 2}
    assert all("document" not in each for each in told["results"])


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({"results": RESULTS, "usage": {"total_tokens": 9}}, Usage(input=9)),  # Jina
        ({"results": RESULTS, "meta": {"tokens": {"input_tokens": 9, "output_tokens": 0}}}, Usage(input=9)),  # SiliconFlow
        ({"results": RESULTS, "meta": {"billed_units": {"search_units": 1}}}, Usage(searches=1)),
        ({"data": RESULTS, "object": "list"}, None),  # Fireworks
    ],
)
def test_the_answers_of_several_vendors_are_read(said: dict[str, Any], usage: Usage | None) -> None:
    request = Rerank(query="q", documents=("a", "b"), top_n=5)
    played = run_plan(WIRE.plan(request, "theirs", Profile()), [said], wire=WIRE)
    assert played.result.hits == HITS and played.result.usage == usage
    assert played.sent() == {"model": "theirs", "query": "q", "documents": ["a", "b"], "top_n": 2, "return_documents": False}
    assert WIRE.counted(got(said), asked(query="q", documents=["a"]), Profile()).usage == usage


def test_bytes_that_pass_change_their_model_only() -> None:
    body = WIRE.rewrite(asked(query="q", documents=["a"], x_new=[1.0]), "theirs", Profile()).body
    assert msgspec.json.decode(body) == {"model": "theirs", "query": "q", "documents": ["a"], "x_new": [1.0]}  # type: ignore[arg-type]
    told = json.loads(WIRE.relayed(got({"data": RESULTS, "model": "theirs"}), REPLY).body)
    assert told == {"model": "ours", "results": RESULTS, "pisces": {"gateway": "Pisces"}}


def test_an_answer_without_a_ranking_is_the_upstreams_fault() -> None:
    with pytest.raises(UpstreamBroken):
        WIRE.counted(got({"object": "list"}), asked(query="q", documents=["a"]), Profile())
