"""Accounts, keys, settings, audits: each function is a unit of work within a transaction that it neither opens nor ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from pisces_proxy.ledger import Audit
from pisces_proxy.storage import Account, Key

from . import queries, rows

_ADD_ACCOUNT = f"INSERT INTO accounts ({', '.join(rows.ACCOUNT)}) VALUES ({rows.placeholders(rows.ACCOUNT)})"
_CHANGE_ACCOUNT = "UPDATE accounts SET unlimited = ?, credit_line_nano = ?, enabled = ? WHERE name = ?"
_ADD_KEY = f"INSERT INTO keys ({', '.join(rows.KEY)}) VALUES ({rows.placeholders(rows.KEY)})"
_NOTE = "INSERT INTO audits (at, actor, action, target, detail) VALUES (?, ?, ?, ?, ?)"
_SET = (
    "INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value"
)


def touch(connection: sqlite3.Connection) -> None:
    """Write something that changes nothing."""
    connection.execute("UPDATE changes SET value = value")


def keep_secret(name: str, value: bytes, connection: sqlite3.Connection) -> bytes:
    """The first to come decides for all."""
    connection.execute("INSERT INTO secrets VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (name, value))
    kept: bytes = connection.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()[0]
    return kept


def set_setting(name: str, value: str | None, audit: Audit | None, connection: sqlite3.Connection) -> None:
    if value is None:
        done = connection.execute("DELETE FROM settings WHERE name = ?", (name,))
    else:
        done = connection.execute(_SET, (name, value))
    if done.rowcount:
        _changed(audit, connection)


def add_account(account: Account, audit: Audit | None, connection: sqlite3.Connection) -> None:
    found = connection.execute(queries.ACCOUNT, (account.name,)).fetchone()
    if found is not None:
        _same_or_taken(rows.to_account(found) == account, f"an account named {account.name!r} exists already")
        return
    connection.execute(_ADD_ACCOUNT, rows.account_row(account))
    _changed(audit, connection)


def change_account(
    name: str, changes: Mapping[str, object], audit: Audit | None, connection: sqlite3.Connection
) -> Account | None:
    found = connection.execute(queries.ACCOUNT, (name,)).fetchone()
    if found is None:
        return None
    before = rows.to_account(found)
    after = rows.changed(before, changes, fixed=("name", "created_at"))
    if after != before:
        connection.execute(_CHANGE_ACCOUNT, (after.unlimited, after.credit_line_nano, after.enabled, name))
        _changed(audit, connection)
    return after


def add_key(key: Key, audit: Audit | None, connection: sqlite3.Connection) -> None:
    found = connection.execute(queries.KEY_BY_ID, (key.id,)).fetchone()
    if found is not None:
        _same_or_taken(rows.to_key(found) == key, f"a key with the id {key.id!r} exists already")
        return
    _check_free(key, connection)
    connection.execute(_ADD_KEY, rows.key_row(key))
    _changed(audit, connection)


def change_key(id: str, changes: Mapping[str, object], audit: Audit | None, connection: sqlite3.Connection) -> Key | None:
    found = connection.execute(queries.KEY_BY_ID, (id,)).fetchone()
    if found is None:
        return None
    before = rows.to_key(found)
    after = rows.changed(before, changes, fixed=("id",))
    if after != before:
        _check_free(after, connection)
        values = [rows.to_column(name, getattr(after, name)) for name in changes]
        connection.execute(f"UPDATE keys SET {', '.join(f'{name} = ?' for name in changes)} WHERE id = ?", (*values, id))
        _changed(audit, connection)
    return after


def delete_key(id: str, audit: Audit | None, connection: sqlite3.Connection) -> bool:
    gone = connection.execute("DELETE FROM keys WHERE id = ?", (id,)).rowcount > 0
    if gone:
        _changed(audit, connection)
    return gone


def note(audit: Audit | None, connection: sqlite3.Connection) -> None:
    if audit is not None:
        connection.execute(_NOTE, rows.audit_row(audit))


def _check_free(key: Key, connection: sqlite3.Connection) -> None:
    unique = ((queries.KEY_BY_NAME, key.name, f"named {key.name!r}"), (queries.KEY, key.digest, "with this secret"))
    for query, value, what in unique:
        found = connection.execute(query, (value,)).fetchone()
        if found is not None and rows.to_key(found).id != key.id:
            raise ValueError(f"a key {what} exists already")


def _same_or_taken(same: bool, message: str) -> None:
    """The same call once more is no error: its answer may have been lost."""
    if not same:
        raise ValueError(message)


def _changed(audit: Audit | None, connection: sqlite3.Connection) -> None:
    """Write down who changed something, and let other processes see that it has changed."""
    note(audit, connection)
    connection.execute("UPDATE changes SET value = value + 1")
