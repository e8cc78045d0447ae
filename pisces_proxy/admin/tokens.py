"""Who may use the admin API: tokens of its own, kept hashed in one setting."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec

from ..errors import Unauthenticated
from ..keys import digest, hint, new_secret
from ..ledger import Audit
from ..storage import Storage

PREFIX = "pisces-admin-"
SETTING = "admin_tokens"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """The secret itself is nowhere; `created_at` in unix seconds."""

    name: str
    digest: str
    hint: str
    created_at: float


_decode = msgspec.json.Decoder(list[Token]).decode


async def tokens(storage: Storage) -> list[Token]:
    """All of them, the oldest first."""
    written = await storage.setting(SETTING)
    return _decode(written) if written else []


async def add(storage: Storage, name: str, audit: Audit | None = None) -> tuple[Token, str]:
    """A new token, and its secret for this once. ValueError for a name that is taken."""
    there = await tokens(storage)
    if any(token.name == name for token in there):
        raise ValueError(f"an admin token named {name!r} exists already")
    secret = new_secret(PREFIX)
    token = Token(name=name, digest=digest(secret), hint=hint(secret), created_at=time.time())
    await _keep(storage, [*there, token], audit)
    return token, secret


async def remove(storage: Storage, name: str, audit: Audit | None = None) -> bool:
    """Whether there was one."""
    there = await tokens(storage)
    left = [token for token in there if token.name != name]
    if len(left) == len(there):
        return False
    await _keep(storage, left, audit)
    return True


async def _keep(storage: Storage, kept: list[Token], audit: Audit | None) -> None:
    await storage.set_setting(SETTING, msgspec.json.encode(kept).decode() if kept else None, audit=audit)


async def bearer(storage: Storage, headers: Mapping[str, str]) -> Token:
    """The token of a request. Asked anew each time: a token that is taken away is gone at once."""
    scheme, _, secret = headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated(
            "The admin API wants a token of its own: `Authorization: Bearer pisces-admin-...`. "
            "Make one with `pisces admin token create NAME`.",
            code="missing_token",
        )
    hashed = digest(secret.strip())
    for token in await tokens(storage):
        if token.digest == hashed:
            return token
    raise Unauthenticated("This is not an admin token. `pisces admin token list` shows those that exist.", code="invalid_token")
