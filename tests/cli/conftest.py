"""The command line in this process, in a folder of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from pisces_proxy.cli import main
from pisces_proxy.cli.context import open_storage
from pisces_proxy.storage import Record, Storage

Run = Callable[..., Result]
Json = Callable[..., Any]
Stored = Callable[[Callable[[Storage], Awaitable[Any]]], Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("keys", "list")`: its output and exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PISCES_DATABASE", raising=False)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(main, [*arguments], catch_exceptions=False)


@pytest.fixture
def json(run: Run) -> Json:
    """The same with --json, read."""

    def read(*arguments: str) -> Any:
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return msgspec.json.decode(result.stdout)

    return read


@pytest.fixture
def stored(run: Run) -> Stored:
    """What the storage of the folder answers: `stored(lambda storage: storage.audits())`."""

    async def ask(verb: Callable[[Storage], Awaitable[Any]]) -> Any:
        async with open_storage(None, None) as storage:
            return await verb(storage)

    return lambda verb: asyncio.run(ask(verb))


@pytest.fixture
def finish(run: Run) -> Callable[..., None]:
    """Put rows into the database of the folder."""

    async def write(records: tuple[Record, ...]) -> None:
        async with open_storage(None, None) as storage:
            for record in records:
                await storage.finish(record)

    return lambda *records: asyncio.run(write(records))
