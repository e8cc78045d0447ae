"""`pisces ledger`: prove that every balance is the sum of its rows, and hand the rows out."""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import AsyncIterator, Callable
from typing import IO, Any

import click
import msgspec

from ..ledger import Entry, Verification
from ..storage import Storage
from .context import json_option, open_storage, storage_options

FIELDS = ("id", "at", "kind", "account", "key", "request_id", "amount_nano")
PAGE = 1000


@click.group()
def ledger() -> None:
    """Every credit, reservation and charge, in nano-dollars.

    \b
    pisces ledger verify
    pisces ledger export --format csv > ledger.csv
    """


@ledger.command()
@storage_options
@json_option
def verify(path: str | None, database: str | None, as_json: bool) -> None:
    """Recompute every sum from its rows; exit 1 where one is off, and say which."""
    from .tables import count, print_json

    found = asyncio.run(_verify(path, database))
    if as_json:
        print_json({"ok": found.ok, **msgspec.structs.asdict(found)})
    elif found.ok:
        click.echo(f"Every sum is that of its rows: {count(found.accounts)} accounts, {count(found.rows)} rows.")
    else:
        click.echo("\n".join(f"{problem[:1].upper()}{problem[1:]}." for problem in found.problems))
    if not found.ok:
        raise SystemExit(1)


async def _verify(path: str | None, database: str | None) -> Verification:
    async with open_storage(path, database) as storage:
        return await storage.verify()


@ledger.command()
@click.option("--format", "written", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--account", metavar="NAME", help="Its rows only.")
@storage_options
def export(written: str, account: str | None, path: str | None, database: str | None) -> None:
    """All rows in the order they were written, on standard output.

    credit and adjust change a balance by their amount, settle takes its amount; reserve and release leave it as it is.
    """
    begin = _jsonl if written == "jsonl" else _csv
    asyncio.run(_export(path, database, account, begin(sys.stdout)))


async def _export(path: str | None, database: str | None, account: str | None, write: Callable[[Entry], object]) -> None:
    async with open_storage(path, database) as storage:
        async for entry in _all(storage, account):
            write(entry)


async def _all(storage: Storage, account: str | None) -> AsyncIterator[Entry]:
    after = 0
    while page := await storage.ledger(account=account, after=after, limit=PAGE):
        for entry in page:
            yield entry
        after = page[-1].id


def _jsonl(output: IO[str]) -> Callable[[Entry], object]:
    return lambda entry: output.write(msgspec.json.encode(_row(entry)).decode() + "\n")


def _csv(output: IO[str]) -> Callable[[Entry], object]:
    writer = csv.DictWriter(output, FIELDS, lineterminator="\n")
    writer.writeheader()
    return lambda entry: writer.writerow(_row(entry))


def _row(entry: Entry) -> dict[str, Any]:
    from .tables import moment

    return {name: getattr(entry, name) for name in FIELDS} | {"at": moment(entry.at)}


commands: list[click.Command] = [ledger]
