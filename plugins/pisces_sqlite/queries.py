"""What the reader asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pisces_proxy.storage import GroupBy

from . import rows

Query = tuple[str, list[Any]]

_KEYS = f"SELECT {', '.join(rows.KEY)} FROM keys"
_ACCOUNTS = f"SELECT {', '.join(rows.ACCOUNT)} FROM accounts"
_REQUESTS = f"SELECT {', '.join(rows.REQUEST)} FROM requests"

ACCOUNTS = f"{_ACCOUNTS} ORDER BY created_at, name"
ACCOUNT = f"{_ACCOUNTS} WHERE name = ?"
KEYS = f"{_KEYS} ORDER BY created_at, name"
KEY = f"{_KEYS} WHERE digest = ?"
KEY_BY_ID = f"{_KEYS} WHERE id = ?"
KEY_BY_NAME = f"{_KEYS} WHERE name = ?"
RECORD = f"{_REQUESTS} WHERE request_id = ?"

_GROUPS: dict[GroupBy, str] = {
    "model": "model",
    "key": "key",
    "channel": "channel",
    "account": "account",
    "day": "strftime('%Y-%m-%d', at, 'unixepoch')",
}


def records(since: float, until: float | None, limit: int, before: str | None, matching: Mapping[str, str | None]) -> Query:
    """Records, newest first; those of one moment in the order of their rows, so that pages neither overlap nor skip."""
    where, values = _within(since, until)
    for column, value in matching.items():
        if value is not None:
            where += f" AND {column} = ?"
            values.append(value)
    if before is not None:
        where += " AND (at, row) < (SELECT at, row FROM requests WHERE request_id = ?)"
        values.append(before)
    return f"{_REQUESTS} WHERE {where} ORDER BY at DESC, row DESC LIMIT ?", [*values, limit]


def usage(since: float, until: float | None, by: GroupBy) -> Query:
    """Sums by one column, in the order of UsageGroup's fields."""
    where, values = _within(since, until)
    order = "1 DESC" if by == "day" else "2 DESC, 1"
    sums = "count(*), sum(status >= 400), sum(input), sum(output), sum(cached_input), sum(reasoning), sum(cost_nano)"
    return f"SELECT {_GROUPS[by]}, {sums} FROM requests WHERE {where} GROUP BY 1 ORDER BY {order}", values


def _within(since: float, until: float | None) -> Query:
    return ("at >= ?", [since]) if until is None else ("at >= ? AND at < ?", [since, until])
