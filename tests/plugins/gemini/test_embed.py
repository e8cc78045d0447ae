"""Vectors in Google's words, from clients and of upstreams (wire.md F1)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pisces_gemini.embed import GeminiEmbed
from pisces_gemini.google import EMBED, ONE
from plugins.gemini.media_samples import asked
from plugins.gemini.talk import reply

from pisces_proxy.errors import BadRequest, PiscesError, Unsupported, UpstreamBroken
from pisces_proxy.media import Embeddings, Vectors
from pisces_proxy.plugin import Profile
from pisces_proxy.testing import got, run_plan
from pisces_proxy.usage import Usage

WIRE = GeminiEmbed()


def content(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "models/m", "content": {"parts": [{"text": text}]}, **more}


def vectors(*lengths: float) -> dict[str, Any]:
    return {"embeddings": [{"values": [length, 0.5]} for length in lengths]}


def decoded(*contents: Any) -> Embeddings:
    return WIRE.decode_request(asked({"requests": list(contents)}, EMBED))


def test_a_list_keeps_its_order_and_its_options() -> None:
    more = {"taskType": "RETRIEVAL_DOCUMENT", "title": "t", "outputDimensionality": 8}
    found = decoded(content("a", **more), content("b", **more))
    assert found == Embeddings(model="m", inputs=("a", "b"), dimensions=8, task="document", title="t")


def test_snake_case_and_vertexs_own_object_mean_the_same() -> None:
    config = {"task_type": 2, "output_dimensionality": 8}
    found = WIRE.decode_request(
        asked({"content": {"parts": [{"text": "a"}, "b"]}, "embedContentConfig": config}, EMBED, form=ONE)
    )
    assert (found.inputs, found.single, found.task, found.dimensions) == (("a\nb",), True, "document", 8)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"requests": []}, "requests"),
        ({}, "requests"),
        ({"requests": [{"content": {"parts": []}}]}, "requests[0].content"),
        ({"requests": [content("a"), content("b", title="t")]}, "requests[1].title"),
        ({"requests": [content("a", outputDimensionality=0)]}, "outputDimensionality"),
        ({"requests": [content("a", outputDimensionality="many")]}, "requests[0].outputDimensionality"),
        ({"requests": [{"content": {"parts": [{"inlineData": {}}]}}]}, "requests[0].content.parts[0].inlineData"),
        ({"requests": "x"}, "requests[0]"),
    ],
)
def test_what_cannot_be_read_is_named(body: Any, param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        WIRE.decode_request(asked(body, EMBED))
    assert refused.value.param == param


def test_an_upstream_is_asked_a_hundred_at_a_time() -> None:
    request = Embeddings(inputs=tuple(f"t{n}" for n in range(205)), dimensions=2, task="query", title="t")
    played = run_plan(WIRE.plan(request, "m", Profile()), [vectors(*range(100)), vectors(*range(100, 200)), vectors(*range(5))])
    assert [ask.path for ask in played.asks] == [":batchEmbedContents"] * 3
    assert played.sent(2)["requests"][4] == {
        "model": "models/m", "content": {"parts": [{"text": "t204"}]}, "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 2,
    }  # fmt: skip
    assert [vector[0] for vector in played.result.vectors][98:102] == [98.0, 99.0, 100.0, 101.0]
    assert played.result.usage is not None and played.result.usage.estimated
    assert [loss.field for loss in played.result.losses] == ["title"]


def test_what_is_counted_is_believed() -> None:
    told = {**vectors(1), "usageMetadata": {"promptTokenCount": 4}}
    assert run_plan(WIRE.plan(Embeddings(inputs=((9906, 1917),)), "m", Profile()), [told]).result.usage == Usage(input=4)


@pytest.mark.parametrize("task", ["SEMANTIC_SIMILARITY", "clustering"])
def test_googles_own_tasks_arrive(task: str) -> None:
    played = run_plan(WIRE.plan(Embeddings(inputs=("a",), task=task), "m", Profile()), [vectors(1)])
    assert played.sent()["requests"][0]["taskType"] == task.upper() and not played.result.losses


@pytest.mark.parametrize(
    "body", [{}, {"embeddings": []}, {"embeddings": [{}]}, vectors(1, 2), b"<html>", {"error": {"message": "x"}}]
)
def test_an_answer_without_vectors_is_no_answer(body: Any) -> None:
    with pytest.raises(PiscesError):
        run_plan(WIRE.plan(Embeddings(inputs=("a",)), "m", Profile()), [body])
    with pytest.raises(UpstreamBroken):
        WIRE.counted(got(b"{}"), asked({}, EMBED), Profile())


def test_a_length_that_cannot_be_chosen_is_refused() -> None:
    with pytest.raises(Unsupported):
        run_plan(WIRE.plan(Embeddings(inputs=("a",), dimensions=3), "m", Profile(dimensions=False)))


def test_clients_are_told_in_the_shape_that_they_asked_in() -> None:
    result = Vectors(vectors=[[1.0], [2.0]], usage=Usage(input=3))
    many = json.loads(WIRE.encode_response(result, Embeddings(inputs=("a", "b")), reply(extension=b'{"g":1}')).body)
    assert many == {
        "embeddings": [{"values": [1.0]}, {"values": [2.0]}],
        "usageMetadata": {"promptTokenCount": 3},
        "pisces": {"g": 1},
    }
    one = json.loads(WIRE.encode_response(result, Embeddings(inputs=("a",), single=True), reply()).body)
    assert one["embedding"] == {"values": [1.0]}


def test_google_on_both_sides_keeps_all_but_the_models_name() -> None:
    body = {"pisces": {}, "requests": [content("a", autoTruncate=True), content("b")]}
    operation = asked(body, EMBED)
    assert WIRE.passes(operation, Profile())
    ask = WIRE.rewrite(operation, "theirs", Profile())
    assert isinstance(ask.body, bytes) and ask.path == ":batchEmbedContents"
    assert json.loads(ask.body) == {
        "requests": [content("a", autoTruncate=True) | {"model": "models/theirs"}, content("b") | {"model": "models/theirs"}]
    }
    one = WIRE.rewrite(asked({"content": {"parts": [FILE_PART]}}, EMBED, form=ONE), "theirs", Profile())
    assert one.path == ":embedContent" and one.body == json.dumps({"content": {"parts": [FILE_PART]}}).encode()
    told = got({"embedding": {"values": [1]}, "usageMetadata": {"promptTokenCount": 4}})
    assert WIRE.counted(told, operation, Profile()).usage == Usage(input=4)
    assert json.loads(WIRE.relayed(told, reply(extension=b"{}")).body)["pisces"] == {}


FILE_PART = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}


@pytest.mark.parametrize("body", [{"requests": [content("a")] * 101}, {"content": {}, "embedContentConfig": {}}])
def test_what_google_ai_refuses_is_written_anew(body: Any) -> None:
    assert not WIRE.passes(asked(body, EMBED), Profile())
