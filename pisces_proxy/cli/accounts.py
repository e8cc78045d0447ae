"""`pisces accounts`: who pays, and with what."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

import click

from ..storage import Account, Storage
from . import audits, values
from .context import json_option, open_storage, refusals, storage_options, unknown


@click.group()
def accounts() -> None:
    """Make accounts and give them money. Each key belongs to one.

    \b
    pisces accounts create acme --balance 25
    pisces keys create shop --account acme
    pisces accounts credit acme 10 --note "invoice 42"
    """


@accounts.command()
@click.argument("name", type=values.name)
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
            await storage.add_account(account)
            terms = {"unlimited": account.unlimited, "credit_line_nano": account.credit_line_nano}
            await audits.note(storage, "account.create", account.name, **terms)
            if balance:
                await _add(storage, account.name, balance, "opening balance")
        return await _told(storage, account)


@accounts.command()
@click.argument("name")
@click.argument("amount", type=values.dollars, metavar="USD")
@click.option("--note", default="", metavar="TEXT", help="What for; kept in the ledger.")
@storage_options
@json_option
def credit(name: str, amount: int, note: str, path: str | None, database: str | None, as_json: bool) -> None:
    """Add dollars to an account. To the ninth decimal, exactly; running gateways see it at once."""
    from .tables import dollars, print_json

    told = asyncio.run(_credit(path, database, name, amount, note))
    if as_json:
        print_json(told)
        return
    click.echo(f"Account {name!r} has {dollars(amount)} more. Its balance is {dollars(told['balance_nano'])}.")


async def _credit(path: str | None, database: str | None, name: str, amount: int, note: str) -> dict[str, Any]:
    async with open_storage(path, database) as storage:
        account = await _one(storage, name)
        with refusals():
            await _add(storage, name, amount, note)
        return await _told(storage, account)


async def _add(storage: Storage, name: str, amount: int, note: str) -> None:
    id = "credit_" + secrets.token_hex(8)
    await storage.credit(name, amount, id=id, note=note, actor=audits.ACTOR)
    await audits.note(storage, "account.credit", name, id=id, amount_nano=amount, note=note)


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
    columns = ["name", "balance", "reserved", "available", "spent", "keys"]
    rows = [
        [
            row["name"], dollars(row["balance_nano"]), dollars(row["reserved_nano"]), _available(row),
            dollars(row["spent_nano"]), count(len(row["keys"])),
        ]
        for row in told
    ]  # fmt: skip
    print_table("Accounts", columns, rows, right=columns[1:])


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

    account, row = asyncio.run(_show(path, database, name))
    if as_json:
        print_json(row)
        return
    fields: list[tuple[str, object]] = [
        (field, dollars(row[f"{field}_nano"])) for field in ("balance", "reserved", "credited", "spent")
    ]
    fields += [
        ("credit line", dollars(account.credit_line_nano or None)),
        ("available", _available(row)),
        ("keys", ", ".join(row["keys"])),
    ]
    print_fields(f"Account {name}", fields)


async def _show(path: str | None, database: str | None, name: str) -> tuple[Account, dict[str, Any]]:
    async with open_storage(path, database) as storage:
        account = await _one(storage, name)
        return account, await _told(storage, account)


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
        "keys": [key.name for key in await storage.keys() if key.account == account.name],
    }


def _available(row: dict[str, Any]) -> str:
    from .tables import dollars

    return "unlimited" if row["unlimited"] else dollars(row["available_nano"])


commands: list[click.Command] = [accounts]
