"""The storage: each verb is one unit of work on the writer's queue, or one query on the reader."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import aiosqlite

from pisces_proxy.errors import StorageUnavailable
from pisces_proxy.storage import Account, GroupBy, Key, Record, Storage, UsageGroup

from . import connection, queries, rows, statements
from .failures import is_about_the_value, unavailable
from .location import Location
from .writer import Result, Work, Writer


class SqliteStorage(Storage):
    """Writes go through one thread in group commits; reads have a connection of their own and never wait for them."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self._writer = Writer(partial(connection.writing, location))
        self._reader: aiosqlite.Connection | None = None

    def __repr__(self) -> str:
        return f"<SqliteStorage {self._location}>"

    async def open(self) -> None:
        await self._writer.start()
        try:
            self._reader = await connection.reading(self._location)
        except BaseException:
            await self._writer.stop()
            raise

    async def close(self) -> None:
        reader, self._reader = self._reader, None
        # the reader first: SQLite folds the WAL into the file when the last connection closes, and the reader may not write
        if reader is not None:
            await reader.close()
        await self._writer.stop()

    async def ready(self) -> None:
        await self._write(statements.touch)

    async def version(self) -> int:
        return int((await self._read("SELECT value FROM changes"))[0][0])

    async def secret(self, name: str) -> bytes:
        found = await self._read("SELECT value FROM secrets WHERE name = ?", (name,))
        return found[0][0] if found else await self._write(partial(statements.keep_secret, name, secrets.token_bytes(32)))

    async def setting(self, name: str) -> str | None:
        found = await self._read("SELECT value FROM settings WHERE name = ?", (name,))
        return found[0][0] if found else None

    async def set_setting(self, name: str, value: str | None) -> None:
        await self._write(partial(statements.set_setting, name, value))

    async def add_account(self, account: Account) -> None:
        await self._write(partial(statements.add_account, account))

    async def accounts(self) -> Sequence[Account]:
        return [rows.to_account(row) for row in await self._read(queries.ACCOUNTS)]

    async def find_account(self, name: str) -> Account | None:
        found = await self._read(queries.ACCOUNT, (name,))
        return rows.to_account(found[0]) if found else None

    async def add_key(self, key: Key) -> None:
        await self._write(partial(statements.add_key, key))

    async def find_key(self, digest: str) -> Key | None:
        found = await self._read(queries.KEY, (digest,))
        return rows.to_key(found[0]) if found else None

    async def keys(self) -> Sequence[Key]:
        return [rows.to_key(row) for row in await self._read(queries.KEYS)]

    async def change_key(self, id: str, changes: Mapping[str, object]) -> Key | None:
        return await self._write(partial(statements.change_key, id, changes))

    async def delete_key(self, id: str) -> bool:
        return await self._write(partial(statements.delete_key, id))

    async def finish(self, record: Record) -> None:
        await self._write(partial(statements.insert_record, record))

    async def record(self, request_id: str) -> Record | None:
        found = await self._read(queries.RECORD, (request_id,))
        return rows.to_record(found[0]) if found else None

    async def records(
        self,
        *,
        since: float = 0.0,
        until: float | None = None,
        limit: int = 100,
        before: str | None = None,
        key: str | None = None,
        account: str | None = None,
        model: str | None = None,
        channel: str | None = None,
    ) -> Sequence[Record]:
        matching = {"key": key, "account": account, "model": model, "channel": channel}
        found = await self._read(*queries.records(since, until, limit, before, matching))
        return [rows.to_record(row) for row in found]

    async def usage(self, *, since: float = 0.0, until: float | None = None, by: GroupBy = "model") -> Sequence[UsageGroup]:
        return [rows.to_group(row) for row in await self._read(*queries.usage(since, until, by))]

    async def _write(self, work: Work[Result]) -> Result:
        try:
            return await self._writer.submit(work)
        except Exception as error:
            if is_about_the_value(error):
                raise ValueError(f"cannot be stored: {error}") from error
            if isinstance(error, sqlite3.Error):
                raise unavailable(error, self._location) from error
            raise

    async def _read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        if self._reader is None:
            raise StorageUnavailable("The database is closed.")
        try:
            return list(await self._reader.execute_fetchall(sql, parameters))
        except sqlite3.Error as error:
            raise unavailable(error, self._location) from error
