"""What an empty database needs before anybody can ask: an account and a key."""

from __future__ import annotations

import time

from . import keys
from .ledger import Audit
from .storage import Account, Key, Storage


async def first_key(storage: Storage, prefix: str) -> str | None:
    """On an empty database: the account `default`, unlimited, and a key. The key's secret; None where there are keys."""
    if await storage.keys():
        return None
    if await storage.find_account("default") is None:
        account = Account(name="default", unlimited=True, created_at=time.time())
        await storage.add_account(account, audit=_first("account.create"))
    secret = keys.new_secret(prefix)
    await storage.add_key(
        Key(
            id=keys.new_id(),
            name="default",
            account="default",
            digest=keys.digest(secret),
            hint=keys.hint(secret),
            created_at=time.time(),
        ),
        audit=_first("key.create"),
    )
    return secret


def _first(action: str) -> Audit:
    return Audit(at=time.time(), actor="first start", action=action, target="default")
