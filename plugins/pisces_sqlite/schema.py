"""The tables, and the way from every older version of them to this one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from pisces_proxy.errors import StorageUnavailable

from .tasks import TASKS

_FIRST = (
    """
    CREATE TABLE accounts (
        name TEXT PRIMARY KEY,
        unlimited INTEGER NOT NULL,
        created_at REAL NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        account TEXT NOT NULL,
        digest TEXT NOT NULL UNIQUE,
        hint TEXT NOT NULL,
        kind TEXT NOT NULL,
        models TEXT,
        rpm INTEGER,
        tpm INTEGER,
        concurrency INTEGER,
        quota_nano INTEGER,
        expires_at REAL,
        networks TEXT NOT NULL,
        enabled INTEGER NOT NULL,
        created_at REAL NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    # one row, raised by each transaction that others should notice
    "CREATE TABLE changes (value INTEGER NOT NULL)",
    "INSERT INTO changes VALUES (1)",
    # Each index costs every request about 6 us when it is alone in its transaction: only these two are worth it.
    # An index on (at) also holds the rowid, which is the order of pages.
    """
    CREATE TABLE requests (
        row INTEGER PRIMARY KEY,
        request_id TEXT NOT NULL UNIQUE,
        at REAL NOT NULL,
        key TEXT NOT NULL,
        account TEXT NOT NULL,
        model TEXT NOT NULL,
        channel TEXT NOT NULL,
        protocol TEXT NOT NULL,
        upstream_protocol TEXT NOT NULL,
        stream INTEGER NOT NULL,
        status INTEGER NOT NULL,
        cost_nano INTEGER NOT NULL,
        total_ms REAL NOT NULL,
        input INTEGER NOT NULL,
        cached_input INTEGER NOT NULL,
        cache_write INTEGER NOT NULL,
        cache_write_1h INTEGER NOT NULL,
        audio_input INTEGER NOT NULL,
        image_input INTEGER NOT NULL,
        tool_input INTEGER NOT NULL,
        output INTEGER NOT NULL,
        reasoning INTEGER NOT NULL,
        audio_output INTEGER NOT NULL,
        image_output INTEGER NOT NULL,
        searches INTEGER NOT NULL,
        estimated INTEGER NOT NULL,
        rest BLOB NOT NULL
    )
    """,
    "CREATE INDEX requests_at ON requests (at)",
)

_MONEY = (
    "ALTER TABLE accounts ADD COLUMN credit_line_nano INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE keys ADD COLUMN quota_period TEXT NOT NULL DEFAULT 'total'",
    # STRICT: a sum beyond 64 bits is an error. Elsewhere SQLite would go on with a rounded one.
    """
    CREATE TABLE ledger (
        id INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('credit', 'reserve', 'settle', 'release', 'adjust')),
        account TEXT NOT NULL,
        key TEXT NOT NULL,
        request_id TEXT NOT NULL,
        amount_nano INTEGER NOT NULL CHECK (amount_nano >= 0 OR kind = 'adjust'),
        note TEXT NOT NULL DEFAULT '',
        actor TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    # each row is in one of the two: what can be there once only, and what a request may have several of
    "CREATE UNIQUE INDEX ledger_once ON ledger (request_id, kind) WHERE kind NOT IN ('reserve', 'release')",
    "CREATE INDEX ledger_held ON ledger (request_id) WHERE kind IN ('reserve', 'release')",
    "CREATE INDEX ledger_account ON ledger (account)",
    """
    CREATE TRIGGER ledger_rows_stay BEFORE DELETE ON ledger
    BEGIN SELECT raise(ABORT, 'rows of the ledger are never deleted'); END
    """,
    """
    CREATE TRIGGER ledger_rows_stay_as_they_are BEFORE UPDATE ON ledger
    BEGIN SELECT raise(ABORT, 'rows of the ledger are never changed'); END
    """,
    # what the ledger's rows add up to
    """
    CREATE TABLE balances (
        account TEXT PRIMARY KEY,
        balance_nano INTEGER NOT NULL,
        reserved_nano INTEGER NOT NULL,
        credited_nano INTEGER NOT NULL,
        spent_nano INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE reservations (
        request_id TEXT PRIMARY KEY,
        account TEXT NOT NULL,
        key TEXT NOT NULL,
        amount_nano INTEGER NOT NULL,
        at REAL NOT NULL,
        expires_at REAL NOT NULL,
        owner TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID
    """,
    # one row for each day since 1970 (UTC) on which the key was used, and one for all of them: see money.EVER
    """
    CREATE TABLE key_spend (
        key TEXT NOT NULL,
        day INTEGER NOT NULL,
        spent_nano INTEGER NOT NULL,
        reserved_nano INTEGER NOT NULL,
        PRIMARY KEY (key, day)
    ) STRICT, WITHOUT ROWID
    """,
    # sums over `requests`, so that reports need not read every row; they stay when the rows are pruned
    """
    CREATE TABLE usage_days (
        day INTEGER NOT NULL,
        account TEXT NOT NULL,
        key TEXT NOT NULL,
        model TEXT NOT NULL,
        channel TEXT NOT NULL,
        requests INTEGER NOT NULL,
        errors INTEGER NOT NULL,
        input INTEGER NOT NULL,
        output INTEGER NOT NULL,
        cached_input INTEGER NOT NULL,
        reasoning INTEGER NOT NULL,
        cost_nano INTEGER NOT NULL,
        PRIMARY KEY (day, account, key, model, channel)
    ) STRICT, WITHOUT ROWID
    """,
    """
    INSERT INTO usage_days
    SELECT day, account, key, model, channel, count(*), sum(status >= 400), sum(input), sum(output),
        sum(cached_input), sum(reasoning), sum(cost_nano)
    FROM (SELECT *, CAST(at / 86400 AS INTEGER) AS day FROM requests)
    GROUP BY day, account, key, model, channel
    """,
    # None on the key: pruning would take four times as long, for it would touch a page of each key
    "CREATE INDEX requests_account ON requests (account, at)",
    """
    CREATE TABLE idempotency (
        row INTEGER PRIMARY KEY,
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        request_id TEXT NOT NULL,
        expires_at REAL NOT NULL,
        status INTEGER,
        headers BLOB,
        stream INTEGER,
        body BLOB,
        UNIQUE (scope, key)
    ) STRICT
    """,
    "CREATE INDEX idempotency_expires ON idempotency (expires_at)",
    """
    CREATE TABLE audits (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        target TEXT NOT NULL,
        detail BLOB NOT NULL
    ) STRICT
    """,
)

_MARGIN = (
    "ALTER TABLE accounts ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE requests ADD COLUMN upstream_cost_nano INTEGER",
    "ALTER TABLE usage_days ADD COLUMN upstream_cost_nano INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage_days ADD COLUMN margin_nano INTEGER NOT NULL DEFAULT 0",
    # it stood in the JSON; as text, for a newer SQLite takes a blob for its own binary form
    """
    UPDATE requests SET upstream_cost_nano = json_extract(CAST(rest AS TEXT), '$.upstream_cost_nano')
    WHERE instr(CAST(rest AS TEXT), '"upstream_cost_nano"')
    """,
    """
    UPDATE usage_days SET upstream_cost_nano = paid, margin_nano = margin FROM (
        SELECT CAST(at / 86400 AS INTEGER) AS paid_day, account, key, model, channel,
            sum(upstream_cost_nano) AS paid, sum(cost_nano - upstream_cost_nano) AS margin
        FROM requests WHERE upstream_cost_nano IS NOT NULL GROUP BY 1, 2, 3, 4, 5
    ) AS found
    WHERE day = paid_day AND usage_days.account = found.account AND usage_days.key = found.key
        AND usage_days.model = found.model AND usage_days.channel = found.channel
    """,
)

_FOLLOWING = (
    "ALTER TABLE idempotency ADD COLUMN asked_at REAL NOT NULL DEFAULT 0",
    """
    CREATE TABLE pieces (
        request_id TEXT NOT NULL,
        offset INTEGER NOT NULL,
        headers BLOB NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (request_id, offset)
    ) STRICT
    """,
)
_PICTURES = ("ALTER TABLE keys ADD COLUMN images_as_text INTEGER NOT NULL DEFAULT 0",)
_OWNERS = ("ALTER TABLE idempotency ADD COLUMN owner TEXT NOT NULL DEFAULT ''",)

# MIGRATIONS[n] leads from version n to n + 1; never change one that was released
MIGRATIONS = (_FIRST, _MONEY, _MARGIN, _FOLLOWING, TASKS, _PICTURES, _OWNERS)


def migrate(connection: sqlite3.Connection, place: str, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring a database up to date, in one transaction. Of several processes that start at once, one does it."""
    if _version(connection) == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        _check(connection, place, len(migrations))
        for statements in migrations[_version(connection) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _check(connection: sqlite3.Connection, place: str, known: int) -> None:
    version = _version(connection)
    if version > known:
        raise StorageUnavailable(
            f"Database {place} was written by a newer Pisces (its schema is {version}, this one knows {known}). "
            "Upgrade this Pisces, or name another database."
        )
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
        raise StorageUnavailable(f"Database {place} belongs to another program. Name another file.")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
