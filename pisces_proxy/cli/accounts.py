"""`pisces accounts`: who pays."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import click

from ..storage import Account, Storage
from . import values
from .context import json_option, open_storage, refusals, storage_options, unknown


@click.group()
def accounts() -> None:
    """Make and look at accounts. Each key belongs to one.

    \b
    pisces accounts create acme
    pisces keys create shop --account acme
    """


@accounts.command()
@click.argument("name", type=values.name)
@click.option("--unlimited", is_flag=True, help="No balance is asked of it.")
@storage_options
@json_option
def create(name: str, unlimited: bool, path: str | None, database: str | None, as_json: bool) -> None:
    """Make an account."""
    from .tables import print_json

    told = asyncio.run(_create(path, database, Account(name=name, unlimited=unlimited, created_at=time.time())))
    if as_json:
        print_json(told)
        return
    click.echo(f"Account {name!r} is made. Give it a key with `pisces keys create NAME --account {name}`.")


async def _create(path: str | None, database: str | None, account: Account) -> dict[str, Any]:
    async with open_storage(path, database) as storage:
        with refusals():
            await storage.add_account(account)
        return (await _told(storage, [account]))[0]


@accounts.command("list")
@storage_options
@json_option
def list_accounts(path: str | None, database: str | None, as_json: bool) -> None:
    """All accounts, with what they have spent."""
    from .tables import count, dollars, print_json, print_table

    told = asyncio.run(_list(path, database))
    if as_json:
        print_json(told)
        return
    rows = [[row["name"], _kind(row), count(len(row["keys"])), dollars(row["spent_nano"])] for row in told]
    print_table("Accounts", ["name", "balance", "keys", "spent"], rows, right=("keys", "spent"))


async def _list(path: str | None, database: str | None) -> list[dict[str, Any]]:
    async with open_storage(path, database) as storage:
        return await _told(storage, await storage.accounts())


@accounts.command()
@click.argument("name")
@storage_options
@json_option
def show(name: str, path: str | None, database: str | None, as_json: bool) -> None:
    """One account, its keys and its money."""
    from .tables import dollars, print_fields, print_json

    told = asyncio.run(_list(path, database))
    row = next((row for row in told if row["name"] == name), None)
    if row is None:
        raise unknown("account", name, [row["name"] for row in told], "pisces accounts list")
    if as_json:
        print_json(row)
        return
    fields = [("balance", _kind(row)), ("spent", dollars(row["spent_nano"])), ("keys", ", ".join(row["keys"]))]
    print_fields(f"Account {name}", fields)


async def _told(storage: Storage, found: Sequence[Account]) -> list[dict[str, Any]]:
    spent = {group.name: group.cost_nano for group in await storage.usage(by="account")}
    keys = await storage.keys()
    return [
        {
            "name": account.name,
            "balance_nano": 0,
            "reserved_nano": 0,
            "available_nano": 0,
            "credited_nano": 0,
            "spent_nano": spent.get(account.name, 0),
            "unlimited": account.unlimited,
            "keys": [key.name for key in keys if key.account == account.name],
        }
        for account in found
    ]


def _kind(row: dict[str, Any]) -> str:
    from .tables import dollars

    return "unlimited" if row["unlimited"] else dollars(row["balance_nano"])


commands: list[click.Command] = [accounts]
