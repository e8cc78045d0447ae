"""`pisces prices`: what a model costs here, and where that price comes from."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from .context import json_option, unknown

if TYPE_CHECKING:
    from ..config import Config
    from ..pricebook import PriceBook
    from ..pricing import Rates

_COLUMNS = ("input", "output", "cached_input", "cache_write")  # the list shows these; one model shows all


@click.command()
@click.argument("model", required=False)
@click.option("--config", "path", metavar="FILE", help="Default: channels.toml where it exists.")
@json_option
def prices(model: str | None, path: str | None, as_json: bool) -> None:
    """What models cost: [price] tables over the built-in book. USD per million tokens unless it says otherwise.

    \b
    pisces prices                       every model that the channels name
    pisces prices gpt-4o                one model: tiers, images, seconds, what the channels pay
    """
    from ..config import load
    from ..pricebook import PriceBook
    from .tables import print_json

    config = load(path)
    book = PriceBook(config.prices)
    names = _upstreams(config)
    if model is not None:
        _one(model, config, book, names, as_json)
        return
    told = [_told(name, book, *names[name]) for name in names]
    if as_json:
        print_json(told)
        return
    _list(told)


def _upstreams(config: Config) -> dict[str, tuple[str, str]]:
    """Public names, with the upstream's name and provider of the first channel that has it."""
    names = {name: ("", "") for name in config.prices}
    for channel in config.channels:
        for name, upstream in channel.models.items():
            if name != "*" and not names.get(name, ("", ""))[0]:
                names[name] = (upstream, channel.provider)
    return names


def _one(model: str, config: Config, book: PriceBook, names: Mapping[str, tuple[str, str]], as_json: bool) -> None:
    from .tables import print_fields, print_json

    told = _told(model, book, *names.get(model, ("", "")))
    if told["source"] is None and model not in names:
        raise unknown("price for", model, names, "pisces prices")
    told["cost"] = dict(_costs(model, config))
    if as_json:
        print_json(told)
        return
    print_fields(f"Price of {model}", [("source", _source(told)), *_fields(told)])
    for channel, cost in told["cost"].items():
        print_fields(f"What channel {channel} pays", list(_fields(cost)))


def _costs(model: str, config: Config) -> Iterator[tuple[str, dict[str, Any]]]:
    from ..pricebook import cost_price

    for channel in config.channels:
        upstream = channel.models.get(model) or (model if "*" in channel.models else "")
        rates = cost_price(channel.cost, time.time(), model, upstream) if upstream else None
        if rates is not None:
            yield channel.name, _rates(rates)


def _told(model: str, book: PriceBook, upstream: str, provider: str) -> dict[str, Any]:
    rates = book.lookup(model, time.time(), upstream=upstream, provider=provider)
    return {"model": model, "source": None} if rates is None else {"model": model, "source": rates.source, **_rates(rates)}


def _rates(rates: Rates) -> dict[str, Any]:
    """Nano-dollars per million of each unit."""
    return {
        "free": rates.free,
        "units": dict(rates.units),
        "tiers": [{"above": tier.above, "units": dict(tier.units)} for tier in rates.tiers],
        "images": dict(rates.images),
        "seconds": dict(rates.seconds),
    }


def _list(told: list[dict[str, Any]]) -> None:
    from .tables import print_table

    rows = [[row["model"], *(_cell(row, unit) for unit in _COLUMNS), _more(row), _source(row)] for row in told]
    columns = ["model", *(name.replace("_", " ") for name in _COLUMNS), "more", "source"]
    print_table("Prices, USD per million tokens", columns, rows, right=columns[1:-2])


def _cell(row: Mapping[str, Any], unit: str) -> str:
    rate = row.get("units", {}).get(unit)
    return "" if rate is None else _dollars(rate)


def _more(row: Mapping[str, Any]) -> str:
    """Names of what else is priced."""
    units = [unit.replace("_", " ") for unit in row.get("units", {}) if unit not in _COLUMNS]
    return ", ".join([*units, *(name for name in ("images", "seconds", "tiers") if row.get(name))])


def _source(row: Mapping[str, Any]) -> str:
    if row["source"] is None:
        return "no price: refused to accounts with a balance"
    return f"{row['source']}, free" if row["free"] else str(row["source"])


def _fields(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _units(row.get("units", {}))
    for tier in row.get("tiers", ()):
        yield f"above {tier['above']:,} tokens", "\n".join(f"{name} {rate}" for name, rate in _units(tier["units"]))
    for what, one in (("images", "image"), ("seconds", "second")):
        for key, rate in row.get(what, {}).items():
            yield f"{one} {key}".removesuffix(" *"), f"{_dollars(rate, 1_000_000)} each"


def _units(units: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for unit, rate in units.items():
        if unit in ("search", "call"):
            yield unit, f"{_dollars(rate, 1_000_000)} each"
        else:
            yield unit.replace("_", " "), f"{_dollars(rate)} per million"


def _dollars(nano_per_million: int, per: int = 1) -> str:
    """Exact, at least cents."""
    whole, _, fraction = format(Decimal(nano_per_million).scaleb(-9) / per, "f").partition(".")
    return f"${int(whole):,}.{fraction.rstrip('0').ljust(2, '0')}"


commands: list[click.Command] = [prices]
