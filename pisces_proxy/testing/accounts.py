"""Accounts, keys, settings, secrets: kept as given, and seen by others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from ..storage import Account, Key, Storage
from .contract import Contract
from .samples import FULL_KEY, FULL_RECORD


class AccountContract(Contract):
    async def test_an_account_is_found_as_it_was_added(self, storage: Storage) -> None:
        account = Account(name="acme", unlimited=True, created_at=5.5)
        await storage.add_account(account)
        assert await storage.find_account("acme") == account
        assert await storage.find_account("ACME") is None
        assert list(await storage.accounts()) == [account]

    async def test_adding_the_same_again_changes_nothing_and_another_of_that_name_is_refused(self, storage: Storage) -> None:
        for _ in range(2):
            await storage.add_account(Account(name="acme"))
            await storage.add_key(FULL_KEY)
        with pytest.raises(ValueError, match="acme"):
            await storage.add_account(Account(name="acme", unlimited=True))
        with pytest.raises(ValueError, match="alice"):
            await storage.add_key(msgspec.structs.replace(FULL_KEY, id="key_2", digest="cd" * 32))
        with pytest.raises(ValueError):
            await storage.add_key(msgspec.structs.replace(FULL_KEY, id="key_2", name="bob"))
        assert [key.id for key in await storage.keys()] == ["key_1"]

    @pytest.mark.parametrize("key", [FULL_KEY, Key(id="key_1", name="n", account="a", digest="00")], ids=["full", "bare"])
    async def test_a_key_is_found_by_its_digest_as_it_was_added(self, storage: Storage, key: Key) -> None:
        await storage.add_key(key)
        assert await storage.find_key(key.digest) == key
        assert await storage.find_key("nobody") is None
        assert list(await storage.keys()) == [key]

    @pytest.mark.parametrize(
        "changes",
        [{"enabled": True}, {"digest": "ef" * 32, "hint": "1234"}, {"models": None, "networks": ()}, {"expires_at": None}, {}],
        ids=lambda changes: "+".join(changes) or "nothing",
    )
    async def test_a_key_changes_in_the_named_fields_only(self, storage: Storage, changes: dict[str, Any]) -> None:
        await storage.add_key(FULL_KEY)
        expected = msgspec.structs.replace(FULL_KEY, **changes)
        assert await storage.change_key("key_1", changes) == expected
        assert await storage.change_key("key_1", changes) == expected
        assert await storage.find_key(expected.digest) == expected

    async def test_a_change_that_cannot_be_is_refused(self, storage: Storage) -> None:
        await storage.add_key(FULL_KEY)
        await storage.add_key(Key(id="key_2", name="bob", account="acme", digest="cd" * 32))
        impossible: list[dict[str, object]] = [{"colour": "red"}, {"id": "key_3"}, {"rpm": "many"}, {"name": "bob"}]
        for changes in impossible:
            with pytest.raises(ValueError):
                await storage.change_key("key_1", changes)
        assert await storage.change_key("key_9", {"enabled": True}) is None
        assert await storage.find_key(FULL_KEY.digest) == FULL_KEY

    async def test_a_deleted_key_is_gone(self, storage: Storage) -> None:
        await storage.add_key(FULL_KEY)
        assert await storage.delete_key("key_1") is True
        assert await storage.delete_key("key_1") is False
        assert await storage.find_key(FULL_KEY.digest) is None

    # -- settings and secrets

    async def test_a_setting_is_kept_until_it_is_taken_away(self, storage: Storage) -> None:
        assert await storage.setting("off") is None
        for value in ("[]", "[1]", "", None):
            await storage.set_setting("off", value)
            assert await storage.setting("off") == value

    async def test_a_secret_is_made_once(self, storage: Storage, url: str) -> None:
        first, *others = await asyncio.gather(*(storage.secret("seals") for _ in range(10)))
        assert len(first) == 32
        assert set(others) == {first}
        assert await storage.secret("other") != first
        async with self.opened(url) as second:
            assert await second.secret("seals") == first

    async def test_the_version_changes_with_keys_accounts_and_settings_only(self, storage: Storage) -> None:
        changes: list[Callable[[], Awaitable[object]]] = [
            lambda: storage.add_account(Account(name="acme")),
            lambda: storage.add_key(FULL_KEY),
            lambda: storage.change_key("key_1", {"enabled": True}),
            lambda: storage.delete_key("key_1"),
            lambda: storage.set_setting("off", "1"),
            lambda: storage.set_setting("off", None),
        ]
        for change in changes:
            before = await storage.version()
            await change()
            assert await storage.version() != before
        await storage.set_setting("off", "2")
        before = await storage.version()
        await storage.set_setting("off", "2")
        await storage.finish(FULL_RECORD)
        await storage.ready()
        assert await storage.version() == before
