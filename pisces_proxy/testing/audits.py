"""Who changed what: written with the change, in one transaction, or neither is."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import pytest

from ..ledger import Audit
from ..storage import Account, Key, Storage
from .contract import Contract
from .processes import start
from .samples import FULL_KEY, NOON

BOB = Key(id="key_2", name="bob", account="acme", digest="cd" * 32)


def audit(n: object) -> Audit:
    return Audit(at=NOON, actor="ops", action="test", target=str(n), detail={"n": [1, None, "é"]})


async def written(storage: Storage) -> list[str]:
    return [found.target for found in await storage.audits(limit=1000)]


async def change(storage: Storage, n: object = "") -> None:
    """Every verb that an operator's change goes through, in order."""
    await storage.add_account(Account(name=f"acme{n}"), audit=audit(f"{n}account"))
    await storage.change_account(f"acme{n}", {"enabled": False, "credit_line_nano": 5}, audit=audit(f"{n}terms"))
    await storage.credit(f"acme{n}", 100, id=f"c{n}", audit=audit(f"{n}credit"))
    await storage.adjust(f"acme{n}", -1, id=f"c{n}", audit=audit(f"{n}adjust"))
    await storage.add_key(msgspec.structs.replace(FULL_KEY, enabled=False), audit=audit(f"{n}key"))
    await storage.change_key(FULL_KEY.id, {"rpm": 7}, audit=audit(f"{n}limit"))
    await storage.set_setting("off", "1", audit=audit(f"{n}setting"))


VERBS = ["account", "terms", "credit", "adjust", "key", "limit", "setting"]


class AuditContract(Contract):
    async def test_a_change_and_its_audit_are_written_together(self, storage: Storage) -> None:
        await change(storage)
        assert await storage.delete_key(FULL_KEY.id, audit=audit("gone"))
        found = await storage.audits(limit=1000)
        assert [msgspec.structs.replace(one, id=0) for one in found] == [audit(verb) for verb in [*VERBS, "gone"]]

    async def test_what_changes_nothing_leaves_no_audit(self, storage: Storage) -> None:
        await change(storage)
        changed = msgspec.structs.replace(FULL_KEY, rpm=7)
        await storage.change_account("acme", {"enabled": False}, audit=audit("again"))
        await storage.credit("acme", 100, id="c", audit=audit("again"))
        await storage.adjust("acme", -1, id="c", audit=audit("again"))
        await storage.add_key(changed, audit=audit("again"))
        await storage.change_key(FULL_KEY.id, {"rpm": 7}, audit=audit("again"))
        await storage.set_setting("off", "1", audit=audit("again"))
        await storage.set_setting("never", None, audit=audit("again"))
        await storage.change_account("nobody", {"enabled": True}, audit=audit("again"))
        await storage.change_key("nobody", {"rpm": 1}, audit=audit("again"))
        await storage.delete_key("nobody", audit=audit("again"))
        assert await written(storage) == VERBS

    async def test_what_is_refused_leaves_no_audit(self, storage: Storage) -> None:
        await change(storage)
        refused = [
            storage.add_account(Account(name="acme", unlimited=True), audit=audit("refused")),
            storage.change_account("acme", {"colour": "red"}, audit=audit("refused")),
            storage.credit("nobody", 1, id="x", audit=audit("refused")),
            storage.credit("acme", 99, id="c", audit=audit("refused")),
            storage.adjust("acme", 2**62, id="y", audit=audit("refused")),
            storage.adjust("acme", 2**62, id="z", audit=audit("refused")),
            storage.add_key(msgspec.structs.replace(BOB, name=FULL_KEY.name), audit=audit("refused")),
            storage.change_key(FULL_KEY.id, {"rpm": "many"}, audit=audit("refused")),
        ]
        outcomes = await asyncio.gather(*refused, return_exceptions=True)
        fits = outcomes.pop(4)  # the first of the two that only together are too much
        assert not isinstance(fits, BaseException)
        assert {type(outcome) for outcome in outcomes} == {ValueError}
        assert await written(storage) == [*VERBS, "refused"]

    async def test_a_change_whose_audit_cannot_be_written_is_not_made(self, storage: Storage) -> None:
        impossible = Audit(at=NOON, actor="ops", action="half a letter: \ud800", target="x")
        with pytest.raises(ValueError):
            await storage.add_account(Account(name="acme"), audit=impossible)
        assert await storage.find_account("acme") is None
        assert await written(storage) == []

    async def test_audits_are_read_page_by_page(self, storage: Storage) -> None:
        for n in range(5):
            await storage.set_setting("off", str(n), audit=audit(n))
        first = await storage.audits(limit=2)
        rest = await storage.audits(after=first[-1].id)
        assert [found.target for found in (*first, *rest)] == ["0", "1", "2", "3", "4"]

    @pytest.mark.parametrize("moment", [0, 2, 20, 60])
    async def test_after_kill_9_every_change_has_its_audit_and_every_audit_its_change(self, url: str, moment: int) -> None:
        async with self.opened(url):
            pass
        child = await start(self.factory, url, _OPERATOR)
        assert child.stdout is not None
        for _ in range(moment):
            await child.stdout.readline()
        child.kill()
        await child.stdout.read()
        await child.wait()
        async with self.opened(url) as storage:
            made = [f"credit {row.request_id}" for row in await storage.ledger(limit=10**6)]
            made += [f"account {account.name}" for account in await storage.accounts()]
            made += [f"key {key.name}" for key in await storage.keys()]
            made += [f"limit {key.name}" for key in await storage.keys() if key.rpm]
            assert Counter(found.target for found in await storage.audits(limit=10**6)) == Counter(made)


_OPERATOR = """
    def audit(what, name):
        return Audit(at=1.0, actor="ops", action="test", target=f"{what} {name}")
    async def operator(letter):
        for n in range(100_000):
            name = f"{letter}-{n}"
            await storage.add_account(Account(name=name), audit=audit("account", name))
            await storage.credit(name, 1, id=name, audit=audit("credit", name))
            await storage.add_key(Key(id=name, name=name, account=name, digest=name), audit=audit("key", name))
            await storage.change_key(name, {"rpm": 1}, audit=audit("limit", name))
            print(name, flush=True)
    await asyncio.gather(*(operator(letter) for letter in "abcdefgh"))
"""
