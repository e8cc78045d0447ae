"""The storage contract on SQLite: a file with each of the two promises about power cuts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from pisces_sqlite import rows
from pisces_sqlite.schema import MIGRATIONS, migrate

from pisces_proxy.testing import FULL_KEY, FULL_RECORD, StorageContract


def older_request() -> dict[str, object]:
    """A row as it was before what the channel pays had a column."""
    row = dict(zip(rows.REQUEST, rows.request_row(FULL_RECORD), strict=True))
    row["rest"] = msgspec.json.encode(msgspec.json.decode(row["rest"]) | {"upstream_cost_nano": row["upstream_cost_nano"]})
    return row


def older_day() -> dict[str, object]:
    """The sums of that row's day."""
    kept = ("account", "key", "model", "channel", "cost_nano", "upstream_cost_nano", "margin_nano")
    named = {name: getattr(FULL_RECORD, name) for name in kept}
    counts = {name: getattr(FULL_RECORD.usage, name) for name in ("input", "output", "cached_input", "reasoning")}
    return {"day": int(FULL_RECORD.at // 86_400), "requests": 1, "errors": 1, **named, **counts}


def older_file(path: Path, version: int) -> Path:
    """As that version left it: an account, a key, a row."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, str(path), MIGRATIONS[:version])
        for table, row in (
            ("accounts", {"name": "acme", "unlimited": 0, "created_at": 5.0}),
            ("keys", dict(zip(rows.KEY, rows.key_row(FULL_KEY), strict=True))),
            ("requests", older_request()),
            ("usage_days", older_day()),
        ):
            known = [column[1] for column in connection.execute(f"PRAGMA table_info({table})") if column[1] in row]
            if not known:
                continue  # a table of a later version
            values = [row[name] for name in known]
            connection.execute(f"INSERT INTO {table} ({', '.join(known)}) VALUES ({rows.placeholders(known)})", values)
    return path


class TestAFile(StorageContract):
    factory = "pisces_sqlite:pisces_storage"

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/pisces.db"

    @pytest.fixture
    def unusable_urls(self, tmp_path: Path) -> list[str]:
        (tmp_path / "garbage.db").write_bytes(b"this was never a database\n" * 100)
        (tmp_path / "folder.db").mkdir()
        names = ("garbage.db", "folder.db", "missing/pisces.db", "garbage.db/pisces.db")
        return [f"sqlite:///{tmp_path}/{name}" for name in names]

    @pytest.fixture
    def older_urls(self, tmp_path: Path) -> list[str]:
        return [f"sqlite:///{older_file(tmp_path / f'version{n}.db', n)}" for n in range(1, len(MIGRATIONS))]


class TestAFileSafeFromPowerCuts(TestAFile):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/pisces.db?synchronous=FULL"
