"""A key's own limit: over a day, a month, or in total, with what is held counted as spent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from ..ledger import Period, Refusal, Reservation, Spend
from ..storage import Account, Storage
from .contract import Contract
from .money import reservation, sums
from .samples import record


def moment(written: str) -> float:
    return datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp()


def limited(n: object, at: str, amount: int = 10, quota: int | None = 10, period: Period = "total", **more: Any) -> Reservation:
    when = moment(at)
    return reservation(n, amount, at=when, expires_at=when + 600, quota_nano=quota, period=period, **more)


class QuotaContract(Contract):
    @pytest_asyncio.fixture
    async def spender(self, storage: Storage) -> Storage:
        """With an account that is never short of anything but its keys' quotas."""
        await storage.add_account(Account(name="acme", unlimited=True))
        return storage

    @pytest.mark.parametrize(
        ("period", "then", "later"),
        [
            ("day", "2024-02-28T23:59:59", "2024-02-29T00:00:00"),
            ("month", "2024-02-29T23:59:59", "2024-03-01T00:00:00"),
            ("month", "2023-12-31T23:59:59", "2024-01-01T00:00:00"),
        ],
    )
    async def test_a_quota_begins_anew_with_its_period(self, spender: Storage, period: Period, then: str, later: str) -> None:
        assert await spender.reserve(limited(1, then, period=period)) is None
        await spender.settle(record(1, at=moment(then), cost_nano=10), "key_1")
        assert await spender.reserve(limited(2, then, 1, period=period)) == Refusal(short="quota", available_nano=0)
        assert await spender.reserve(limited(3, later, period=period)) is None
        assert await spender.reserve(limited(4, later, 1, period=period)) == Refusal(short="quota", available_nano=0)
        assert (await sums(spender))[1:] == (10, 0, 10)

    @pytest.mark.parametrize(
        ("period", "first", "last"),
        [
            ("day", "2024-02-29T00:00:00", "2024-02-29T23:59:59"),
            ("month", "2024-02-01T00:00:00", "2024-02-29T23:59:59"),
            ("total", "2023-02-01T00:00:00", "2026-02-28T23:59:59"),
        ],
    )
    async def test_within_a_period_everything_counts(self, spender: Storage, period: Period, first: str, last: str) -> None:
        assert await spender.reserve(limited(1, first, 3, period=period)) is None
        await spender.settle(record(1, at=moment(first), cost_nano=4), "key_1")
        assert await spender.reserve(limited(2, first, 3, period=period)) is None
        assert await spender.reserve(limited(3, last, 4, period=period)) == Refusal(short="quota", available_nano=3)
        assert await spender.reserve(limited(4, last, 3, period=period)) is None

    async def test_a_quota_given_later_or_for_another_period_knows_what_was_spent(self, spender: Storage) -> None:
        today = "2024-02-29T12:00:00"
        for n, at in enumerate(["2024-01-01T12:00:00", "2024-02-01T12:00:00", today]):
            assert await spender.reserve(limited(n, at, quota=None)) is None
            await spender.settle(record(n, at=moment(at), cost_nano=5), "key_1")
        await spender.reserve(limited("open", today, 1, quota=None))
        periods: list[tuple[Period, int]] = [("day", 6), ("month", 11), ("total", 16)]
        for period, used in periods:
            refusal = await spender.reserve(limited("x", today, 100, quota=100, period=period))
            assert refusal == Refusal(short="quota", available_nano=100 - used)

    async def test_what_counts_against_a_quota_is_told_for_each_period(self, spender: Storage) -> None:
        today = "2024-02-29T12:00:00"
        for n, at in enumerate(["2024-01-01T12:00:00", "2024-02-01T12:00:00", today]):
            await spender.reserve(limited(n, at, quota=None))
            await spender.settle(record(n, at=moment(at), cost_nano=5), "key_1")
        await spender.reserve(limited("open", today, 7, quota=None))
        periods: list[tuple[Period, int]] = [("day", 5), ("month", 10), ("total", 15)]
        for period, spent in periods:
            assert await spender.spend("key_1", period, moment(today)) == Spend(spent_nano=spent, reserved_nano=7)
        assert await spender.spend("key_1", "day", moment("2024-03-01T00:00:00")) == Spend()
        assert await spender.spend("key_2", "total", moment(today)) == Spend()

    async def test_what_is_given_back_can_be_spent_again(self, spender: Storage) -> None:
        at = "2024-02-29T12:00:00"
        await spender.reserve(limited(1, at))
        await spender.release("1")
        await spender.reserve(limited(2, at))
        assert await spender.sweep(moment(at) + 601) == 1
        assert await spender.reserve(limited(3, at)) is None
        await spender.settle(record(3, at=moment(at), cost_nano=1), "key_1")
        assert await spender.reserve(limited(4, at, 9)) is None

    async def test_of_many_at_once_no_more_are_held_than_the_quota_is_for(self, spender: Storage) -> None:
        at = "2024-02-29T12:00:00"
        outcomes = await asyncio.gather(*(spender.reserve(limited(n, at, quota=45, period="day")) for n in range(20)))
        assert outcomes.count(None) == 4
        assert set(map(repr, filter(None, outcomes))) == {repr(Refusal(short="quota", available_nano=5))}

    async def test_each_key_has_its_own_quota_and_the_balance_comes_first(self, spender: Storage) -> None:
        at = "2024-02-29T12:00:00"
        await spender.add_account(Account(name="poor"))
        assert await spender.reserve(limited(1, at, key="key_1")) is None
        assert await spender.reserve(limited(2, at, key="key_2")) is None
        refusal = await spender.reserve(limited(3, at, account="poor"))
        assert refusal == Refusal(short="balance", available_nano=0)

    async def test_a_request_over_midnight_belongs_to_the_day_on_which_it_came(self, spender: Storage) -> None:
        before, after = "2024-02-28T23:59:59", "2024-02-29T00:00:00"
        await spender.reserve(limited(1, before, period="day"))
        await spender.settle(record(1, at=moment(after), cost_nano=10), "key_1")  # a clock that was corrected
        assert await spender.reserve(limited(2, before, period="day")) is None
        assert await spender.reserve(limited(3, after, 1, period="day")) == Refusal(short="quota", available_nano=0)
        assert (await sums(spender))[1:] == (10, 0, 10)
