"""How much a model should think."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisces_proxy.chat import Effort
from pisces_proxy.thinking import EFFORTS, budget_of, effort_of, nearest


@pytest.mark.parametrize("effort", [*EFFORTS, "auto"])
def test_an_effort_comes_back_from_its_budget(effort: Effort) -> None:
    assert effort_of(budget_of(effort)) == effort


@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_a_larger_budget_is_no_smaller_effort(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert EFFORTS.index(effort_of(low)) <= EFFORTS.index(effort_of(high))


@pytest.mark.parametrize(
    ("effort", "least", "most", "budget"),
    [
        ("low", 2000, None, 2000),
        ("max", None, 10_000, 10_000),
        ("none", 128, None, 128),
        ("medium", 1, 99_999, 8192),
        ("auto", 5, 9, -1),
    ],
)
def test_a_budget_stays_in_the_models_range(effort: Effort, least: int | None, most: int | None, budget: int) -> None:
    assert budget_of(effort, least, most) == budget


@pytest.mark.parametrize(
    ("effort", "allowed", "expected"),
    [
        ("high", ("low", "high"), "high"),
        ("minimal", ("low", "medium", "high"), "low"),
        ("max", ("low", "medium", "high"), "high"),
        ("medium", ("low", "high"), "low"),
        ("minimal", ("none", "high"), "high"),
        ("none", ("none", "high"), "none"),
        ("none", ("minimal", "low"), "minimal"),
        ("low", ("none",), "none"),
        ("auto", ("low",), "auto"),
        ("xhigh", (), "xhigh"),
    ],
)
def test_an_effort_that_a_model_lacks_becomes_the_nearest(effort: Effort, allowed: tuple[str, ...], expected: str) -> None:
    assert nearest(effort, allowed) == expected


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [(("none", "deep", "low"), "low"), (("none", "default"), "default"), (("deep", "deeper"), "deep"), (("none",), "none")],
)
def test_a_model_may_have_words_of_its_own(allowed: tuple[str, ...], expected: str) -> None:
    assert nearest("high", allowed) == expected
