"""The constructors that the data of `genai-prices` calls, by its names: each keeps only what a lookup needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Protocol

import msgspec

__all__ = [
    "ArrayMatch", "ClauseAnd", "ClauseContains", "ClauseEndsWith", "ClauseEquals", "ClauseOr", "ClauseRegex",
    "ClauseStartsWith", "ConditionalPrice", "ModelInfo", "ModelPrice", "PriceVariant", "Provider", "StartDateConstraint",
    "Tier", "TieredPrices", "TimeOfDateConstraint", "UsageExtractor", "UsageExtractorMapping",
]  # fmt: skip


class Clause(Protocol):
    """What a name must be like. Asked with names in lower case."""

    def is_match(self, text: str) -> bool: ...


class ClauseEquals(msgspec.Struct, frozen=True):
    equals: str

    def is_match(self, text: str) -> bool:
        return text == self.equals.lower()


class ClauseContains(msgspec.Struct, frozen=True):
    contains: str

    def is_match(self, text: str) -> bool:
        return self.contains.lower() in text


class ClauseStartsWith(msgspec.Struct, frozen=True):
    starts_with: str

    def is_match(self, text: str) -> bool:
        return text.startswith(self.starts_with.lower())


class ClauseEndsWith(msgspec.Struct, frozen=True):
    ends_with: str

    def is_match(self, text: str) -> bool:
        return text.endswith(self.ends_with.lower())


class ClauseRegex(msgspec.Struct, frozen=True):
    regex: str

    def is_match(self, text: str) -> bool:
        return re.search(self.regex, text) is not None


class ClauseOr(msgspec.Struct, frozen=True):
    or_: list[Any]

    def is_match(self, text: str) -> bool:
        return any(clause.is_match(text) for clause in self.or_)


class ClauseAnd(msgspec.Struct, frozen=True):
    and_: list[Any]

    def is_match(self, text: str) -> bool:
        return all(clause.is_match(text) for clause in self.and_)


class Tier(msgspec.Struct, frozen=True):
    start: int
    price: Decimal


class TieredPrices(msgspec.Struct, frozen=True):
    base: Decimal
    tiers: list[Tier]

    def __post_init__(self) -> None:
        self.tiers.sort(key=lambda tier: tier.start)


class ModelPrice(SimpleNamespace):
    """A price for each unit that has one, by the package's name for it: a Decimal or TieredPrices."""


class StartDateConstraint(msgspec.Struct, frozen=True):
    start_date: date


class TimeOfDateConstraint(msgspec.Struct, frozen=True):
    start_time: time
    end_time: time


class ConditionalPrice(msgspec.Struct, frozen=True):
    constraint: StartDateConstraint | TimeOfDateConstraint | None = None
    prices: ModelPrice = ModelPrice()


class ModelInfo:
    """A model: how it is called, what it costs."""

    __slots__ = ("id", "match", "prices")

    def __init__(self, id: str, match: Clause, prices: ModelPrice | list[ConditionalPrice], **_told: Any) -> None:
        self.id, self.match, self.prices = id, match, prices


class Provider:
    """A vendor and its models."""

    def __init__(
        self,
        id: str,
        models: list[ModelInfo],
        model_match: Clause | None = None,
        provider_match: Clause | None = None,
        fallback_model_providers: Sequence[str] | None = None,
        **_told: Any,
    ) -> None:
        self.id, self.models = id, models
        self.model_match, self.provider_match = model_match, provider_match
        self._lends = fallback_model_providers or ()

    def find_model(self, model_ref: str, *, all_providers: Sequence[Provider] = ()) -> ModelInfo | None:
        """By the name, then with a date such as -20251211 written as -2025-12-11; here, then where this vendor's come from."""
        name = model_ref.lower()
        dashed = _COMPACT_DATE.sub(_dashed, name)
        return next((found for each in dict.fromkeys((name, dashed)) if (found := self._found(each, all_providers))), None)

    def _found(self, name: str, others: Sequence[Provider]) -> ModelInfo | None:
        if own := next((model for model in self.models if model.match.is_match(name)), None):
            return own
        lenders = (next((each for each in others if each.id == id), None) for id in self._lends)
        return next((found for lender in lenders if lender and (found := lender._found(name, ()))), None)


_COMPACT_DATE = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


def _dashed(found: re.Match[str]) -> str:
    try:
        return f"-{date(int(found[1]), int(found[2]), int(found[3]))}"
    except ValueError:  # the 31st of February
        return found[0]


def _unread(**_told: Any) -> None:
    """What no lookup needs."""


UsageExtractor = UsageExtractorMapping = ArrayMatch = PriceVariant = _unread
