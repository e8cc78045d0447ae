"""What the models that are served cost now, and what their channels pay."""

from __future__ import annotations

import time

from .. import pricing
from ..pricebook import PriceBook, cost_price
from ..storage import Key
from ..world import World
from . import told
from .asked import PricesQuery
from .desk import Call, Desk, paged

ANYBODY = Key(id="", name="", account="", digest="")  # may use every model


async def list_prices(desk: Desk, call: Call[PricesQuery, None]) -> told.Prices:
    gateway, wanted = desk.gateway, call.query.model
    served = dict.fromkeys(model.id for model in gateway.world.models(ANYBODY))
    names = [wanted] if wanted is not None else [*served | dict.fromkeys(gateway.config.prices)]
    page, cursor = paged(names, call.query, str)
    return told.Prices(data=[price(name, gateway.book, gateway.world) for name in page], next_cursor=cursor)


def price(model: str, book: PriceBook, world: World) -> told.Price:
    """By the first channel that serves it, as it is billed there."""
    now, candidates = time.time(), world.routes.candidates(model)
    upstream, provider = (candidates[0].model, candidates[0].target.channel.provider) if candidates else ("", "")
    found = book.lookup(model, now, upstream=upstream, provider=provider)
    paid = {one.target.channel.name: cost_price(one.target.channel.cost, now, model, one.model) for one in candidates}
    return told.Price(
        model=model,
        source=found.source if found else None,
        rates=_rates(found) if found else None,
        costs={channel: _rates(rates) for channel, rates in paid.items() if rates is not None},
    )


def _rates(rates: pricing.Rates) -> told.Rates:
    return told.Rates(
        free=rates.free,
        units=dict(rates.units),
        tiers=list(rates.tiers),
        images=dict(rates.images),
        seconds=dict(rates.seconds),
    )
