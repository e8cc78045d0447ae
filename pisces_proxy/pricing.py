"""What an answer costs: units times rates, in exact integers. No clock: the time is passed in.

A rate is in nano-dollars per million of its unit (USD per million x 10^9). A line is quantity x rate / 10^6, rounded half up
to the nano-dollar; a cost is the sum of its lines. Each token is priced once, by the first of these that has a rate:

    input    cached_input, cache_write_1h, cache_write, audio_input, image_input, input
    output   audio_output, image_output, reasoning, output

What has no rate of its own is counted with the next that stands for it: cache_write_1h with cache_write, all others with input
or output. A prompt's length, everything in `Usage.input`, picks one tier for all units, output included, as vendors do it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

import msgspec

from .usage import Usage

MILLION = 1_000_000
NANO = 1_000_000_000
ANY = "*"  # the entry of an image or second table for what the others do not name
_DAY = 86_400

TokenUnit = Literal[
    "input", "cached_input", "cache_write", "cache_write_1h", "audio_input", "image_input",
    "output", "reasoning", "audio_output", "image_output",
]  # fmt: skip
Unit = Literal[TokenUnit, "search", "character", "call"]

_INPUTS: frozenset[str] = frozenset({"input", "cached_input", "cache_write", "cache_write_1h", "audio_input", "image_input"})


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """The rates of all units for prompts of more than `above` tokens."""

    above: int
    units: Mapping[str, int]


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """One model's prices. `tiers` ascend; `images` by `size/quality`, size, quality or `*`; `seconds` by resolution or `*`.
    `source` says where they come from, for people."""

    units: Mapping[str, int] = {}
    tiers: tuple[Tier, ...] = ()
    images: Mapping[str, int] = {}
    seconds: Mapping[str, int] = {}
    free: bool = False
    source: str = ""

    def units_for(self, prompt: int) -> Mapping[str, int]:
        """The rates in force for a prompt of so many tokens."""
        if not self.tiers:
            return self.units
        return next((tier.units for tier in reversed(self.tiers) if prompt > tier.above), self.units)


class Dated(msgspec.Struct, frozen=True, kw_only=True):
    """Rates and when they hold: from `since` (unix seconds) on, within `hours` (two seconds of the UTC day) where given."""

    rates: Rates
    since: float | None = None
    hours: tuple[float, float] | None = None

    def holds(self, at: float) -> bool:
        if self.since is not None and at < self.since:
            return False
        if self.hours is None:
            return True
        start, end = self.hours
        second = at % _DAY
        return start <= second < end if start <= end else second >= start or second < end


Schedule = tuple[Dated, ...]


def in_force(schedule: Schedule, at: float) -> Rates | None:
    """The rates at a time: the last that hold."""
    for dated in reversed(schedule):
        if dated.holds(at):
            return dated.rates
    return None


class Images(msgspec.Struct, frozen=True, kw_only=True):
    """So many images of one kind."""

    count: int
    size: str = ""
    quality: str = ""


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is priced by besides tokens. `seconds` of audio or video, to the millisecond."""

    images: tuple[Images, ...] = ()
    seconds: float = 0.0
    resolution: str = ""
    characters: int = 0


NOTHING = Measures()


def in_words(measures: Measures) -> str:
    """For people: `2 images 1024x1024 high, 41 characters, 5 s 720p`."""
    images = (f"{each.count} image{'s' * (each.count != 1)} {each.size} {each.quality}" for each in measures.images)
    parts = [" ".join(each.replace("auto", "").split()) for each in images]
    parts += [f"{measures.characters:,} characters"] if measures.characters else []
    parts += [f"{measures.seconds:g} s {measures.resolution}".strip()] if measures.seconds else []
    return ", ".join(parts)


class PriceLine(msgspec.Struct, frozen=True):
    """One line of a bill. `unit` names the entry of a table behind a space (`image 1024x1024/high`); `quantity` is whole,
    but for seconds, which may have three decimals."""

    unit: str
    quantity: int | float
    rate: int
    amount_nano: int


def price(usage: Usage, rates: Rates, *, calls: int = 1, measures: Measures = NOTHING) -> tuple[int, list[PriceLine]]:
    """The cost in nano-dollars, and its lines; only what was used and has a rate makes one."""
    if rates.free:
        return 0, []
    lines = [*_tokens(usage, rates.units_for(usage.input)), *_others(rates, usage.searches, calls, measures)]
    return sum(line.amount_nano for line in lines), lines


def upper_bound(
    rates: Rates,
    input_estimate: int,
    max_output: int,
    *,
    also: Collection[str] = (),
    calls: int = 1,
    searches: int = 0,
    measures: Measures = NOTHING,
) -> int:
    """What to reserve: every token at the dearest rate that it may come to. `also` names units that tokens of this request
    may be counted in because it asks for them (`cache_write_1h`, `audio_input`, `image_output`, ...)."""
    if rates.free:
        return 0
    of = rates.units_for(input_estimate)
    into = max([of.get(unit, 0) for unit in ("input", "cached_input", *also) if unit in _INPUTS])
    out = max([of.get(unit, 0) for unit in ("output", "reasoning", *also) if unit not in _INPUTS])
    others = sum(line.amount_nano for line in _others(rates, searches, calls, measures))
    return _amount(max(input_estimate, 0), into) + _amount(max(max_output, 0), out) + others


def _tokens(usage: Usage, of: Mapping[str, int]) -> Iterator[PriceLine]:
    lasting = usage.cache_write_1h if "cache_write_1h" in of else 0
    given = (
        ("cached_input", usage.cached_input),
        ("cache_write_1h", lasting),
        ("cache_write", usage.cache_write - lasting),
        ("audio_input", usage.audio_input),
        ("image_input", usage.image_input),
    )
    made = (("audio_output", usage.audio_output), ("image_output", usage.image_output), ("reasoning", usage.reasoning))
    yield from _split("input", usage.input, given, of)
    yield from _split("output", usage.output, made, of)


def _split(whole: str, total: int, parts: tuple[tuple[str, int], ...], of: Mapping[str, int]) -> Iterator[PriceLine]:
    """A total's parts at their own rates, then the rest. Parts that overlap never add up to more than the total."""
    left = max(total, 0)
    for unit, count in parts:
        if count > 0 and unit in of:
            taken = min(count, left)
            left -= taken
            yield from _line(unit, taken, of[unit])
    if whole in of:
        yield from _line(whole, left, of[whole])


def _others(rates: Rates, searches: int, calls: int, measures: Measures) -> Iterator[PriceLine]:
    for unit, count in (("search", searches), ("character", measures.characters), ("call", calls)):
        if unit in rates.units:
            yield from _line(unit, count, rates.units[unit])
    for images in measures.images:
        if rates.images:
            key, rate = _entry(rates.images, f"{images.size}/{images.quality}", images.size, images.quality)
            yield from _line(_named("image", key), images.count, rate)
    if rates.seconds:
        key, rate = _entry(rates.seconds, measures.resolution)
        yield from _seconds(_named("second", key), measures.seconds, rate)


def _entry(table: Mapping[str, int], *keys: str) -> tuple[str, int]:
    """The first key that the table has. What it does not name costs what its dearest entry does: never nothing."""
    found = next((key for key in (*keys, ANY) if key in table), None) or max(table, key=lambda key: table[key])
    return found, table[found]


def _named(unit: str, key: str) -> str:
    return unit if key == ANY else f"{unit} {key}"


def _line(unit: str, quantity: int, rate: int) -> Iterator[PriceLine]:
    if quantity > 0:
        yield PriceLine(unit, quantity, rate, _amount(quantity, rate))


def _seconds(unit: str, seconds: float, rate: int) -> Iterator[PriceLine]:
    milliseconds = round(seconds * 1000)
    if milliseconds > 0:
        quantity = milliseconds / 1000 if milliseconds % 1000 else milliseconds // 1000
        yield PriceLine(unit, quantity, rate, _halves_up(milliseconds * rate, 1000 * MILLION))


def _amount(quantity: int, rate: int) -> int:
    return _halves_up(quantity * rate, MILLION)


def _halves_up(product: int, divisor: int) -> int:
    return (2 * product + divisor) // (2 * divisor)
