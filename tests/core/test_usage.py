"""Counted units: what an answer consumed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisces_proxy.usage import Usage

COUNTS = st.integers(-50, 1000)
USAGES = st.builds(
    Usage, input=COUNTS, cached_input=COUNTS, cache_write=COUNTS, output=COUNTS, reasoning=COUNTS, searches=COUNTS
)


@pytest.mark.parametrize(
    "usage",
    [
        Usage(),
        Usage(input=105, cached_input=90, cache_write=5, output=7, reasoning=3),
        Usage(output=3, reasoning=3, estimated=True),
    ],
)
def test_possible_counts_stay(usage: Usage) -> None:
    assert usage.checked() == (usage, ())


@pytest.mark.parametrize(
    ("usage", "checked", "names"),
    [
        (Usage(input=-1, output=5), Usage(output=5), ("input",)),
        (Usage(input=10, cached_input=90, cache_write=5), Usage(input=105, cached_input=90, cache_write=5), ("input",)),
        (Usage(output=2, reasoning=7), Usage(output=9, reasoning=7), ("output",)),
        (Usage(input=10, cached_input=-90, output=1), Usage(input=10, output=1), ("cached_input",)),
        (Usage(input=-5, cached_input=3), Usage(input=3, cached_input=3), ("input",)),
        (Usage(searches=-1, audio_output=-2), Usage(), ("audio_output", "searches")),
    ],
)
def test_impossible_counts_are_put_right_and_named(usage: Usage, checked: Usage, names: tuple[str, ...]) -> None:
    assert usage.checked() == (checked, names)


@given(USAGES)
def test_checked_counts_are_possible(usage: Usage) -> None:
    checked, names = usage.checked()
    assert checked.input >= checked.cached_input + checked.cache_write >= 0
    assert checked.output >= checked.reasoning >= 0
    assert bool(names) == (checked != usage)
    assert checked.checked() == (checked, ())


def test_the_total_is_what_went_in_and_out() -> None:
    assert Usage(input=105, cached_input=90, output=7, reasoning=3).total == 112
