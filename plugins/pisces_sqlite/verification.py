"""Every sum recomputed from its rows, and what is off by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from pisces_proxy.ledger import Verification

from .connection import PATIENCE
from .location import Location
from .money import EVER
from .queries import HELD, ONCE

MOST = 100  # problems that are listed; where there are more, their number is

_ROWS_OF_BALANCE = """
    SELECT account,
        sum(CASE kind WHEN 'settle' THEN -amount_nano WHEN 'credit' THEN amount_nano WHEN 'adjust' THEN amount_nano ELSE 0 END),
        sum(CASE kind WHEN 'credit' THEN amount_nano ELSE 0 END),
        sum(CASE kind WHEN 'settle' THEN amount_nano ELSE 0 END)
    FROM ledger GROUP BY account
"""
_BALANCES = "SELECT account, balance_nano, credited_nano, spent_nano FROM balances"

# name of the sum, what is kept, what the rows say: the names first, then one number
_SINGLE = (
    (
        "account {0!r}: reserved",
        "SELECT account, reserved_nano FROM balances WHERE reserved_nano <> 0",
        "SELECT account, sum(amount_nano) FROM reservations GROUP BY account HAVING sum(amount_nano) <> 0",
    ),
    (
        "key {0!r}, day {1}: spent",
        f"SELECT key, day, spent_nano FROM key_spend WHERE spent_nano <> 0 AND day <> {EVER}",
        """SELECT key, CAST(at / 86400 AS INTEGER), sum(amount_nano) FROM ledger
        WHERE kind = 'settle' GROUP BY 1, 2 HAVING sum(amount_nano) <> 0""",
    ),
    (
        "key {0!r}, in total: spent",
        f"SELECT key, spent_nano FROM key_spend WHERE spent_nano <> 0 AND day = {EVER}",
        "SELECT key, sum(amount_nano) FROM ledger WHERE kind = 'settle' GROUP BY key HAVING sum(amount_nano) <> 0",
    ),
    (
        "key {0!r}, day {1}: reserved",
        f"SELECT key, day, reserved_nano FROM key_spend WHERE reserved_nano <> 0 AND day <> {EVER}",
        """SELECT key, CAST(at / 86400 AS INTEGER), sum(amount_nano) FROM reservations
        GROUP BY 1, 2 HAVING sum(amount_nano) <> 0""",
    ),
    (
        "key {0!r}, in total: reserved",
        f"SELECT key, reserved_nano FROM key_spend WHERE reserved_nano <> 0 AND day = {EVER}",
        "SELECT key, sum(amount_nano) FROM reservations GROUP BY key HAVING sum(amount_nano) <> 0",
    ),
)
# each row of an answer is one problem
_FAULTS = (
    (
        "request {0!r} has {1} {2} rows",
        f"SELECT request_id, count(*), kind FROM ledger WHERE {ONCE} GROUP BY request_id, kind HAVING count(*) > 1",
    ),
    (
        "request {0!r} is reserved, but {1} of its reserve rows are open",
        f"""SELECT open.request_id, (SELECT coalesce(sum(CASE kind WHEN 'reserve' THEN 1 ELSE -1 END), 0) FROM ledger
            WHERE {HELD} AND ledger.request_id = open.request_id) AS rows
        FROM reservations AS open WHERE rows <> 1""",
    ),
    (
        "request {0!r} is reserved and settled",
        f"""SELECT request_id FROM reservations WHERE EXISTS (
            SELECT 1 FROM ledger WHERE {ONCE} AND kind = 'settle' AND ledger.request_id = reservations.request_id)""",
    ),
    (
        "request {0!r} was reserved and neither settled nor released, and its reservation is gone",
        f"""SELECT held.request_id FROM ledger AS held WHERE {HELD} GROUP BY held.request_id
        HAVING sum(CASE kind WHEN 'reserve' THEN 1 ELSE -1 END) <> 0
            AND NOT EXISTS (SELECT 1 FROM reservations WHERE reservations.request_id = held.request_id)
            AND NOT EXISTS (SELECT 1 FROM ledger WHERE {ONCE} AND kind = 'settle' AND ledger.request_id = held.request_id)""",
    ),
    (
        "request {0!r} cost {1}, and {2} was settled",
        f"""SELECT requests.request_id, cost_nano, amount_nano FROM ledger JOIN requests USING (request_id)
        WHERE {ONCE} AND kind = 'settle' AND cost_nano <> amount_nano""",
    ),
    (
        "day {0}: {1} requests are counted, and there are {2}",
        """SELECT date(day * 86400, 'unixepoch'), coalesce(counted, 0), found FROM
            (SELECT CAST(at / 86400 AS INTEGER) AS day, count(*) AS found FROM requests WHERE at >= 0 GROUP BY 1)
            LEFT JOIN (SELECT day, sum(requests) AS counted FROM usage_days GROUP BY day) USING (day)
        WHERE coalesce(counted, 0) < found""",
    ),
)


def verified(location: Location) -> Verification:
    """On a connection of its own, in one read transaction: all of it is compared as of one moment."""
    with closing(sqlite3.connect(location.target, timeout=PATIENCE, isolation_level=None, uri=True)) as connection:
        connection.execute("BEGIN")
        return _verify(connection)


def _verify(connection: sqlite3.Connection) -> Verification:
    problems = list(_problems(connection))
    if len(problems) > MOST:
        problems[MOST:] = [f"and {len(problems) - MOST} more"]
    return Verification(
        accounts=_number(connection, "SELECT count(*) FROM (SELECT name FROM accounts UNION SELECT account FROM balances)"),
        rows=_number(connection, "SELECT count(*) FROM ledger"),
        problems=tuple(problems),
    )


def _problems(connection: sqlite3.Connection) -> Iterator[str]:
    yield from _wrong_balances(connection)
    for name, kept, counted in _SINGLE:
        yield from _differences(name, _by_name(connection, kept), _by_name(connection, counted))
    for sentence, query in _FAULTS:
        for row in connection.execute(query):
            yield sentence.format(*row)


def _wrong_balances(connection: sqlite3.Connection) -> Iterator[str]:
    zeros = (0, 0, 0)
    kept = {account: tuple(sums) for account, *sums in connection.execute(_BALANCES)}
    counted = {account: tuple(sums) for account, *sums in connection.execute(_ROWS_OF_BALANCE)}
    for account in sorted(kept.keys() | counted.keys()):
        pairs = zip(("balance", "credited", "spent"), kept.get(account, zeros), counted.get(account, zeros), strict=True)
        for name, is_kept, is_counted in pairs:
            if is_kept != is_counted:
                yield f"account {account!r}: {name} is kept as {is_kept}, its rows add up to {is_counted}"


def _by_name(connection: sqlite3.Connection, query: str) -> dict[tuple[Any, ...], int]:
    return {tuple(name): number for *name, number in connection.execute(query)}


def _differences(what: str, kept: dict[tuple[Any, ...], int], counted: dict[tuple[Any, ...], int]) -> Iterator[str]:
    for name in sorted(kept.keys() | counted.keys()):
        if kept.get(name, 0) != counted.get(name, 0):
            yield f"{what.format(*name)} is kept as {kept.get(name, 0)}, its rows add up to {counted.get(name, 0)}"


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])
