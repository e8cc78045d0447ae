"""What the models that are served cost now, and what their channels pay."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .. import pricing
from ..plugin import LocalProvider
from ..pricebook import cost_price
from ..routing import Candidate
from ..storage import Key
from . import told
from .asked import PricesQuery
from .desk import Call, Desk, paged

if TYPE_CHECKING:
    from ..gateway import Gateway

ANYBODY = Key(id="", name="", account="", digest="")  # may use every model


async def list_prices(desk: Desk, call: Call[PricesQuery, None]) -> told.Prices:
    gateway, wanted = desk.gateway, call.query.model
    served = dict.fromkeys(model.id for model in gateway.world.models(ANYBODY))
    names = [wanted] if wanted is not None else [*served | dict.fromkeys(gateway.config.prices)]
    page, cursor = paged(names, call.query, str)
    return told.Prices(data=[price(name, gateway) for name in page], next_cursor=cursor)


def price(model: str, gateway: Gateway) -> told.Price:
    """By the first channel that serves it, as it is billed there; the tables' own word for a model that none serves."""
    now, candidates = time.time(), gateway.world.routes.candidates(model)
    found = _sale(gateway, model, candidates[0], now) if candidates else gateway.billing.book.lookup(model, now)
    paid = {one.target.channel.name: cost_price(one.target.channel.cost, now, model, one.model) for one in candidates}
    return told.Price(
        model=model,
        source=found.source if found else None,
        rates=_rates(found) if found else None,
        costs={channel: _rates(rates) for channel, rates in paid.items() if rates is not None},
    )


def _sale(gateway: Gateway, model: str, candidate: Candidate, now: float) -> pricing.Rates | None:
    """What runs in this process costs nothing where no table prices it."""
    found = gateway.billing.rates(model, candidate.target, candidate.model, now)
    local = isinstance(candidate.target.provider, LocalProvider)
    return pricing.Rates(free=True, source="served here") if found is None and local else found


def _rates(rates: pricing.Rates) -> told.Rates:
    return told.Rates(
        free=rates.free,
        units=dict(rates.units),
        tiers=list(rates.tiers),
        images=dict(rates.images),
        seconds=dict(rates.seconds),
    )
