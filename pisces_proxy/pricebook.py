"""Which prices are in force for a model: the [price] tables over the book that comes with the package `genai-prices`.

The package stays unread until the first model that no table prices (or `load`): its 2,300 models take some 12 MB and a
fifth of a second. It is never asked to fetch anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from .pricing import ANY, MILLION, NANO, Dated, Rates, Schedule, Tier, in_force

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, Provider, TieredPrices

_REMEMBERED = 4096  # models; clients may ask for any name
_LONGEST = 200  # characters of a model's name
_SOURCE = "built-in"

# what the package calls a unit, ours, and how many USD per million of ours one USD per theirs is
_UNITS: Mapping[str, tuple[str, Decimal]] = {
    "input_mtok": ("input", Decimal(1)),
    "output_mtok": ("output", Decimal(1)),
    "cache_read_mtok": ("cached_input", Decimal(1)),
    "cache_write_mtok": ("cache_write", Decimal(1)),
    "cache_write_1h_mtok": ("cache_write_1h", Decimal(1)),
    "output_reasoning_mtok": ("reasoning", Decimal(1)),
    "input_audio_mtok": ("audio_input", Decimal(1)),
    "output_audio_mtok": ("audio_output", Decimal(1)),
    "input_image_mtok": ("image_input", Decimal(1)),
    "output_image_mtok": ("image_output", Decimal(1)),
    "input_mchars": ("character", Decimal(1)),
    "web_searches_kcount": ("search", Decimal(1000)),
    "requests_kcount": ("call", Decimal(1000)),
}
_HOURS = ("input_audio_hours", "audio_hours", "output_audio_hours")


class PriceBook:
    """Prices by model. `built_in=False`: the tables alone."""

    def __init__(self, tables: Mapping[str, Schedule] | None = None, *, built_in: bool = True) -> None:
        self.tables = dict(tables or {})
        self._folded = {name.casefold(): schedule for name, schedule in self.tables.items()}
        self._built_in = built_in
        self._found: dict[tuple[str, str, str], tuple[Schedule, ...]] = {}

    def load(self) -> None:
        """Read the built-in book now: at start and in a thread, so that no request waits for it."""
        if self._built_in:
            _providers()

    def lookup(self, model: str, at: float, *, upstream: str = "", provider: str = "") -> Rates | None:
        """The rates at a time (unix seconds), None for a model without a price.

        A [price] table for the public name comes first, then one for the upstream's name, then the built-in book by
        the same two names, then by them at the channel's `provider`.
        """
        asked = (model, upstream, provider)
        if asked not in self._found:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[asked] = tuple(self._schedules(*asked))
        for schedule in self._found[asked]:
            if rates := in_force(schedule, at):
                return rates
        return None

    def _schedules(self, model: str, upstream: str, provider: str) -> Iterator[Schedule]:
        names = list(dict.fromkeys(name for name in (model, upstream) if name))
        yield from (found for name in names if (found := _named(self.tables, self._folded, name)))
        if self._built_in:
            hints = ("", provider) if provider else ("",)
            yield from (found for hint in hints for name in names if (found := built_in(name, hint)))


def cost_price(cost: Mapping[str, Schedule], at: float, model: str, upstream: str = "") -> Rates | None:
    """What a channel's upstream charges for a model, by the channel's own `cost` tables; None where they do not say."""
    if not cost:
        return None
    folded = {name.casefold(): schedule for name, schedule in cost.items()}
    found = _named(cost, folded, upstream) or _named(cost, folded, model) or cost.get(ANY)
    return in_force(found, at) if found else None


def _named(tables: Mapping[str, Schedule], folded: Mapping[str, Schedule], name: str) -> Schedule | None:
    """By the name as it is written, then whatever its case."""
    return tables.get(name) or folded.get(name.casefold())


def built_in(model: str, provider: str = "") -> Schedule | None:
    """The package's prices for a model, at a provider or at the maker of the model; None where it has none."""
    if len(model) > _LONGEST:
        return None
    providers = _providers()
    vendor = _vendor(providers, provider) if provider else _maker(providers, model.lower())
    found = vendor.find_model(model, all_providers=providers) if vendor else None
    return _schedule(found) if found else None


def _providers() -> list[Provider]:
    from genai_prices.data_snapshot import get_snapshot

    return get_snapshot().providers


def _vendor(providers: list[Provider], name: str) -> Provider | None:
    from genai_prices.data_snapshot import find_provider_by_id

    return find_provider_by_id(providers, name)


def _maker(providers: Iterable[Provider], model: str) -> Provider | None:
    return next((one for one in providers if one.model_match is not None and one.model_match.is_match(model)), None)


def _schedule(model: ModelInfo) -> Schedule | None:
    prices = model.prices
    dated = [_dated(one) for one in prices] if isinstance(prices, list) else [Dated(rates=_rates(prices))]
    priced = tuple(one for one in dated if one.rates.units or one.rates.seconds)
    return priced or None


def _dated(price: ConditionalPrice) -> Dated:
    from genai_prices.types import StartDateConstraint

    rates = _rates(price.prices)
    match price.constraint:
        case None:
            return Dated(rates=rates)
        case StartDateConstraint(start_date=day):
            return Dated(rates=rates, since=datetime.combine(day, time(), UTC).timestamp())
        case hours:
            return Dated(rates=rates, hours=(_second(hours.start_time), _second(hours.end_time)))


def _second(moment: time) -> float:
    """The second of the UTC day; a time without a zone is in UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.combine(date(2000, 1, 2), aware).timestamp() % 86_400


def _rates(price: ModelPrice) -> Rates:
    given = {ours: (value, scale) for theirs, (ours, scale) in _UNITS.items() if (value := getattr(price, theirs)) is not None}
    steps = sorted({tier.start for value, _ in given.values() if not isinstance(value, Decimal) for tier in value.tiers})
    hours = next((value for name in _HOURS if (value := getattr(price, name)) is not None), None)
    return Rates(
        units=_units(given, 0),
        tiers=tuple(Tier(above=start, units=_units(given, start + 1)) for start in steps),
        seconds={} if hours is None else {ANY: _nano(_at(hours, 0) * MILLION / 3600)},
        source=_SOURCE,
    )


def _units(given: Mapping[str, tuple[Decimal | TieredPrices, Decimal]], prompt: int) -> dict[str, int]:
    return {unit: _nano(_at(value, prompt) * scale) for unit, (value, scale) in given.items()}


def _at(value: Decimal | TieredPrices, prompt: int) -> Decimal:
    if isinstance(value, Decimal):
        return value
    return next((tier.price for tier in reversed(value.tiers) if prompt > tier.start), value.base)


def _nano(dollars: Decimal) -> int:
    return int((dollars * NANO).quantize(Decimal(1), ROUND_HALF_UP))
