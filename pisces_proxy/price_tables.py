"""The [price] tables of channels.toml as rates. Errors name the file, the line, the table and the key."""

from __future__ import annotations

import calendar
import datetime
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from .errors import ConfigError
from .pricing import ANY, MILLION, NANO, Dated, Rates, Schedule, Tier

DEAREST = 1_000_000  # USD for one of anything, or for a million tokens; more is a slip of the pen


class _TokenRates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    input: float | None = None
    output: float | None = None
    cached_input: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    reasoning: float | None = None
    audio_input: float | None = None
    audio_output: float | None = None
    image_input: float | None = None
    image_output: float | None = None


class PriceTier(_TokenRates, frozen=True):
    """[[price."model".tiers]]: rates for prompts of more than `above` tokens. What it does not name stays."""

    above: int


class Price(_TokenRates, frozen=True):
    """[price."model"]: USD per million tokens unless the name says otherwise; [[price."model"]], several, each with its
    `valid_from` (a UTC day). `per_image` and `per_second` are one number or a table by `size/quality` and by resolution."""

    per_image: float | dict[str, float] | None = None
    per_second: float | dict[str, float] | None = None
    per_million_characters: float | None = None
    per_search: float | None = None
    per_call: float | None = None
    tiers: tuple[PriceTier, ...] = ()
    valid_from: datetime.date | None = None
    free: bool = False


_TOKENS = _TokenRates.__struct_fields__
_SINGLE = {"per_call": "call", "per_search": "search"}


class _Mistake(Exception):
    """What is wrong, at which key (empty: the whole table), in which tier."""

    def __init__(self, key: str, said: str, tier: int | None = None) -> None:
        super().__init__(said)
        self.key = key
        self.tier = tier
        self.said = said


def _wrong(key: str, said: str) -> _Mistake:
    return _Mistake(key, f", key {key!r}: it {said}")


def read(raw: Any, text: str, source: str, table: str = "price", section: int = 0) -> dict[str, Schedule]:
    """The tables below `table`, by model. `section` is the number of lines of the text above the part they stand in."""
    where = _Where(text, source, table, section)
    if not isinstance(raw, Mapping):
        raise where.error("", 0, _Mistake("", f' must hold a table for each model. Write [{table}."a-model"].'))
    return {str(model): _schedule(str(model), value, where) for model, value in raw.items()}


def _schedule(model: str, value: Any, where: _Where) -> Schedule:
    dated: list[Dated] = []
    for number, entry in enumerate(value if isinstance(value, list) else [value]):
        try:
            dated.append(_dated(entry, where.source))
            if any(dated[-1].since == other.since for other in dated[:-1]):
                raise _wrong("valid_from", "is the same twice. Give each table of a model its own day.")
        except (_Mistake, msgspec.ValidationError) as error:
            raise where.error(model, number, error) from None
    return tuple(sorted(dated, key=lambda one: one.since or 0.0))


def _dated(entry: Any, source: str) -> Dated:
    table = msgspec.convert(entry, Price)
    since = float(calendar.timegm(table.valid_from.timetuple())) if table.valid_from else None
    return Dated(rates=_rates(table, source), since=since)


def _rates(table: Price, source: str) -> Rates:
    units = _token_units(table)
    if table.per_million_characters is not None:
        units["character"] = _nano("per_million_characters", table.per_million_characters)
    for key, unit in _SINGLE.items():
        if (dollars := getattr(table, key)) is not None:
            units[unit] = _nano(key, dollars, MILLION)
    rates = Rates(
        units=units,
        tiers=tuple(_tiers(table.tiers, units)),
        images=_entries("per_image", table.per_image),
        seconds=_entries("per_second", table.per_second),
        free=table.free,
        source=source,
    )
    priced = bool(rates.units or rates.images or rates.seconds or rates.tiers)
    if table.free and priced:
        raise _wrong("free", "stands beside rates. Leave one of them out.")
    if not table.free and not priced:
        raise _Mistake("", " names no rate. Write input = 2.5, output = 10 (USD per million tokens), or free = true.")
    return rates


def _token_units(table: _TokenRates) -> dict[str, int]:
    return {key: _nano(key, dollars) for key in _TOKENS if (dollars := getattr(table, key)) is not None}


def _tiers(tiers: Sequence[PriceTier], units: Mapping[str, int]) -> Iterator[Tier]:
    """Each on top of the one below it."""
    above = 0
    for number, tier in sorted(enumerate(tiers), key=lambda numbered: numbered[1].above):
        try:
            if tier.above <= above:
                raise _wrong("above", "must be above 0, and each tier's its own.")
            above, units = tier.above, {**units, **_token_units(tier)}
        except _Mistake as mistake:
            mistake.tier = number
            raise
        yield Tier(above=above, units=units)


def _entries(key: str, value: float | Mapping[str, float] | None) -> dict[str, int]:
    if value is None:
        return {}
    table = value if isinstance(value, Mapping) else {ANY: value}
    return {name: _nano(key, dollars, MILLION) for name, dollars in table.items()}


def _nano(key: str, dollars: float, times: int = 1) -> int:
    """Nano-dollars per million, exactly as the digits were written."""
    written = Decimal(repr(dollars))
    if not written.is_finite() or not 0 <= written <= DEAREST:
        raise _wrong(key, f"must be from 0 to {DEAREST:,} USD.")
    rate = written * times * NANO
    if rate != rate.to_integral_value():
        raise _wrong(key, f"has too many decimals: {written:f} USD. At most {9 if times == 1 else 15} can be kept.")
    return int(rate)


# -- messages that say where -------------------------------------------------------------------------------------------

_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")
_PATH = re.compile(r" - at `\$([^`]*)`")


class _Where(msgspec.Struct, frozen=True):
    """The text that the tables stand in, to find a line again."""

    text: str
    source: str
    table: str
    section: int

    def error(self, model: str, number: int, error: _Mistake | msgspec.ValidationError) -> ConfigError:
        mistake = error if isinstance(error, _Mistake) else _explained(str(error))
        named = f'[{self.table}."{model}"]' if model else f"[{self.table}]"
        line = self._line(model, number, mistake.tier, mistake.key)
        return ConfigError(f"{self.source}:{line}: {named}{mistake.said}")

    def _line(self, model: str, number: int, tier: int | None, key: str) -> int:
        lines = self.text.splitlines()
        name = rf"[\"']?{re.escape(model)}[\"']?"
        start = _nth(lines, rf"\s*\[\[?\s*{re.escape(self.table)}\s*\.\s*{name}\s*\]", number, self.section)
        start = start or _nth(lines, rf".*{name}", 0, self.section) or self.section + 1
        if tier is not None:
            start = _nth(lines, rf"\s*\[\[\s*{re.escape(self.table)}\s*\.\s*{name}\s*\.\s*tiers\s*\]", tier, start) or start
        return (key and _nth(lines, rf".*(^|[\s{{,.\"'])({re.escape(key)})[\"']?\s*=", 0, start - 1, inside=True)) or start


def _nth(lines: Sequence[str], pattern: str, number: int, start: int, *, inside: bool = False) -> int | None:
    """The line of the pattern's so-manieth match behind line `start`; `inside`: before the next table begins."""
    seen = -1
    for at, line in enumerate(lines[start:], start + 1):
        if inside and at > start + 1 and line.lstrip().startswith("["):
            return None
        seen += re.match(pattern, line) is not None
        if seen == number:
            return at
    return None


def _explained(message: str) -> _Mistake:
    path = _PATH.search(message)
    steps = [name or number for name, number in _STEP.findall(path[1])] if path else []
    tier = int(steps[1]) if steps[:1] == ["tiers"] and len(steps) > 1 else None
    if unknown := _UNKNOWN.search(message):
        known = (PriceTier if tier is not None else Price).__struct_fields__
        nearest = difflib.get_close_matches(unknown[1], known, 1, 0.5)
        hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Known here: {', '.join(known)}."
        return _Mistake(unknown[1], f" has no key {unknown[1]!r}. {hint}", tier)
    if missing := _MISSING.search(message):
        return _Mistake("", f" needs a key {missing[1]!r} in each of its tiers.", tier)
    key = next((step for step in reversed(steps) if not step.isdigit()), "")
    return _Mistake(key, f"{f', key {key!r}' if key else ''}: {message.split(' - at ')[0]}.", tier)
