"""`pisces accounts`: who pays, and with what."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any, Literal

import click

from ..storage import Account, Storage
from . import values
from .audits import ACTOR, audit
from .context import json_option, open_storage, refusals, storage_options, unknown

Deposit = Literal["credit", "adjust"]
_note = click.option("--note", default="", metavar="TEXT", help="What for; kept in the ledger.")
_id = click.option("--id", metavar="ID", help="Yours, such as an invoice number. The same one again changes nothing.")


@click.group()
def accounts() -> None:
    """Make accounts and give them money. Each key belongs to one.

    \b
    pisces accounts create acme --balance 25
    pisces keys create shop --account acme
    pisces accounts credit acme 10 --note "invoice 42"
    pisces accounts adjust acme -2.50 --note "paid back"
    pisces accounts change acme --credit-line 100
    """


@accounts.command()
@click.argument("name", type=values.account)
@click.option("--balance", type=values.dollars, default="0", metavar="USD", help="What it begins with.")
@click.option("--unlimited", is_flag=True, help="No balance is asked of it.")
@click.option("--credit-line", type=values.dollars, default="0", metavar="USD", help="How far below zero it may go.")
@storage_options
@json_option
def create(
    name: str, balance: int, unlimited: bool, credit_line: int, path: str | None, database: str | None, as_json: bool
) -> None:
    """Make an account."""
    from .tables import print_json

    account = Account(name=name, unlimited=unlimited, credit_line_nano=credit_line, created_at=time.time())
    told = asyncio.run(_create(path, database, account, balance))
    if as_json:
        print_json(told)
        return
    click.echo(f"Account {name!r} is made. Give it a key with `pisces keys create NAME --account {name}`.")


async def _create(path: str | None, database: str | None, account: Account, balance: int) -> dict[str, Any]:
    async with open_storage(path, database) as storage:
        with refusals():
            terms = {"unlimited": account.unlimited, "credit_line_nano": account.credit_line_nano}
            await storage.add_account(account, audit=audit("account.create", account.name, **terms))
            if balance:
                await _book(storage, "credit", account.name, balance, "opening balance", None)
        return await _told(storage, account)


@accounts.command()
@click.argument("name")
@click.argument("amount", type=values.dollars, metavar="USD")
@_note
@_id
@storage_options
@json_option
def credit(name: str, amount: int, note: str, id: str | None, path: str | None, database: str | None, as_json: bool) -> None:
    """Add dollars to an account. To the ninth decimal, exactly; running gateways see it at once."""
    from .tables import dollars

    told = asyncio.run(_booked(path, database, "credit", name, amount, note, id))
    _say(told, as_json, f"Account {name!r} is credited {dollars(amount)}. Its balance is {dollars(told['balance_nano'])}.")


# a correction may begin with a minus sign, which is no option
@accounts.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("amount", type=values.correction, metavar="USD")
@_note
@_id
@storage_options
@json_option
def adjust(name: str, amount: int, note: str, id: str | None, path: str | None, database: str | None, as_json: bool) -> None:
    """Correct a balance, up or down, in a ledger row of its own.

    \b
    pisces accounts adjust acme -2.50 --note "paid back"
    pisces accounts adjust acme 1 --id complaint-17      the same id again changes nothing
    """
    from .tables import dollars

    told = asyncio.run(_booked(path, database, "adjust", name, amount, note, id))
    _say(told, as_json, f"Account {name!r} is adjusted by {dollars(amount)}. Its balance is {dollars(told['balance_nano'])}.")


async def _booked(
    path: str | None, database: str | None, kind: Deposit, name: str, amount: int, note: str, id: str | None
) -> dict[str, Any]:
    async with open_storage(path, database) as storage:
        account = await _one(storage, name)
        with refusals():
            await _book(storage, kind, name, amount, note, id)
        return await _told(storage, account)


async def _book(storage: Storage, kind: Deposit, name: str, amount: int, note: str, id: str | None) -> None:
    id = id or f"{kind}_{secrets.token_hex(8)}"
    write = storage.credit if kind == "credit" else storage.adjust
    done = audit(f"account.{kind}", name, id=id, amount_nano=amount, note=note)
    await write(name, amount, id=id, note=note, actor=ACTOR, audit=done)


def _say(told: dict[str, Any], as_json: bool, text: str) -> None:
    from .tables import print_json

    if as_json:
        print_json(told)
        return
    click.echo(text)


@accounts.command()
@click.argument("name")
@click.option("--credit-line", type=values.dollars, metavar="USD", help="How far below zero it may go; 0: prepaid only.")
@click.option("--unlimited/--prepaid", default=None, help="Whether no balance is asked of it, or one is.")
@storage_options
@json_option
def change(
    name: str, credit_line: int | None, unlimited: bool | None, path: str | None, database: str | None, as_json: bool
) -> None:
    """Change what an account may owe. Running gateways see it within a second.

    \b
    pisces accounts change acme --credit-line 100     postpaid up to 100 USD
    pisces accounts change acme --prepaid --credit-line 0
    """
    given = {"credit_line_nano": credit_line, "unlimited": unlimited}
    changes: dict[str, object] = {field: value for field, value in given.items() if value is not None}
    if not changes:
        raise click.UsageError("Say what to change: --credit-line USD, --unlimited or --prepaid.")
    told = asyncio.run(_changed(path, database, name, "account.change", changes))
    _say(told, as_json, f"Account {name!r} may spend {_available(told)} now.")


@accounts.command()
@click.argument("name")
@storage_options
def disable(name: str, path: str | None, database: str | None) -> None:
    """Refuse all keys of an account until it is enabled again. Running gateways see it within a second."""
    asyncio.run(_changed(path, database, name, "account.disable", {"enabled": False}))
    click.echo(f"Account {name!r} is disabled: its keys are refused.")


@accounts.command()
@click.argument("name")
@storage_options
def enable(name: str, path: str | None, database: str | None) -> None:
    """Accept the keys of a disabled account again."""
    asyncio.run(_changed(path, database, name, "account.enable", {"enabled": True}))
    click.echo(f"Account {name!r} is enabled.")


async def _changed(
    path: str | None, database: str | None, name: str, action: str, changes: dict[str, object]
) -> dict[str, Any]:
    async with open_storage(path, database) as storage:
        await _one(storage, name)
        account = await storage.change_account(name, changes, audit=audit(action, name, **changes))
        assert account is not None, "accounts are never taken away"
        return await _told(storage, account)


@accounts.command("list")
@storage_options
@json_option
def list_accounts(path: str | None, database: str | None, as_json: bool) -> None:
    """All accounts, with what they have and what they have spent."""
    from .tables import count, dollars, print_json, print_table

    told = asyncio.run(_list(path, database))
    if as_json:
        print_json(told)
        return
    columns = ["name", "balance", "reserved", "available", "spent", "keys", "state"]
    rows = [
        [
            row["name"], dollars(row["balance_nano"]), dollars(row["reserved_nano"]), _available(row),
            dollars(row["spent_nano"]), count(len(row["keys"])), _state(row),
        ]
        for row in told
    ]  # fmt: skip
    print_table("Accounts", columns, rows, right=columns[1:-1])


async def _list(path: str | None, database: str | None) -> list[dict[str, Any]]:
    async with open_storage(path, database) as storage:
        return [await _told(storage, account) for account in await storage.accounts()]


@accounts.command()
@click.argument("name")
@storage_options
@json_option
def show(name: str, path: str | None, database: str | None, as_json: bool) -> None:
    """One account, its keys and its money."""
    from .tables import dollars, print_fields, print_json

    row = asyncio.run(_show(path, database, name))
    if as_json:
        print_json(row)
        return
    fields: list[tuple[str, object]] = [
        (field, dollars(row[f"{field}_nano"])) for field in ("balance", "reserved", "credited", "spent")
    ]
    fields += [
        ("credit line", dollars(row["credit_line_nano"] or None)),
        ("available", _available(row)),
        ("state", _state(row)),
        ("keys", ", ".join(row["keys"])),
    ]
    print_fields(f"Account {name}", fields)


async def _show(path: str | None, database: str | None, name: str) -> dict[str, Any]:
    async with open_storage(path, database) as storage:
        return await _told(storage, await _one(storage, name))


async def _one(storage: Storage, name: str) -> Account:
    account = await storage.find_account(name)
    if account is None:
        known = [account.name for account in await storage.accounts()]
        raise unknown("account", name, known, "pisces accounts list")
    return account


async def _told(storage: Storage, account: Account) -> dict[str, Any]:
    balance = await storage.balance(account.name)
    assert balance is not None, "accounts are never taken away"
    return {
        "name": account.name,
        "balance_nano": balance.balance_nano,
        "reserved_nano": balance.reserved_nano,
        "available_nano": balance.available_nano,
        "credited_nano": balance.credited_nano,
        "spent_nano": balance.spent_nano,
        "unlimited": balance.unlimited,
        "credit_line_nano": balance.credit_line_nano,
        "enabled": account.enabled,
        "keys": [key.name for key in await storage.keys() if key.account == account.name],
    }


def _state(row: dict[str, Any]) -> str:
    return "ready" if row["enabled"] else "disabled"


def _available(row: dict[str, Any]) -> str:
    from .tables import dollars

    return "unlimited" if row["unlimited"] else dollars(row["available_nano"])


commands: list[click.Command] = [accounts]
