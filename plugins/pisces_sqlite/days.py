"""Days in UTC, by their number since 1970; months as the days they have."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime

LENGTH = 86_400


def day_of(at: float) -> int:
    return int(at // LENGTH)


def month_of(at: float) -> tuple[int, int]:
    """Its first day, and the first day of the next."""
    moment = datetime.fromtimestamp(at, UTC)
    first = day_of(at) - moment.day + 1
    return first, first + monthrange(moment.year, moment.month)[1]
