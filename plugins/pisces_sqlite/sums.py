"""Sums that the rows of one batch change together: written once, before it commits."""

from __future__ import annotations

import sqlite3
from typing import Any

from pisces_proxy.storage import Record

from . import rows
from .days import day_of

Day = tuple[int, str, str, str, str]  # day, account, key, model, channel

_ADD = (
    "INSERT INTO usage_days VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (day, account, key, model, channel) DO UPDATE SET requests = requests + excluded.requests, "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in rows.DAY_SUMS)
)


class Writing(sqlite3.Connection):
    """The connection that writes, and what its open transaction still has to add up."""

    def __init__(self, *where: Any, **how: Any) -> None:
        super().__init__(*where, **how)
        self.days: dict[Day, tuple[int, ...]] = {}

    def wait_for_locks(self, seconds: float) -> None:
        """How long a transaction waits for another process's."""
        self.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")

    def add(self, record: Record) -> None:
        """A request into the sums of its day."""
        usage, days = record.usage, self.days
        day = (day_of(record.at), record.account, record.key, record.model, record.channel)
        cost, paid = record.cost_nano, record.upstream_cost_nano
        money = (cost, 0, 0) if paid is None else (cost, paid, cost - paid)
        more = (1, record.status >= 400, usage.input, usage.output, usage.cached_input, usage.reasoning, *money)
        known = days.get(day)
        days[day] = more if known is None else tuple(a + b for a, b in zip(known, more, strict=True))

    def write_sums(self) -> None:
        if self.days:
            self.executemany(_ADD, [(*day, *counts) for day, counts in self.days.items()])
            self.days = {}

    def forget_sums(self) -> None:
        """What they belonged to was rolled back."""
        self.days = {}
