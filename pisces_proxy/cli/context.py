"""What commands share: their options, the storage behind them, and the error for a name that is not there."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import click

from ..storage import Storage

Command = TypeVar("Command", bound=Callable[..., Any])


def storage_options(command: Command) -> Command:
    """`--config` and `--database`, as `path` and `database`."""
    command = click.option("--database", envvar="PISCES_DATABASE", metavar="URL", help="Default: the configuration's.")(command)
    return click.option("--config", "path", metavar="FILE", help="Default: channels.toml where it exists.")(command)


def json_option(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="For machines: money in nano-dollars, times in UTC.")(command)


@asynccontextmanager
async def open_storage(config_path: str | None, database: str | None) -> AsyncIterator[Storage]:
    """The storage of a configuration, or the one named; made where it does not exist yet."""
    from ..config import load
    from ..registry import find_storage

    config = load(config_path)
    storage = find_storage(database or config.server.database, config)
    await storage.open()
    try:
        yield storage
    finally:
        await storage.close()


@contextmanager
def refusals() -> Iterator[None]:
    """What the storage refuses (a name that is taken) is the user's to change."""
    try:
        yield
    except ValueError as error:
        message = str(error)
        raise click.ClickException(message[:1].upper() + message[1:] + ".") from None


def unknown(what: str, name: str, known: Iterable[str], listing: str) -> click.ClickException:
    """There is no such thing; the nearest names that are, or the command that lists them."""
    nearest = difflib.get_close_matches(name, list(known), 3)
    hint = f"Did you mean {' or '.join(map(repr, nearest))}?" if nearest else f"See `{listing}`."
    return click.ClickException(f"There is no {what} {name!r}. {hint}")
