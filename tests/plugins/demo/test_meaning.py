"""The demo's vectors: like texts lie near each other; ranks and verdicts follow."""

from __future__ import annotations

import pytest
from pisces_demo import Demo

from pisces_proxy.errors import BadRequest, UpstreamUnauthorized
from pisces_proxy.media import Asset, Embeddings, Moderation, Ranking, Rerank, Vectors, Verdicts


async def vectors(*inputs: str | tuple[int, ...], model: str = "text-embedding-ada-002", **values: object) -> Vectors:
    result = await Demo().make(Embeddings(inputs=inputs, **values), model)  # type: ignore[arg-type]
    assert isinstance(result, Vectors)
    return result


def alike(one: object, other: object) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("The cat sits on the mat.", "Two cats sitting on mats", "Shares fell sharply on Monday"),
        ("春天的花园", "花园里的春天", "股票市场下跌"),
        ("How do I reset my password?", "Password reset instructions", "The menu of the day"),
    ],
)
async def test_like_texts_lie_near_each_other(text: str, near: str, far: str) -> None:
    one, two, three = (await vectors(text, near, far)).vectors
    assert alike(one, two) > max(0.3, 3 * abs(alike(one, three)))


@pytest.mark.parametrize(
    ("values", "length"),
    [({}, 1536), ({"dimensions": 256}, 256), ({"dimensions": 1}, 1), ({"model": "text-embedding-3-large"}, 3072)],
)
async def test_a_vector_has_unit_length_and_as_many_numbers_as_asked(values: dict[str, object], length: int) -> None:
    found = (await vectors("a text", "", **values)).vectors  # type: ignore[arg-type]
    assert [len(each) for each in found] == [length, length]
    assert [alike(each, each) for each in found] == [pytest.approx(1.0)] * 2


async def test_token_ids_lie_where_their_text_does_and_are_counted() -> None:
    result = await vectors((9906, 1917), "Hello world")
    assert alike(*result.vectors) == pytest.approx(1.0)
    assert result.usage is not None and 2 < result.usage.input < 8 and not result.usage.estimated


async def test_more_numbers_than_it_makes_are_refused() -> None:
    with pytest.raises(BadRequest) as refused:
        await vectors("x", dimensions=100_000)
    assert refused.value.param == "dimensions"


async def test_documents_are_ranked_the_best_first() -> None:
    documents = ("Rome is in Italy.", "The Seine flows through Paris.", "Bread and butter")
    result = await Demo().make(Rerank(query="Which river flows through Paris?", documents=documents, top_n=2), "rerank-v3.5")
    assert isinstance(result, Ranking)
    assert result.hits[0].index == 1 and len(result.hits) == 2
    assert 1 >= result.hits[0].score > result.hits[1].score >= 0


async def test_bad_words_are_flagged_in_their_category() -> None:
    request = Moderation(inputs=("I will kill you", "a skill to learn", Asset(url="https://example.com/a.png")))
    result = await Demo().make(request, "omni-moderation-latest")
    assert isinstance(result, Verdicts)
    assert [verdict.flagged for verdict in result.verdicts] == [True, False, False]
    assert result.verdicts[0].categories["violence"] and result.verdicts[0].scores["violence"] > 0.9


async def test_parts_are_judged_together() -> None:
    result = await Demo().make(Moderation(inputs=("hello", "自杀"), parted=True), "omni-moderation-latest")
    assert isinstance(result, Verdicts)
    assert [verdict.flagged for verdict in result.verdicts] == [True]


async def test_an_order_is_obeyed() -> None:
    with pytest.raises(UpstreamUnauthorized):
        await vectors("demo:error 401")
