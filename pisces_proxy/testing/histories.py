"""Any history at all: the storage does what a model of a few lines does, and its sums are always those of its rows."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from ..ledger import Period, Reservation
from ..storage import Account, Storage
from .contract import Contract, opened
from .samples import NOON, record

Answer = TypeVar("Answer")
DAY = 86_400
_numbers = itertools.count()  # an account of its own for each history: they share one database
_amounts = st.just(0) | st.integers(0, 50)
_requests = st.sampled_from("abcdef")
_moments = st.sampled_from([NOON, NOON + DAY, NOON + 30 * DAY])


def _begin(period: Period, at: float) -> tuple[int, ...]:
    """Which day, or which month, in UTC."""
    return time.gmtime(at)[: 3 if period == "day" else 2]


class HistoryContract(Contract):
    async def test_the_storage_does_what_the_model_does(self, url: str) -> None:
        await asyncio.to_thread(_try_histories, self.factory, url)


def _try_histories(factory: str, url: str) -> None:
    with asyncio.Runner() as runner:
        storage_of_all = opened(factory, url)
        storage = runner.run(storage_of_all.__aenter__())

        class History(Shop):
            def do(self, verb: Callable[[Storage], Awaitable[Answer]]) -> Answer:
                async def wait() -> Answer:
                    return await verb(storage)

                return runner.run(wait())

        limits = settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        try:
            run_state_machine_as_test(History, settings=limits)
        finally:
            runner.run(storage_of_all.__aexit__(None, None, None))


class Shop(RuleBasedStateMachine):
    """One account, one key, six requests, and what must be true of them."""

    def do(self, verb: Callable[[Storage], Awaitable[Answer]]) -> Answer:
        raise AssertionError("the test says on which storage")

    @initialize(line=st.sampled_from([0, 0, 20]), unlimited=st.sampled_from([False, False, False, True]))
    def begin(self, line: int, unlimited: bool) -> None:
        self.name = f"account-{next(_numbers)}"
        self.line, self.unlimited = line, unlimited
        self.deposits: dict[tuple[str, str], int] = {}
        self.held: dict[str, tuple[int, float, float]] = {}  # amount, when, until when
        self.settled: dict[str, tuple[int, float]] = {}  # cost, when
        self.free: set[str] = set()  # those of them that left no row in the ledger
        self.forgotten = 0  # settled, free and pruned: nothing is left of them but a number
        self.problems = set(self.do(lambda storage: storage.verify()).problems)
        self.rows = 0  # of the ledger
        account = Account(name=self.name, unlimited=unlimited, credit_line_nano=line)
        self.do(lambda storage: storage.add_account(account))

    # -- what the model says

    @property
    def balance(self) -> int:
        return sum(self.deposits.values()) - sum(cost for cost, _ in self.settled.values())

    @property
    def reserved(self) -> int:
        return sum(amount for amount, *_ in self.held.values())

    @property
    def available(self) -> int:
        return self.balance + self.line - self.reserved

    def used(self, period: Period, at: float) -> int:
        moves = [(amount, when) for amount, when, _ in self.held.values()] + list(self.settled.values())
        if period == "total":
            return sum(amount for amount, _ in moves)
        return sum(amount for amount, when in moves if _begin(period, when) == _begin(period, at))

    def id(self, request: str) -> str:
        return f"{self.name}-{request}"

    # -- what can happen

    @rule(id=st.sampled_from("xyz"), amount=st.integers(1, 60))
    def credit(self, id: str, amount: int) -> None:
        self._deposit(("credit", id), amount, lambda storage: storage.credit(self.name, amount, id=self.id(id)))

    @rule(id=st.sampled_from("xyz"), amount=st.integers(-30, 30))
    def adjust(self, id: str, amount: int) -> None:
        self._deposit(("adjust", id), amount, lambda storage: storage.adjust(self.name, amount, id=self.id(id)))

    def _deposit(self, which: tuple[str, str], amount: int, verb: Callable[[Storage], Awaitable[Any]]) -> None:
        if self.deposits.get(which, amount) != amount:
            try:
                self.do(verb)
            except ValueError:
                return
            raise AssertionError("another amount passed for done")
        self.rows += which not in self.deposits
        self.deposits[which] = amount
        assert self.do(verb).balance_nano == self.balance

    @rule(
        request=_requests,
        amount=_amounts,
        at=_moments,
        lasts=st.sampled_from([1, 10 * DAY]),
        quota=st.none() | st.integers(0, 80),
        period=st.sampled_from(["day", "month", "total"]),
    )
    def reserve(self, request: str, amount: int, at: float, lasts: int, quota: int | None, period: Period) -> None:
        asked = Reservation(
            request_id=self.id(request), account=self.name, key=self.name, amount_nano=amount, at=at, expires_at=at + lasts,
            quota_nano=quota, period=period,
        )  # fmt: skip
        refusal = self.do(lambda storage: storage.reserve(asked))
        if request in self.held or request in self.settled:
            assert refusal is None
        elif not self.unlimited and amount > self.available:
            assert refusal is not None
            assert (refusal.short, refusal.available_nano) == ("balance", self.available)
        elif quota is not None and amount > quota - self.used(period, at):
            assert refusal is not None
            assert (refusal.short, refusal.available_nano) == ("quota", quota - self.used(period, at))
        else:
            assert refusal is None
            self.held[request] = (amount, at, at + lasts)
            self.rows += 1

    @rule(request=_requests, cost=_amounts, at=_moments)
    def settle(self, request: str, cost: int, at: float) -> None:
        done = record(self.id(request), account=self.name, key=self.name, cost_nano=cost, at=at)
        self.do(lambda storage: storage.settle(done, self.name))
        if request not in self.settled:
            if self.held.pop(request, None) is None and not cost:
                self.free.add(request)
            self.settled[request] = (cost, at)
            self.rows += request not in self.free

    @rule(request=_requests)
    def release(self, request: str) -> None:
        self.do(lambda storage: storage.release(self.id(request)))
        self.rows += self.held.pop(request, None) is not None

    @rule(now=_moments)
    def sweep(self, now: float) -> None:
        expired = [request for request, (_, _, until) in self.held.items() if until <= now]
        # the database is shared with the histories before this one, and some of theirs may expire as well
        assert self.do(lambda storage: storage.sweep(now)) >= len(expired)
        for request in expired:
            del self.held[request]
            self.rows += 1

    @precondition(lambda self: self.settled)
    @rule(seconds=st.integers(-1, 2 * DAY))
    def prune(self, seconds: int) -> None:
        self.do(lambda storage: storage.prune(NOON + seconds))
        gone = {request for request in self.free if self.settled[request][1] < NOON + seconds}
        for request in gone:
            del self.settled[request]
        self.free -= gone
        self.forgotten += len(gone)

    # -- what is always true

    @invariant()
    def the_balance_is_the_models(self) -> None:
        found = self.do(lambda storage: storage.balance(self.name))
        assert found is not None
        assert (found.balance_nano, found.reserved_nano) == (self.balance, self.reserved)
        credited = sum(amount for (kind, _), amount in self.deposits.items() if kind == "credit")
        assert (found.credited_nano, found.spent_nano) == (credited, sum(cost for cost, _ in self.settled.values()))

    @invariant()
    def the_rows_add_up_to_it(self) -> None:
        rows = self.do(lambda storage: storage.ledger(account=self.name))
        signs = {"credit": 1, "adjust": 1, "settle": -1, "reserve": 0, "release": 0}
        assert sum(row.amount_nano * signs[row.kind] for row in rows) == self.balance
        assert len(rows) == self.rows
        settled = [row.request_id for row in rows if row.kind == "settle"]
        assert len(settled) == len(set(settled))

    @invariant()
    def usage_is_what_was_settled(self) -> None:
        groups = self.do(lambda storage: storage.usage(by="account", account=self.name))
        assert sum(group.requests for group in groups) == len(self.settled) + self.forgotten
        assert sum(group.cost_nano for group in groups) == sum(cost for cost, _ in self.settled.values())

    @invariant()
    def verification_finds_nothing(self) -> None:
        assert set(self.do(lambda storage: storage.verify()).problems) <= self.problems
