"""`pisces admin`: tokens for the admin API. A token is shown when it is made and never again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from . import values
from .audits import audit
from .context import json_option, open_storage, refusals, storage_options, unknown

if TYPE_CHECKING:
    from ..admin.tokens import Token

_LISTING = "pisces admin token list"


@click.group()
def admin() -> None:
    """The admin API: who may use it."""


@admin.group()
def token() -> None:
    """Make, list and take away tokens of the admin API under /api/admin/v1.

    \b
    pisces admin token create ops
    curl -H "Authorization: Bearer pisces-admin-..." http://127.0.0.1:8080/api/admin/v1/accounts
    """


@token.command()
@click.argument("name", type=values.name)
@storage_options
@json_option
def create(name: str, path: str | None, database: str | None, as_json: bool) -> None:
    """Make a token and print it, once. Its name stands in the audits as who made a change."""
    from .tables import print_json

    made, secret = asyncio.run(_create(path, database, name))
    if as_json:
        print_json({**_told(made), "token": secret})
        return
    click.echo(f"Admin token {name!r}, shown this once:\n\n{secret}\n")


async def _create(path: str | None, database: str | None, name: str) -> tuple[Token, str]:
    from ..admin import tokens

    async with open_storage(path, database) as storage:
        with refusals():
            return await tokens.add(storage, name, audit("admin_token.create", name))


@token.command("list")
@storage_options
@json_option
def list_tokens(path: str | None, database: str | None, as_json: bool) -> None:
    """All tokens, the oldest first."""
    from .tables import print_json, print_table

    told = [_told(one) for one in asyncio.run(_all(path, database))]
    if as_json:
        print_json(told)
        return
    print_table(
        "Admin tokens", ["name", "token", "created"], [[row["name"], f"…{row['hint']}", row["created_at"]] for row in told]
    )


async def _all(path: str | None, database: str | None) -> list[Token]:
    from ..admin import tokens

    async with open_storage(path, database) as storage:
        return await tokens.tokens(storage)


@token.command()
@click.argument("name")
@storage_options
def delete(name: str, path: str | None, database: str | None) -> None:
    """Take a token away. Running gateways refuse it at once."""
    asyncio.run(_delete(path, database, name))
    click.echo(f"Admin token {name!r} is deleted.")


async def _delete(path: str | None, database: str | None, name: str) -> None:
    from ..admin import tokens

    async with open_storage(path, database) as storage:
        if not await tokens.remove(storage, name, audit("admin_token.delete", name)):
            raise unknown("admin token", name, [one.name for one in await tokens.tokens(storage)], _LISTING)


def _told(one: Token) -> dict[str, Any]:
    from .tables import moment

    return {"name": one.name, "hint": one.hint, "created_at": moment(one.created_at)}


commands: list[click.Command] = [admin]
