"""The schema: upgrades keep what is there, and files that are not ours are left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from pisces_sqlite import pisces_storage
from pisces_sqlite.rows import REQUEST
from pisces_sqlite.schema import MIGRATIONS, migrate

from pisces_proxy.errors import StorageUnavailable
from pisces_proxy.storage import Key, Record
from pisces_proxy.usage import Usage


@pytest.fixture
def connection() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


def columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


def test_an_older_file_is_upgraded_step_by_step_and_keeps_its_rows(connection: sqlite3.Connection) -> None:
    migrate(connection, "x")
    connection.execute("INSERT INTO settings VALUES ('a', 'b')")
    later = (*MIGRATIONS, ("ALTER TABLE settings ADD COLUMN note TEXT",), ("UPDATE settings SET note = 'kept'",))
    migrate(connection, "x", later)
    migrate(connection, "x", later)
    assert connection.execute("SELECT * FROM settings").fetchall() == [("a", "b", "kept")]
    connection.close()


def test_an_upgrade_that_fails_changes_nothing(connection: sqlite3.Connection) -> None:
    migrate(connection, "x")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, "x", (*MIGRATIONS, ("ALTER TABLE settings ADD COLUMN note TEXT", "nonsense")))
    assert "note" not in columns(connection, "settings")
    migrate(connection, "x")
    connection.close()


def test_every_field_has_its_column(connection: sqlite3.Connection) -> None:
    migrate(connection, "x")
    assert columns(connection, "keys") == set(Key.__struct_fields__)
    assert columns(connection, "requests") == {"row", *REQUEST}
    assert set(Usage.__struct_fields__) <= set(REQUEST) <= {"rest", *Record.__struct_fields__, *Usage.__struct_fields__}
    connection.close()


@pytest.mark.parametrize(
    ("statement", "message"),
    [("PRAGMA user_version = 99", "newer Pisces"), ("CREATE TABLE recipes (name TEXT)", "another program")],
)
async def test_a_file_that_is_not_ours_to_change_is_left_alone(tmp_path: Path, statement: str, message: str) -> None:
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as other:
        other.execute(statement)
    other.close()
    storage = pisces_storage(f"sqlite:///{file}")
    assert storage is not None
    with pytest.raises(StorageUnavailable, match=message):
        await storage.open()
    with sqlite3.connect(file) as other:
        assert other.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'accounts'").fetchone() == (0,)
    other.close()
