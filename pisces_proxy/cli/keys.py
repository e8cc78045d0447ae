"""`pisces keys`: who may ask. A secret is shown when it is made and never again."""

from __future__ import annotations

import asyncio
import time
from typing import Any, get_args

import click

from ..ledger import Period, Spend
from ..storage import Account, Key, Storage
from . import values
from .audits import audit
from .context import json_option, open_storage, refusals, storage_options, unknown

_PER: dict[Period, str] = {"day": "a day", "month": "a month", "total": "in total"}
DEFAULT = "default"  # the account of those who do not sell: unlimited, made when it is first needed


@click.group()
def keys() -> None:
    """Make, list and take away the keys of clients.

    \b
    pisces keys create alice
    pisces keys create shop --account acme --models gpt-4o,claude-sonnet-4 --rpm 60 --expires 30d
    pisces keys change shop --quota 50 --quota-period month --rpm none
    pisces keys disable alice
    """


@keys.command()
@click.argument("name", type=values.name)
@click.option("--account", default=DEFAULT, show_default=True, metavar="A", help="Who pays.")
@click.option("--models", type=values.models, metavar="M1,M2", help="The only models it may use. Default: all.")
@click.option("--rpm", type=click.IntRange(1), metavar="N", help="Requests per minute.")
@click.option("--tpm", type=click.IntRange(1), metavar="N", help="Tokens per minute.")
@click.option("--concurrency", type=click.IntRange(1), metavar="N", help="Requests at one time.")
@click.option("--quota", type=values.dollars, metavar="USD", help="What it may spend.")
@click.option(
    "--quota-period",
    type=click.Choice(get_args(Period)),
    default="total",
    show_default=True,
    help="When that begins anew (UTC).",
)
@click.option("--expires", type=values.duration, metavar="30d", help="When it ends: after 12h, 30d, ...")
@click.option("--ip", "networks", type=values.network, metavar="CIDR", multiple=True, help="Where from; may be repeated.")
@click.option("--images-as-text", is_flag=True, help="Gemini clients get pictures as base64 in parts[].text.")
@click.option("--kind", type=click.Choice(["live", "test"]), default="live", show_default=True, help="test: demo only, free.")
@storage_options
@json_option
def create(path: str | None, database: str | None, as_json: bool, **given: Any) -> None:
    """Make a key and print its secret, once. Works before the gateway's first start.

    \b
    pisces keys create alice
    pisces keys create ci --kind test --expires 12h
    pisces keys create shop --account acme --models gpt-4o,gpt-4o-mini --rpm 60 --quota 25 --ip 10.0.0.0/8
    """
    key, secret = asyncio.run(_create(path, database, given))
    _show_secret(key, secret, as_json)


async def _create(path: str | None, database: str | None, given: dict[str, Any]) -> tuple[Key, str]:
    from ..keys import digest, hint, new_id

    secret, now = _new_secret(path), time.time()
    key = Key(
        id=new_id(),
        name=given["name"],
        account=given["account"],
        digest=digest(secret),
        hint=hint(secret),
        kind=given["kind"],
        models=given["models"],
        rpm=given["rpm"],
        tpm=given["tpm"],
        concurrency=given["concurrency"],
        quota_nano=given["quota"],
        quota_period=given["quota_period"],
        expires_at=None if given["expires"] is None else now + given["expires"],
        networks=given["networks"],
        images_as_text=given["images_as_text"],
        created_at=now,
    )
    async with open_storage(path, database) as storage:
        await _check_account(storage, key.account)
        with refusals():
            await storage.add_key(key, audit=audit("key.create", key.name, **_told(key)))
    return key, secret


def _new_secret(path: str | None) -> str:
    from ..config import load
    from ..keys import new_secret

    return new_secret(load(path).server.key_prefix)


async def _check_account(storage: Storage, name: str) -> None:
    if await storage.find_account(name) is not None:
        return
    if name != DEFAULT:
        known = [account.name for account in await storage.accounts()]
        raise unknown("account", name, known, f"pisces accounts list` or make it with `pisces accounts create {name}")
    account = Account(name=DEFAULT, unlimited=True, created_at=time.time())
    await storage.add_account(account, audit=audit("account.create", DEFAULT, unlimited=True))


def _show_secret(key: Key, secret: str, as_json: bool) -> None:
    from .tables import print_json

    if as_json:
        print_json(_made(key, secret))
        return
    click.echo(f"Key {key.name!r} ({key.id}) of account {key.account!r}, shown this once:\n\n{secret}\n")


def _made(key: Key, secret: str) -> dict[str, Any]:
    from .tables import moment

    return {
        "id": key.id,
        "name": key.name,
        "account": key.account,
        "key": secret,
        "kind": key.kind,
        "models": key.models,
        "rpm": key.rpm,
        "tpm": key.tpm,
        "concurrency": key.concurrency,
        "quota_nano": key.quota_nano,
        "expires_at": moment(key.expires_at),
        "created_at": moment(key.created_at),
    }


def _told(key: Key) -> dict[str, Any]:
    """The same without the secret, which nobody has any more."""
    fields = _made(key, "")
    del fields["key"]
    more = {"quota_period": key.quota_period, "hint": key.hint, "networks": key.networks, "enabled": key.enabled}
    return {**fields, **more, "images_as_text": key.images_as_text}


@keys.command("list")
@storage_options
@json_option
def list_keys(path: str | None, database: str | None, as_json: bool) -> None:
    """All keys, the oldest first."""
    from .tables import count, moment, print_json, print_table

    found = asyncio.run(_all(path, database))
    if as_json:
        print_json([_told(key) for key in found])
        return
    rows = [
        [
            key.name, key.id, f"…{key.hint}", key.account, key.kind, ", ".join(key.models or ["all"]), count(key.rpm),
            count(key.tpm), moment(key.expires_at) or "", _state(key),
        ]
        for key in found
    ]  # fmt: skip
    print_table(
        "Keys",
        ["name", "id", "secret", "account", "kind", "models", "rpm", "tpm", "expires", "state"],
        rows,
        right=("rpm", "tpm"),
    )


async def _all(path: str | None, database: str | None) -> list[Key]:
    async with open_storage(path, database) as storage:
        return list(await storage.keys())


def _state(key: Key) -> str:
    if not key.enabled:
        return "disabled"
    return "expired" if key.expires_at is not None and key.expires_at <= time.time() else "ready"


@keys.command()
@click.argument("name")
@storage_options
@json_option
def show(name: str, path: str | None, database: str | None, as_json: bool) -> None:
    """One key, by name or id."""
    from .tables import print_fields, print_json

    key, used = asyncio.run(_with_spend(path, database, name))
    if as_json:
        spent = {"quota_spent_nano": used.spent_nano, "quota_reserved_nano": used.reserved_nano}
        print_json(_told(key) | spent)
        return
    fields = _told(key) | {
        "hint": f"…{key.hint}",
        "models": ", ".join(key.models or ["all"]),
        "networks": ", ".join(key.networks) or "anywhere",
        "quota_nano": _quota(key, used),
        "quota_period": None,
        "images_as_text": "yes" if key.images_as_text else None,
        "enabled": _state(key),
    }
    titles = {"hint": "secret", "quota_nano": "quota", "enabled": "state"}
    shown = [(titles.get(field, field.removesuffix("_at")), value) for field, value in fields.items() if field != "name"]
    print_fields(f"Key {key.name}", shown)


async def _with_spend(path: str | None, database: str | None, name: str) -> tuple[Key, Spend]:
    async with open_storage(path, database) as storage:
        key = _one(list(await storage.keys()), name)
        return key, await storage.spend(key.id, key.quota_period, time.time())


def _quota(key: Key, used: Spend) -> str:
    from .tables import dollars

    if key.quota_nano is None:
        return ""
    held = f" and {dollars(used.reserved_nano)} held" if used.reserved_nano else ""
    return f"{dollars(key.quota_nano)} {_PER[key.quota_period]}, {dollars(used.spent_nano)} of it spent{held}"


def _one(found: list[Key], name: str) -> Key:
    """By name, or by id."""
    for key in found:
        if name in (key.id, key.name):
            return key
    raise unknown("key", name, [*(key.name for key in found), *(key.id for key in found)], "pisces keys list")


@keys.command()
@click.argument("name")
@click.option("--name", "new_name", type=values.name, metavar="N", help="What it is called from now on.")
@click.option("--models", type=values.or_none(values.models), metavar="M1,M2", help="The only models it may use.")
@click.option("--rpm", type=values.or_none(values.count), metavar="N", help="Requests per minute.")
@click.option("--tpm", type=values.or_none(values.count), metavar="N", help="Tokens per minute.")
@click.option("--concurrency", type=values.or_none(values.count), metavar="N", help="Requests at one time.")
@click.option("--quota", type=values.or_none(values.dollars), metavar="USD", help="What it may spend; what it has spent stays.")
@click.option("--quota-period", type=click.Choice(get_args(Period)), help="When that begins anew (UTC).")
@click.option("--expires", type=values.or_none(values.duration), metavar="30d", help="When it ends, counted from now.")
@click.option("--ip", "networks", type=values.or_none(values.network), metavar="CIDR", multiple=True, help="Where from.")
@click.option("--images-as-text/--no-images-as-text", default=None, help="Pictures as base64 in parts[].text, or not.")
@storage_options
@json_option
def change(name: str, path: str | None, database: str | None, as_json: bool, **given: Any) -> None:
    """Change what a key may do; what is left out stays, and none takes a limit away. Running gateways see it within a second.

    \b
    pisces keys change shop --rpm 120 --quota 50 --quota-period month
    pisces keys change shop --models none --expires none --ip none
    """
    from .tables import print_json

    changes = _changes(given)
    if not changes:
        raise click.UsageError("Say what to change, as --rpm 120 or --quota none. `pisces keys change --help` lists it all.")
    key = asyncio.run(_change(path, database, name, "key.change", changes))
    if as_json:
        print_json(_told(key))
        return
    click.echo(f"Key {key.name!r} is changed: {', '.join(changes)}. `pisces keys show {key.name}` shows it.")


def _changes(given: dict[str, Any]) -> dict[str, object]:
    """By the names of a Key's fields, as they are kept."""
    fields = {"new_name": "name", "quota": "quota_nano", "expires": "expires_at"}
    written = {fields.get(option, option): value for option, value in given.items() if value is not None and value != ()}
    changes = {field: None if value is values.NONE else value for field, value in written.items()}
    if changes.get("expires_at") is not None:
        changes["expires_at"] = time.time() + written["expires_at"]
    if "networks" in changes:
        changes["networks"] = tuple(network for network in written["networks"] if network is not values.NONE)
    return changes


@keys.command()
@click.argument("name")
@storage_options
def disable(name: str, path: str | None, database: str | None) -> None:
    """Refuse a key until it is enabled again. Running gateways see it within a second."""
    key = asyncio.run(_change(path, database, name, "key.disable", {"enabled": False}))
    click.echo(f"Key {key.name!r} is disabled.")


@keys.command()
@click.argument("name")
@storage_options
def enable(name: str, path: str | None, database: str | None) -> None:
    """Accept a disabled key again."""
    key = asyncio.run(_change(path, database, name, "key.enable", {"enabled": True}))
    click.echo(f"Key {key.name!r} is enabled.")


@keys.command()
@click.argument("name")
@storage_options
@json_option
def rotate(name: str, path: str | None, database: str | None, as_json: bool) -> None:
    """Give a key a new secret, printed once. The old one stops working within a second."""
    from ..keys import digest, hint

    secret = _new_secret(path)
    key = asyncio.run(_change(path, database, name, "key.rotate", {"digest": digest(secret), "hint": hint(secret)}))
    _show_secret(key, secret, as_json)


@keys.command()
@click.argument("name")
@storage_options
def delete(name: str, path: str | None, database: str | None) -> None:
    """Take a key away for good. What it has used stays in the records."""
    key = asyncio.run(_delete(path, database, name))
    click.echo(f"Key {key.name!r} ({key.id}) is deleted.")


async def _change(path: str | None, database: str | None, name: str, action: str, changes: dict[str, object]) -> Key:
    async with open_storage(path, database) as storage:
        key = _one(list(await storage.keys()), name)
        with refusals():
            return await storage.change_key(key.id, changes, audit=audit(action, key.name, id=key.id, **_said(changes))) or key


def _said(changes: dict[str, object]) -> dict[str, object]:
    """Of a change, what the audits keep: nothing that came of a secret, nor what the action's name says already."""
    return {field: value for field, value in changes.items() if field not in ("digest", "hint", "enabled")}


async def _delete(path: str | None, database: str | None, name: str) -> Key:
    async with open_storage(path, database) as storage:
        key = _one(list(await storage.keys()), name)
        await storage.delete_key(key.id, audit=audit("key.delete", key.name, id=key.id))
        return key


commands: list[click.Command] = [keys]
