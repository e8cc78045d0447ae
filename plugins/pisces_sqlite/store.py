"""The storage: each verb is one unit of work on the writer's queue, or one query on the reader."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any

import aiosqlite

from pisces_proxy.errors import StorageUnavailable
from pisces_proxy.ledger import Audit, Balance, Claim, Entry, Heard, Period, Refusal, Reservation, Spend, Stored, Verification
from pisces_proxy.storage import Account, GroupBy, Key, Record, Storage, UsageGroup

from . import connection, money, queries, replays, requests, rows, statements, tasks, verification
from .days import LENGTH
from .failures import is_about_the_value, unavailable
from .folding import Folding
from .location import Location
from .task_store import SqliteTasks
from .writer import Result, Work, Writer

STEP = 1000  # rows that are deleted at a time: a few milliseconds
SMALL = 65_536  # bytes of an answer that are written as fast as anything
SWEEP = 1000  # expired idempotency keys that are dropped at a time


class SqliteStorage(SqliteTasks, Storage):
    """Writes go through one connection in group commits; reads have connections of their own and never wait for them."""

    def __init__(self, location: Location) -> None:
        self._location = location
        on_loop = not location.waits_for_the_disk
        folding = Folding(partial(connection.folding, location)) if on_loop and location.path is not None else None
        self._writer = Writer(partial(connection.writing, location), on_loop=on_loop, folding=folding)
        self._reader: aiosqlite.Connection | None = None  # for what requests wait for
        self._reporter: aiosqlite.Connection | None = None  # for what may take a second

    def __repr__(self) -> str:
        return f"<SqliteStorage {self._location}>"

    async def open(self) -> None:
        await self._writer.start()
        try:
            self._reader = await connection.reading(self._location)
            self._reporter = await connection.reading(self._location)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        readers = [reader for reader in (self._reader, self._reporter) if reader is not None]
        self._reader = self._reporter = None
        # readers first: SQLite folds the WAL into the file when the last connection closes, and a reader may not write
        for reader in readers:
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

    async def set_setting(self, name: str, value: str | None, *, audit: Audit | None = None) -> None:
        await self._write(partial(statements.set_setting, name, value, audit))

    async def add_account(self, account: Account, *, audit: Audit | None = None) -> None:
        await self._write(partial(statements.add_account, account, audit))

    async def accounts(self) -> Sequence[Account]:
        return [rows.to_account(row) for row in await self._read(queries.ACCOUNTS)]

    async def find_account(self, name: str) -> Account | None:
        found = await self._read(queries.ACCOUNT, (name,))
        return rows.to_account(found[0]) if found else None

    async def add_key(self, key: Key, *, audit: Audit | None = None) -> None:
        await self._write(partial(statements.add_key, key, audit))

    async def find_key(self, digest: str) -> Key | None:
        found = await self._read(queries.KEY, (digest,))
        return rows.to_key(found[0]) if found else None

    async def keys(self) -> Sequence[Key]:
        return [rows.to_key(row) for row in await self._read(queries.KEYS)]

    async def change_key(self, id: str, changes: Mapping[str, object], *, audit: Audit | None = None) -> Key | None:
        return await self._write(partial(statements.change_key, id, changes, audit))

    async def delete_key(self, id: str, *, audit: Audit | None = None) -> bool:
        return await self._write(partial(statements.delete_key, id, audit))

    async def finish(self, record: Record) -> None:
        await self._write(partial(requests.finish, record), brief=True)

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
        if (key, model, channel) != (None, None, None):
            # these have no index of their own: the sums of the days say where such rows are
            first, last, low, high = (await self._report(*queries.extent(matching)))[0]
            if first is None:
                return []
            since, until = max(since, first * LENGTH), min(inf if until is None else until, (last + 1) * LENGTH)
            matching["account"] = low if low == high else None
        found = await self._report(*queries.records(since, until, limit, before, matching))
        return [rows.to_record(row) for row in found]

    async def usage(
        self,
        *,
        since: float = 0.0,
        until: float | None = None,
        by: GroupBy = "model",
        key: str | None = None,
        account: str | None = None,
        model: str | None = None,
        channel: str | None = None,
    ) -> Sequence[UsageGroup]:
        matching = {"key": key, "account": account, "model": model, "channel": channel}
        return [rows.to_group(row) for row in await self._report(*queries.usage(since, until, by, matching))]

    async def change_account(self, name: str, changes: Mapping[str, object], *, audit: Audit | None = None) -> Account | None:
        return await self._write(partial(statements.change_account, name, changes, audit))

    async def credit(
        self, account: str, amount_nano: int, *, id: str, note: str = "", actor: str = "", audit: Audit | None = None
    ) -> Balance:
        if amount_nano < 1:
            raise ValueError("a credit adds at least one nano-dollar; to take, adjust")
        return await self._write(partial(money.deposit, "credit", account, amount_nano, id, note, actor, audit))

    async def adjust(
        self, account: str, amount_nano: int, *, id: str, note: str = "", actor: str = "", audit: Audit | None = None
    ) -> Balance:
        return await self._write(partial(money.deposit, "adjust", account, amount_nano, id, note, actor, audit))

    async def balance(self, account: str) -> Balance | None:
        found = await self._read(queries.BALANCE, (account,))
        return rows.to_balance(found[0]) if found else None

    async def reserve(self, reservation: Reservation) -> Refusal | None:
        if reservation.amount_nano < 0:
            raise ValueError("a reservation is not negative")
        return await self._write(partial(money.reserve, reservation), brief=True)

    async def spend(self, key_id: str, period: Period, at: float) -> Spend:
        spent, reserved = (await self._read(money.USED, (key_id, *money.days(period, at))))[0]
        return Spend(spent_nano=spent, reserved_nano=reserved)

    async def settle(self, record: Record, key_id: str) -> None:
        if record.cost_nano < 0:
            raise ValueError("a cost is not negative")
        await self._write(partial(money.settle, record, key_id), brief=True)

    async def release(self, request_id: str) -> None:
        await self._write(partial(money.release, request_id), brief=True)

    async def sweep(self, now: float, dead: Callable[[str], bool] | None = None) -> int:
        # expired idempotency keys are free already: to drop them here is only to give back their space
        await self._write(partial(replays.drop, now, SWEEP))
        return await self._write(partial(money.sweep, now, dead))

    async def ledger(
        self, *, account: str | None = None, after: int = 0, limit: int = 1000, request_id: str | None = None
    ) -> Sequence[Entry]:
        found = await self._report(*queries.ledger(account, after, limit, request_id))
        return [rows.to_entry(row) for row in found]

    async def verify(self) -> Verification:
        if self._reader is None:
            raise _closed()
        try:
            return await asyncio.to_thread(verification.verified, self._location)
        except sqlite3.Error as error:
            raise unavailable(error, self._location) from error

    async def claim(
        self,
        scope: str,
        key: str,
        fingerprint: str,
        request_id: str,
        now: float,
        expires_at: float,
        *,
        owner: str = "",
        dead: Callable[[str], bool] | None = None,
    ) -> Claim:
        wanted = replays.Wanted(scope, key, fingerprint, request_id, expires_at, owner)
        return await self._write(partial(replays.claim, wanted, now, dead))

    async def keep(self, scope: str, key: str, stored: Stored, expires_at: float | None = None) -> None:
        answer = partial(replays.keep, scope, key, stored, expires_at)
        await self._write(answer, brief=stored.body is not None and len(stored.body) <= SMALL)

    async def unclaim(self, scope: str, key: str, request_id: str) -> None:
        await self._write(partial(replays.unclaim, scope, key, request_id))

    async def publish(
        self, scope: str, key: str, request_id: str, headers: Mapping[str, str], offset: int, data: bytes
    ) -> None:
        piece = partial(replays.publish, scope, key, request_id, headers, offset, data)
        await self._write(piece, brief=len(data) <= SMALL)

    async def published(self, request_id: str, offset: int) -> Heard | None:
        return rows.to_heard(await self._read(replays.PUBLISHED, (request_id, offset)))

    async def audits(self, *, after: int = 0, limit: int = 100) -> Sequence[Audit]:
        return [rows.to_audit(row) for row in await self._read(queries.AUDITS, (after, limit))]

    async def prune(self, before: float, *, limit: int = 10_000) -> int:
        gone = await self._in_steps(partial(requests.prune, before), limit)
        gone += await self._in_steps(partial(tasks.prune, before), limit - gone)
        return gone + await self._in_steps(partial(replays.drop, before), limit - gone)

    async def _in_steps(self, delete: Callable[[int, sqlite3.Connection], int], limit: int) -> int:
        """A transaction for each few, so that no request waits long behind them."""
        gone = 0
        while gone < limit:
            step = min(STEP, limit - gone)
            done = await self._write(partial(delete, step))
            gone += done
            if done < step:
                break
        return gone

    async def _write(self, work: Work[Result], *, brief: bool = False) -> Result:
        try:
            return await self._writer.submit(work, brief=brief)
        except Exception as error:
            if is_about_the_value(error):
                raise ValueError(f"cannot be stored: {error}") from error
            if isinstance(error, sqlite3.Error):
                raise unavailable(error, self._location) from error
            raise

    async def _read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return await self._ask(self._reader, sql, parameters)

    async def _report(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return await self._ask(self._reporter, sql, parameters)

    async def _ask(self, reader: aiosqlite.Connection | None, sql: str, parameters: Sequence[Any]) -> list[Any]:
        if reader is None:
            raise _closed()
        try:
            return list(await reader.execute_fetchall(sql, parameters))
        except sqlite3.Error as error:
            raise unavailable(error, self._location) from error


def _closed() -> StorageUnavailable:
    return StorageUnavailable("The database is closed.")
