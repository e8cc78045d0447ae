"""Balances: what is credited, held, settled, given back; once each, and never more than there is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from ..ledger import Reservation
from ..storage import Account, Storage
from .contract import Contract
from .samples import NOON, record

Verb = Callable[[], Awaitable[object]]


def reservation(n: object, amount: int = 10, **fields: Any) -> Reservation:
    given = {"account": "acme", "key": "key_1", "at": NOON, "expires_at": NOON + 600, **fields}
    return Reservation(request_id=str(n), amount_nano=amount, **given)


async def funded(storage: Storage, amount: int, **fields: Any) -> None:
    """Account `acme` with this balance."""
    await storage.add_account(Account(name="acme", **fields))
    if amount:
        await storage.credit("acme", amount, id="opening")


async def sums(storage: Storage, account: str = "acme") -> tuple[int, int, int, int]:
    """Balance, reserved, credited, spent; after everything has been recomputed."""
    verification = await storage.verify()
    assert verification.ok, verification.problems
    found = await storage.balance(account)
    assert found is not None
    return found.balance_nano, found.reserved_nano, found.credited_nano, found.spent_nano


async def kinds(storage: Storage, **filters: Any) -> list[tuple[str, int]]:
    return [(entry.kind, entry.amount_nano) for entry in await storage.ledger(**filters)]


class MoneyContract(Contract):
    async def test_an_account_begins_with_nothing(self, storage: Storage) -> None:
        await storage.add_account(Account(name="acme", credit_line_nano=7))
        balance = await storage.balance("acme")
        assert balance is not None
        assert (balance.balance_nano, balance.available_nano, balance.unlimited) == (0, 7, False)
        assert await storage.balance("nobody") is None

    async def test_what_an_account_may_owe_can_change(self, storage: Storage) -> None:
        await funded(storage, 5)
        before = await storage.version()
        changed = await storage.change_account("acme", {"unlimited": True, "credit_line_nano": 3})
        assert changed == Account(name="acme", unlimited=True, credit_line_nano=3)
        assert await storage.find_account("acme") == changed
        assert await storage.version() != before
        assert (await storage.balance("acme")).available_nano is None  # type: ignore[union-attr]
        assert await storage.change_account("nobody", {"unlimited": True}) is None
        impossible: list[dict[str, object]] = [{"name": "other"}, {"credit_line_nano": "much"}, {"colour": "red"}]
        for changes in impossible:
            with pytest.raises(ValueError):
                await storage.change_account("acme", changes)

    async def test_credits_and_adjustments_count_once_for_each_id(self, storage: Storage) -> None:
        await storage.add_account(Account(name="acme"))
        for _ in range(3):
            assert (await storage.credit("acme", 100, id="a", note="paid", actor="cli")).balance_nano == 100
        for _ in range(2):
            assert (await storage.adjust("acme", -130, id="a")).balance_nano == -30
        assert (await storage.credit("acme", 100, id="b")).balance_nano == 70
        assert await sums(storage) == (70, 0, 200, 0)
        assert await kinds(storage) == [("credit", 100), ("adjust", -130), ("credit", 100)]
        first = (await storage.ledger(limit=1))[0]
        assert (first.account, first.request_id, first.note, first.actor) == ("acme", "a", "paid", "cli")

    async def test_another_credit_under_a_known_id_does_not_pass_for_done(self, storage: Storage) -> None:
        await funded(storage, 100)
        await storage.add_account(Account(name="other"))
        for account, amount in (("acme", 101), ("other", 100)):
            with pytest.raises(ValueError, match="opening"):
                await storage.credit(account, amount, id="opening")
        assert await sums(storage) == (100, 0, 100, 0)

    async def test_a_credit_needs_an_account_and_an_amount(self, storage: Storage) -> None:
        await storage.add_account(Account(name="acme"))
        for account, amount in (("acme", 0), ("acme", -1), ("nobody", 1)):
            with pytest.raises(ValueError):
                await storage.credit(account, amount, id="x")
        with pytest.raises(ValueError):
            await storage.adjust("nobody", -1, id="x")
        assert await kinds(storage) == []

    async def test_a_balance_beyond_all_numbers_is_refused_and_harms_nobody(self, storage: Storage) -> None:
        await storage.add_account(Account(name="acme"))
        outcomes = await asyncio.gather(*(storage.credit("acme", 2**62, id=str(n)) for n in range(3)), return_exceptions=True)
        assert sorted(isinstance(outcome, ValueError) for outcome in outcomes) == [False, True, True]
        assert await sums(storage) == (2**62, 0, 2**62, 0)

    # -- one request's way

    async def test_a_request_reserves_and_settles(self, storage: Storage) -> None:
        await funded(storage, 100)
        assert await storage.reserve(reservation("r", 40)) is None
        assert await sums(storage) == (100, 40, 100, 0)
        await storage.settle(record("r", cost_nano=25), "key_1")
        assert await sums(storage) == (75, 0, 100, 25)
        assert await kinds(storage) == [("credit", 100), ("reserve", 40), ("settle", 25)]
        assert await storage.record("r") == record("r", cost_nano=25)
        rows = await storage.ledger(request_id="r")
        assert {(row.account, row.key, row.request_id, row.at) for row in rows} == {("acme", "key_1", "r", NOON)}

    async def test_a_request_may_cost_more_than_it_reserved(self, storage: Storage) -> None:
        await funded(storage, 10)
        assert await storage.reserve(reservation("r", 10)) is None
        await storage.settle(record("r", cost_nano=35), "key_1")
        assert await sums(storage) == (-25, 0, 10, 35)
        refusal = await storage.reserve(reservation("s", 1))
        assert refusal is not None
        assert (refusal.short, refusal.available_nano) == ("balance", -25)

    @pytest.mark.parametrize("cost", [0, 7])
    @pytest.mark.parametrize("reserved", [False, True])
    async def test_a_settle_row_is_there_where_money_was_touched(self, storage: Storage, reserved: bool, cost: int) -> None:
        await funded(storage, 100)
        if reserved:
            await storage.reserve(reservation("r", 40))
        await storage.settle(record("r", account="acme", cost_nano=cost), "key_1")
        expected = [("settle", cost)] if reserved or cost else []
        assert [row for row in await kinds(storage) if row[0] == "settle"] == expected
        assert await sums(storage) == (100 - cost, 0, 100, cost)
        assert await storage.record("r") is not None

    @pytest.mark.parametrize("reserved", [False, True])
    @pytest.mark.parametrize("cost", [0, 5])
    async def test_a_second_settle_changes_nothing(self, storage: Storage, reserved: bool, cost: int) -> None:
        await funded(storage, 100)
        if reserved:
            await storage.reserve(reservation("r", 40))
        first = record("r", account="acme", cost_nano=cost)
        await asyncio.gather(*(storage.settle(first, "key_1") for _ in range(5)))
        await storage.settle(record("r", account="acme", cost_nano=50, at=NOON + 9), "key_1")
        await storage.finish(record("r", account="acme", cost_nano=60))
        assert await sums(storage) == (100 - cost, 0, 100, cost)
        assert await storage.record("r") == first
        assert [group.requests for group in await storage.usage()] == [1]

    @pytest.mark.parametrize("cost", [0, 25])
    @pytest.mark.parametrize("reserved", [False, True])
    async def test_a_request_that_is_over_is_not_held_again(self, storage: Storage, reserved: bool, cost: int) -> None:
        await funded(storage, 100)
        if reserved:
            await storage.reserve(reservation("r", 40))
        await storage.settle(record("r", account="acme", cost_nano=cost), "key_1")
        assert await storage.reserve(reservation("r", 40)) is None
        assert await sums(storage) == (100 - cost, 0, 100, cost)

    @pytest.mark.parametrize("again", [0, 25])
    async def test_a_settle_long_after_its_row_was_pruned_changes_nothing(self, storage: Storage, again: int) -> None:
        await funded(storage, 100)
        await storage.reserve(reservation("r", 40))
        for cost in (25, again):
            await storage.settle(record("r", account="acme", cost_nano=cost), "key_1")
            await storage.prune(NOON + 1)
        assert await sums(storage) == (75, 0, 100, 25)
        assert [group.requests for group in await storage.usage()] == [1]
        assert await storage.record("r") is None

    async def test_a_row_that_was_finished_first_says_what_is_settled(self, storage: Storage) -> None:
        await funded(storage, 100)
        await storage.reserve(reservation("r", 40))
        await storage.finish(record("r", cost_nano=25))
        await storage.settle(record("r", cost_nano=30), "key_1")
        assert await sums(storage) == (75, 0, 100, 25)

    async def test_what_is_held_is_held_once(self, storage: Storage) -> None:
        await funded(storage, 100)
        assert await asyncio.gather(*(storage.reserve(reservation("r", 60)) for _ in range(5))) == [None] * 5
        assert await sums(storage) == (100, 60, 100, 0)

    async def test_a_release_gives_back_what_was_held_and_leaves_no_record(self, storage: Storage) -> None:
        await funded(storage, 100)
        await storage.reserve(reservation("r", 60))
        for _ in range(3):
            await storage.release("r")
        await storage.release("unknown")
        assert await sums(storage) == (100, 0, 100, 0)
        assert await kinds(storage, request_id="r") == [("reserve", 60), ("release", 60)]
        assert await storage.record("r") is None
        assert await storage.reserve(reservation("r", 30)) is None
        assert await sums(storage) == (100, 30, 100, 0)

    async def test_an_expired_reservation_is_swept_and_its_request_still_settles(self, storage: Storage) -> None:
        await funded(storage, 100)
        for n, until in enumerate([5.0, 6.0, 600.0]):
            await storage.reserve(reservation(n, 10, expires_at=NOON + until))
        assert await storage.sweep(NOON) == 0
        assert await storage.sweep(NOON + 6) == 2
        assert await storage.sweep(NOON + 6) == 0
        assert await sums(storage) == (100, 10, 100, 0)
        await storage.settle(record(0, account="acme", cost_nano=7), "key_1")
        await storage.settle(record(0, account="acme", cost_nano=7), "key_1")
        assert await sums(storage) == (93, 10, 100, 7)
        assert await kinds(storage, request_id="0") == [("reserve", 10), ("release", 10), ("settle", 7)]

    async def test_the_sums_of_a_negative_amount_are_refused(self, storage: Storage) -> None:
        await funded(storage, 100)
        impossible: list[Verb] = [
            lambda: storage.reserve(reservation("r", -1)),
            lambda: storage.settle(record("r", account="acme", cost_nano=-1), "key_1"),
        ]
        for verb in impossible:
            with pytest.raises(ValueError):
                await verb()
        assert await sums(storage) == (100, 0, 100, 0)

    # -- never more than there is

    @pytest.mark.parametrize("n", [1, 20])
    async def test_of_five_times_as_many_as_the_balance_is_for_exactly_so_many_are_held(self, storage: Storage, n: int) -> None:
        await funded(storage, n * 10 + 9)
        outcomes = await asyncio.gather(*(storage.reserve(reservation(i, 10)) for i in range(5 * n)))
        assert outcomes.count(None) == n
        assert {(refusal.short, refusal.available_nano) for refusal in outcomes if refusal} == {("balance", 9)}
        assert await sums(storage) == (n * 10 + 9, n * 10, n * 10 + 9, 0)

    async def test_a_credit_line_is_as_far_as_it_goes(self, storage: Storage) -> None:
        await funded(storage, 10, credit_line_nano=15)
        outcomes = [await storage.reserve(reservation(n, 10)) for n in range(3)]
        assert [outcome is None for outcome in outcomes] == [True, True, False]
        assert outcomes[2] is not None
        assert outcomes[2].available_nano == 5

    async def test_an_unlimited_account_is_never_short_and_its_rows_are_kept(self, storage: Storage) -> None:
        await funded(storage, 0, unlimited=True)
        assert await storage.reserve(reservation("r", 2**60)) is None
        await storage.settle(record("r", cost_nano=2**60), "key_1")
        assert await sums(storage) == (-(2**60), 0, 0, 2**60)
        assert await kinds(storage) == [("reserve", 2**60), ("settle", 2**60)]

    async def test_nothing_is_held_for_an_account_that_is_not_there(self, storage: Storage) -> None:
        refusal = await storage.reserve(reservation("r", 1))
        assert refusal is not None
        assert (refusal.short, refusal.available_nano) == ("balance", 0)

    # -- the ledger

    async def test_the_ledger_is_read_in_pages_by_account_and_by_request(self, storage: Storage) -> None:
        for account in ("acme", "other"):
            await storage.add_account(Account(name=account))
            await storage.credit(account, 1000, id=account)
        for n in range(6):
            await storage.reserve(reservation(n, 10, account="acme" if n % 2 else "other"))
        seen: list[int] = []
        while page := await storage.ledger(after=seen[-1] if seen else 0, limit=3):
            seen += [entry.id for entry in page]
        assert seen == sorted(set(seen))
        assert len(seen) == 8
        mine = await storage.ledger(account="acme")
        assert [entry.request_id for entry in mine] == ["acme", "1", "3", "5"]
        assert [entry.request_id for entry in await storage.ledger(account="acme", after=mine[1].id)] == ["3", "5"]
        assert await kinds(storage, request_id="2") == [("reserve", 10)]
        assert await kinds(storage, request_id="2", account="acme") == []

    async def test_every_verb_once_more_changes_nothing(self, storage: Storage) -> None:
        verbs: list[Verb] = [
            lambda: storage.add_account(Account(name="acme")),
            lambda: storage.credit("acme", 100, id="c"),
            lambda: storage.adjust("acme", -1, id="a"),
            lambda: storage.reserve(reservation("r", 40)),
            lambda: storage.settle(record("r", cost_nano=25), "key_1"),
            lambda: storage.reserve(reservation("s", 40)),
            lambda: storage.release("s"),
            lambda: storage.reserve(reservation("t", 40, expires_at=NOON)),
            lambda: storage.sweep(NOON),
        ]
        for verb in verbs:
            await verb()
            once = msgspec.json.encode((await storage.ledger(), await storage.balance("acme")))
            await verb()
            assert msgspec.json.encode((await storage.ledger(), await storage.balance("acme"))) == once
        assert await sums(storage) == (74, 0, 100, 25)
        assert (await storage.verify()).rows == 8
