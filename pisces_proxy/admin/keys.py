"""Clients' keys: a secret is in the answer that makes it and in no other."""

from __future__ import annotations

import ipaddress
import time

import msgspec
from msgspec import UNSET

from ..errors import BadRequest, Conflict, PiscesError
from ..keys import digest, hint, new_id, new_secret
from ..ledger import Audit
from ..storage import Key
from . import told
from .asked import KeyChange, KeyNew, KeysQuery, Nothing
from .desk import Call, Desk, audit, missing, moment, paged, printable, seconds


async def list_keys(desk: Desk, call: Call[KeysQuery, None]) -> told.Keys:
    account = call.query.account
    found = [key for key in await desk.storage.keys() if account is None or key.account == account]
    page, cursor = paged(found, call.query, lambda key: key.id)
    return told.Keys(data=[await _told(desk, key) for key in page], next_cursor=cursor)


async def create_key(desk: Desk, call: Call[Nothing, KeyNew]) -> told.KeyMade:
    new = call.body
    if await desk.storage.find_account(new.account) is None:
        raise missing("account", new.account, "account")
    secret = new_secret(desk.gateway.config.server.key_prefix)
    key = _made(new, secret)
    done = audit(call.actor, "key.create", key.id, {"name": key.name, "account": key.account, "kind": key.kind})
    try:
        await desk.storage.add_key(key, audit=done)
    except ValueError as error:
        raise _taken(error) from None
    return told.KeyMade(key=await _told(desk, key), secret=secret)


def _made(new: KeyNew, secret: str) -> Key:
    return Key(
        id=new_id(),
        name=printable(new.name, "name"),
        account=new.account,
        digest=digest(secret),
        hint=hint(secret),
        kind=new.kind,
        models=new.models,
        rpm=new.rpm,
        tpm=new.tpm,
        concurrency=new.concurrency,
        quota_nano=new.quota_nano,
        quota_period=new.quota_period,
        expires_at=seconds(new.expires_at, "expires_at"),
        networks=_networks(new.networks),
        images_as_text=new.images_as_text,
        created_at=time.time(),
    )


async def get_key(desk: Desk, call: Call[Nothing, None]) -> told.Key:
    return await _told(desk, await _key(desk, call.path["key"]))


async def change_key(desk: Desk, call: Call[Nothing, KeyChange]) -> told.Key:
    key = await _key(desk, call.path["key"])
    changes = _changes(call.body)
    if not changes:
        return await _told(desk, key)
    return await _told(desk, await _change(desk, key, changes, audit(call.actor, "key.change", key.id, changes)))


def _changes(body: KeyChange) -> dict[str, object]:
    changes = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    if isinstance(body.name, str):
        printable(body.name, "name")
    if body.expires_at is not UNSET:
        changes["expires_at"] = seconds(body.expires_at, "expires_at")
    if body.networks is not UNSET:
        changes["networks"] = _networks(body.networks)
    return changes


async def rotate_key(desk: Desk, call: Call[Nothing, None]) -> told.KeyMade:
    key = await _key(desk, call.path["key"])
    secret = new_secret(desk.gateway.config.server.key_prefix)
    changes: dict[str, object] = {"digest": digest(secret), "hint": hint(secret)}
    changed = await _change(desk, key, changes, audit(call.actor, "key.rotate", key.id))
    return told.KeyMade(key=await _told(desk, changed), secret=secret)


async def delete_key(desk: Desk, call: Call[Nothing, None]) -> None:
    key = await _key(desk, call.path["key"])
    done = audit(call.actor, "key.delete", key.id, {"name": key.name, "account": key.account})
    if not await desk.storage.delete_key(key.id, audit=done):
        raise missing("key", call.path["key"])


async def _change(desk: Desk, key: Key, changes: dict[str, object], done: Audit) -> Key:
    try:
        changed = await desk.storage.change_key(key.id, changes, audit=done)
    except ValueError as error:
        raise _taken(error) from None
    if changed is None:
        raise missing("key", key.id)
    return changed


async def _key(desk: Desk, name: str) -> Key:
    """By id, or by name."""
    found = {called: key for key in await desk.storage.keys() for called in (key.name, key.id)}
    if name not in found:
        raise missing("key", name)
    return found[name]


def _networks(written: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(network.strip(), strict=False)) for network in written)
    except ValueError as error:
        raise BadRequest(f"Not an address range: {error}.", param="networks", code="invalid_value") from None


def _taken(error: ValueError) -> PiscesError:
    message = str(error)
    return Conflict(f"{message[:1].upper()}{message[1:]}.", param="name", code="name_taken")


async def _told(desk: Desk, key: Key) -> told.Key:
    used = await desk.storage.spend(key.id, key.quota_period, time.time())
    return told.Key(
        id=key.id,
        name=key.name,
        account=key.account,
        hint=key.hint,
        kind=key.kind,
        enabled=key.enabled,
        models=None if key.models is None else list(key.models),
        rpm=key.rpm,
        tpm=key.tpm,
        concurrency=key.concurrency,
        quota_nano=key.quota_nano,
        quota_period=key.quota_period,
        quota_spent_nano=used.spent_nano,
        quota_reserved_nano=used.reserved_nano,
        expires_at=None if key.expires_at is None else moment(key.expires_at),
        networks=list(key.networks),
        images_as_text=key.images_as_text,
        created_at=moment(key.created_at),
    )
