"""Units times rates: hand-computed cases to the nano-dollar, and what holds for all of them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisces_proxy.price_tables import read
from pisces_proxy.pricing import Dated, Images, Measures, Rates, Tier, in_force, price, upper_bound
from pisces_proxy.usage import Usage

GPT = {"input": 2.5, "output": 10, "cached_input": 1.25}
CLAUDE = {"input": 3, "output": 15, "cached_input": 0.3, "cache_write": 3.75, "cache_write_1h": 6}
FIVE_MINUTES = {"input": 3, "output": 15, "cache_write": 3.75}
AUDIO = {"input": 2.5, "output": 10, "audio_input": 40, "audio_output": 80}
PICTURES = {"input": 5, "image_input": 10, "image_output": 40, "cached_input": 1.25}
THINKER = {"input": 1, "output": 2, "reasoning": 3}
GEMINI = {
    **{"input": 1.25, "output": 10, "cached_input": 0.125},
    "tiers": [{"above": 200_000, "input": 2.5, "output": 15, "cached_input": 0.25}],
}
STAIRS = {
    **{"input": 1, "output": 4, "cached_input": 0.1},
    "tiers": [{"above": 128_000, "input": 3}, {"above": 32_000, "input": 2, "output": 6}],
}
CHEAP = {"input": 0.000_000_001}
FINE = {"input": 0.000_123_4, "output": 0.000_123_4}
DALLE = {"per_image": {"1024x1024/standard": 0.04, "1024x1024/hd": 0.08, "1792x1024": 0.1, "low": 0.011, "*": 0.05}}
UNNAMED = {"per_image": {"1024x1024": 0.04, "1792x1024": 0.08}}
VEO = {"per_second": {"720p": 0.1, "1080p": 0.3, "*": 0.4}}
WHISPER = {"per_second": 0.0001}

# what is priced, what was used, the cost, and its lines (unit, quantity, amount): nano-dollars, reckoned by hand
CASES: list[tuple[dict[str, Any], dict[str, Any], int, list[tuple[str, float, int]]]] = [
    # input and output: 2,500 and 10,000 a token
    (GPT, {"input": 1}, 2_500, [("input", 1, 2_500)]),
    (GPT, {"output": 1}, 10_000, [("output", 1, 10_000)]),
    (GPT, {}, 0, []),
    (GPT, {"input": 1_000_000}, 2_500_000_000, [("input", 1_000_000, 2_500_000_000)]),
    (GPT, {"input": 12, "output": 34}, 370_000, [("input", 12, 30_000), ("output", 34, 340_000)]),
    ({"output": 10}, {"input": 9, "output": 1}, 10_000, [("output", 1, 10_000)]),
    ({"input": 0.02}, {"input": 8, "output": 5}, 160, [("input", 8, 160)]),
    ({"input": 0, "output": 1}, {"input": 5, "output": 1}, 1_000, [("input", 5, 0), ("output", 1, 1_000)]),
    # cached input: part of the input, at 1,250
    (
        GPT,
        {"input": 1000, "cached_input": 800, "output": 10},
        1_600_000,
        [("cached_input", 800, 1_000_000), ("input", 200, 500_000), ("output", 10, 100_000)],
    ),
    (GPT, {"input": 7, "cached_input": 7}, 8_750, [("cached_input", 7, 8_750)]),
    ({"input": 3}, {"input": 10, "cached_input": 4}, 30_000, [("input", 10, 30_000)]),
    (GPT, {"input": 5, "cached_input": 9}, 6_250, [("cached_input", 5, 6_250)]),
    # cache writes: 3,750 for five minutes, 6,000 for an hour
    (
        CLAUDE,
        {"input": 100, "cache_write": 60},
        345_000,
        [("cache_write", 60, 225_000), ("input", 40, 120_000)],
    ),
    (
        CLAUDE,
        {"input": 100, "cache_write": 60, "cache_write_1h": 20},
        390_000,
        [("cache_write_1h", 20, 120_000), ("cache_write", 40, 150_000), ("input", 40, 120_000)],
    ),
    (CLAUDE, {"input": 50, "cache_write": 50, "cache_write_1h": 50}, 300_000, [("cache_write_1h", 50, 300_000)]),
    (
        CLAUDE,
        {"input": 1000, "cached_input": 500, "cache_write": 300, "cache_write_1h": 100, "output": 40},
        2_700_000,
        [
            ("cached_input", 500, 150_000),
            ("cache_write_1h", 100, 600_000),
            ("cache_write", 200, 750_000),
            ("input", 200, 600_000),
            ("output", 40, 600_000),
        ],
    ),
    (
        FIVE_MINUTES,
        {"input": 10, "cache_write": 6, "cache_write_1h": 4},
        34_500,
        [("cache_write", 6, 22_500), ("input", 4, 12_000)],
    ),
    (GPT, {"input": 10, "cache_write": 6, "cache_write_1h": 4}, 25_000, [("input", 10, 25_000)]),
    # reasoning: part of the output
    (THINKER, {"output": 100, "reasoning": 70}, 270_000, [("reasoning", 70, 210_000), ("output", 30, 60_000)]),
    (GPT, {"output": 100, "reasoning": 70}, 1_000_000, [("output", 100, 1_000_000)]),
    # audio: 40,000 in, 80,000 out
    (
        AUDIO,
        {"input": 100, "audio_input": 90, "output": 50, "audio_output": 40},
        6_925_000,
        [
            ("audio_input", 90, 3_600_000),
            ("input", 10, 25_000),
            ("audio_output", 40, 3_200_000),
            ("output", 10, 100_000),
        ],
    ),
    (GPT, {"input": 100, "audio_input": 90}, 250_000, [("input", 100, 250_000)]),
    (GPT, {"output": 3, "audio_output": 2}, 30_000, [("output", 3, 30_000)]),
    # image tokens
    (
        PICTURES,
        {"input": 30, "image_input": 20, "output": 4160, "image_output": 4160},
        166_650_000,
        [
            ("image_input", 20, 200_000),
            ("input", 10, 50_000),
            ("image_output", 4160, 166_400_000),
        ],
    ),
    # what was cached counts as cached first, whatever else it is
    (
        PICTURES,
        {"input": 30, "image_input": 20, "cached_input": 25},
        81_250,
        [("cached_input", 25, 31_250), ("image_input", 5, 50_000)],
    ),
    # tiers: the whole prompt's length decides, for all units
    (GEMINI, {"input": 200_000, "output": 100}, 251_000_000, [("input", 200_000, 250_000_000), ("output", 100, 1_000_000)]),
    (
        GEMINI,
        {"input": 200_001, "output": 100},
        501_502_500,
        [("input", 200_001, 500_002_500), ("output", 100, 1_500_000)],
    ),
    (
        GEMINI,
        {"input": 300_000, "cached_input": 299_000},
        77_250_000,
        [("cached_input", 299_000, 74_750_000), ("input", 1_000, 2_500_000)],
    ),
    (STAIRS, {"input": 32_000, "output": 1}, 32_004_000, [("input", 32_000, 32_000_000), ("output", 1, 4_000)]),
    (STAIRS, {"input": 32_001, "output": 1}, 64_008_000, [("input", 32_001, 64_002_000), ("output", 1, 6_000)]),
    (STAIRS, {"input": 128_001, "output": 1}, 384_009_000, [("input", 128_001, 384_003_000), ("output", 1, 6_000)]),
    (STAIRS, {"input": 128_001, "cached_input": 128_001}, 12_800_100, [("cached_input", 128_001, 12_800_100)]),
    # halves go up, line by line
    (CHEAP, {"input": 499_999}, 0, [("input", 499_999, 0)]),
    (CHEAP, {"input": 500_000}, 1, [("input", 500_000, 1)]),
    (CHEAP, {"input": 1_499_999}, 1, [("input", 1_499_999, 1)]),
    (CHEAP, {"input": 1_500_000}, 2, [("input", 1_500_000, 2)]),
    (FINE, {"input": 4, "output": 5}, 1, [("input", 4, 0), ("output", 5, 1)]),
    # images, by size and quality, size, quality, or whatever
    (DALLE, {"images": [(1, "1024x1024", "standard")]}, 40_000_000, [("image 1024x1024/standard", 1, 40_000_000)]),
    (DALLE, {"images": [(3, "1024x1024", "hd")]}, 240_000_000, [("image 1024x1024/hd", 3, 240_000_000)]),
    (DALLE, {"images": [(2, "1792x1024", "hd")]}, 200_000_000, [("image 1792x1024", 2, 200_000_000)]),
    (DALLE, {"images": [(1, "512x512", "low")]}, 11_000_000, [("image low", 1, 11_000_000)]),
    (DALLE, {"images": [(1, "512x512", "medium")]}, 50_000_000, [("image", 1, 50_000_000)]),
    (
        DALLE,
        {"images": [(1, "1024x1024", "hd"), (2, "", "low")]},
        102_000_000,
        [("image 1024x1024/hd", 1, 80_000_000), ("image low", 2, 22_000_000)],
    ),
    (UNNAMED, {"images": [(1, "640x480", "")]}, 80_000_000, [("image 1792x1024", 1, 80_000_000)]),
    ({"per_image": 0.0039}, {"images": [(4, "9x9", "")]}, 15_600_000, [("image", 4, 15_600_000)]),
    (GPT, {"images": [(4, "9x9", "")]}, 0, []),
    # seconds of audio and video
    (WHISPER, {"seconds": 61.25}, 6_125_000, [("second", 61.25, 6_125_000)]),
    (WHISPER, {"seconds": 0.0004}, 0, []),
    (VEO, {"seconds": 8, "resolution": "720p"}, 800_000_000, [("second 720p", 8, 800_000_000)]),
    (VEO, {"seconds": 8, "resolution": "1080p"}, 2_400_000_000, [("second 1080p", 8, 2_400_000_000)]),
    (VEO, {"seconds": 1.5, "resolution": "4k"}, 600_000_000, [("second", 1.5, 600_000_000)]),
    ({"per_second": 0.000_000_000_001}, {"seconds": 0.5}, 0, [("second", 0.5, 0)]),
    ({"per_second": 0.000_000_001}, {"seconds": 0.5}, 1, [("second", 0.5, 1)]),
    # characters, searches, calls
    ({"per_million_characters": 15}, {"characters": 4_096}, 61_440_000, [("character", 4_096, 61_440_000)]),
    (
        {"input": 2.5, "per_search": 0.01},
        {"input": 2, "searches": 3},
        30_005_000,
        [("input", 2, 5_000), ("search", 3, 30_000_000)],
    ),
    ({"per_call": 0.002}, {}, 2_000_000, [("call", 1, 2_000_000)]),
    ({"per_call": 0.002}, {"calls": 0}, 0, []),
    (
        {"per_call": 0.005, "input": 1},
        {"input": 100, "calls": 2},
        10_100_000,
        [("input", 100, 100_000), ("call", 2, 10_000_000)],
    ),
    # free
    ({"free": True}, {"input": 5, "output": 5, "searches": 1, "seconds": 3, "characters": 9}, 0, []),
]
TWO_IMAGES = Measures(images=(Images(count=2, size="1024x1024", quality="hd"),))


def rates_of(table: dict[str, Any]) -> Rates:
    rates = in_force(read({"m": table}, "", "channels.toml")["m"], 0)
    assert rates is not None
    return rates


@pytest.mark.parametrize(("table", "used", "cost", "lines"), CASES, ids=[f"{n}: {case[1]}" for n, case in enumerate(CASES)])
def test_a_case_reckoned_by_hand(table: dict[str, Any], used: dict[str, Any], cost: int, lines: list[Any]) -> None:
    counted = {name: count for name, count in used.items() if name in Usage.__struct_fields__}
    images = tuple(Images(count=count, size=size, quality=quality) for count, size, quality in used.get("images", ()))
    others = {name: used[name] for name in ("seconds", "resolution", "characters") if name in used}
    measures = Measures(images=images, **others)
    total, found = price(Usage(**counted), rates_of(table), calls=used.get("calls", 1), measures=measures)
    assert [(line.unit, line.quantity, line.amount_nano) for line in found] == lines
    assert total == cost


def test_a_line_as_the_row_keeps_it() -> None:
    _, lines = price(Usage(input=3), rates_of(GPT))
    assert msgspec.to_builtins(lines) == [{"unit": "input", "quantity": 3, "rate": 2_500_000_000, "amount_nano": 7_500}]


@pytest.mark.parametrize(
    ("table", "given", "cost"),
    [
        (GPT, {"input_estimate": 1000, "max_output": 100}, 3_500_000),
        (GPT, {"input_estimate": 0, "max_output": 0}, 0),
        (THINKER, {"input_estimate": 10, "max_output": 10}, 40_000),  # all of it may be reasoning
        (CLAUDE, {"input_estimate": 10, "max_output": 0}, 30_000),
        (CLAUDE, {"input_estimate": 10, "max_output": 0, "also": ["cache_write", "cache_write_1h"]}, 60_000),
        (AUDIO, {"input_estimate": 10, "max_output": 10, "also": ["audio_output"]}, 825_000),
        (GEMINI, {"input_estimate": 200_001, "max_output": 100}, 501_502_500),
        ({"per_call": 0.002, "per_search": 0.01}, {"input_estimate": 9, "max_output": 9, "searches": 2}, 22_000_000),
        (DALLE, {"input_estimate": 0, "max_output": 0, "measures": TWO_IMAGES}, 160_000_000),
        ({"free": True}, {"input_estimate": 9, "max_output": 9}, 0),
    ],
)
def test_what_to_reserve(table: dict[str, Any], given: dict[str, Any], cost: int) -> None:
    assert upper_bound(rates_of(table), **given) == cost


# -- what holds for all ------------------------------------------------------------------------------------------------

INPUTS = ("input", "cached_input", "cache_write", "cache_write_1h", "audio_input", "image_input")
OUTPUTS = ("output", "reasoning", "audio_output", "image_output")
counts = st.integers(0, 10**7)
names = st.sampled_from("abc")
a_rate = st.integers(0, 10**15)
tables = st.dictionaries(st.sampled_from([*INPUTS, *OUTPUTS, "search", "character", "call"]), a_rate)
usages = st.builds(Usage, **{name: counts for name in Usage.__struct_fields__ if name != "estimated"})
entries = st.dictionaries(st.sampled_from(["a", "b", "a/b", "*"]), a_rate)
measured = st.builds(
    Measures,
    images=st.lists(st.builds(Images, count=counts, size=names, quality=names), max_size=2).map(tuple),
    seconds=st.floats(0, 10**6),
    resolution=names,
    characters=counts,
)


@st.composite
def rates(draw: st.DrawFn) -> Rates:
    """With tiers that never get cheaper, as vendors' do."""
    units = draw(tables)
    tiers: list[Tier] = []
    below = units
    for above in sorted(draw(st.sets(st.integers(1, 10**7), max_size=2))):
        below = {unit: rate + draw(st.integers(0, 10**9)) for unit, rate in below.items()}
        tiers.append(Tier(above=above, units=below))
    return Rates(units=units, tiers=tuple(tiers), images=draw(entries), seconds=draw(entries))


@given(usages, rates(), measured, st.integers(0, 5))
def test_a_cost_is_the_sum_of_its_lines_and_each_line_is_exact(usage: Usage, of: Rates, measures: Measures, calls: int) -> None:
    cost, lines = price(usage, of, calls=calls, measures=measures)
    assert cost == sum(line.amount_nano for line in lines)
    for line in lines:
        exact = Decimal(str(line.quantity)) * line.rate / 10**6
        assert line.amount_nano == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
        assert line.amount_nano >= 0


@given(st.builds(Usage, **{name: st.integers(-(10**12), 10**12) for name in (*INPUTS, *OUTPUTS)}), rates())
def test_nothing_costs_less_than_nothing_whatever_an_upstream_counts(usage: Usage, of: Rates) -> None:
    cost, _ = price(usage, of)
    assert cost >= 0


@given(usages, rates())
def test_no_token_is_priced_twice(usage: Usage, of: Rates) -> None:
    _, lines = price(usage, of)
    for whole, units in ((usage.input, INPUTS), (usage.output, OUTPUTS)):
        assert sum(line.quantity for line in lines if line.unit in units) <= whole


@given(
    usages,
    rates(),
    measured,
    st.sampled_from(["input", "output", "searches", "seconds", "characters", "calls"]),
    st.integers(1, 10**6),
)
def test_more_of_anything_never_costs_less(usage: Usage, of: Rates, measures: Measures, what: str, more: int) -> None:
    grown, longer, calls = usage, measures, 1
    if what in Usage.__struct_fields__:
        grown = msgspec.structs.replace(usage, **{what: getattr(usage, what) + more})
    elif what == "calls":
        calls += more
    else:
        longer = msgspec.structs.replace(measures, **{what: getattr(measures, what) + more})
    assert price(grown, of, calls=calls, measures=longer)[0] >= price(usage, of, measures=measures)[0]


@given(st.sampled_from([*INPUTS[1:], *OUTPUTS[1:]]), counts, counts, rates())
def test_more_tokens_of_one_kind_never_cost_less(unit: str, few: int, more: int, of: Rates) -> None:
    whole = "input" if unit in INPUTS else "output"
    nested = {"cache_write": few} if unit == "cache_write_1h" else {}
    grown = {"cache_write": few + more} if unit == "cache_write_1h" else {}
    small = Usage(**{whole: few, unit: few, **nested})
    large = Usage(**{whole: few + more, unit: few + more, **grown})
    assert price(large, of)[0] >= price(small, of)[0]


@given(counts, counts, counts, counts, rates())
def test_a_reservation_covers_what_a_request_can_come_to(
    prompt: int, cached: int, output: int, reasoning: int, of: Rates
) -> None:
    cost, lines = price(
        Usage(input=prompt, cached_input=min(cached, prompt), output=output, reasoning=min(reasoning, output)), of
    )
    assert cost <= upper_bound(of, prompt, output) + len(lines)  # each line may have rounded up


# -- time --------------------------------------------------------------------------------------------------------------


def test_the_last_rates_that_hold_are_in_force() -> None:
    old, new, night = Rates(source="old"), Rates(source="new"), Rates(source="night")
    schedule = (Dated(rates=old), Dated(rates=new, since=1000.0), Dated(rates=night, since=86_400.0, hours=(79_200.0, 3_600.0)))
    found = [in_force(schedule, at) for at in (0, 999.9, 1000, 86_400, 86_400 + 3_599, 86_400 + 3_600, 2 * 86_400 - 7_200)]
    assert [rates and rates.source for rates in found] == ["old", "old", "new", "night", "night", "new", "night"]


def test_before_the_first_day_there_is_no_price() -> None:
    assert in_force((Dated(rates=Rates(), since=1000.0),), 999.0) is None
