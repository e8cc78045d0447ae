"""What the reader asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pisces_proxy.storage import GroupBy

from . import rows
from .days import LENGTH, day_of

Query = tuple[str, list[Any]]
Terms = list[tuple[str, Any]]

_KEYS = f"SELECT {', '.join(rows.KEY)} FROM keys"
_ACCOUNTS = f"SELECT {', '.join(rows.ACCOUNT)} FROM accounts"
_REQUESTS = f"SELECT {', '.join(rows.REQUEST)} FROM requests"
_LEDGER = f"SELECT {', '.join(rows.ENTRY)} FROM ledger"
# SQLite takes a partial index only where the query repeats its condition
ONCE = "kind NOT IN ('reserve', 'release')"
HELD = "kind IN ('reserve', 'release')"

ACCOUNTS = f"{_ACCOUNTS} ORDER BY created_at, name"
ACCOUNT = f"{_ACCOUNTS} WHERE name = ?"
KEYS = f"{_KEYS} ORDER BY created_at, name"
KEY = f"{_KEYS} WHERE digest = ?"
KEY_BY_ID = f"{_KEYS} WHERE id = ?"
KEY_BY_NAME = f"{_KEYS} WHERE name = ?"
BALANCE = """
    SELECT name, coalesce(balance_nano, 0), coalesce(reserved_nano, 0), coalesce(credited_nano, 0), coalesce(spent_nano, 0),
        credit_line_nano, unlimited
    FROM accounts LEFT JOIN balances ON account = name WHERE name = ?
"""
AUDITS = f"SELECT {', '.join(rows.AUDIT)} FROM audits WHERE id > ? ORDER BY id LIMIT ?"
RECORD = f"{_REQUESTS} WHERE request_id = ?"

_GROUPS: dict[GroupBy, str] = {
    "model": "model",
    "key": "key",
    "channel": "channel",
    "account": "account",
    "day": "date(day * 86400, 'unixepoch')",
}
_DAY = "date(at, 'unixepoch')"
# what to group by, and where, is filled in
_OF_ROWS = {
    "errors": "status >= 400",
    "upstream_cost_nano": "coalesce(upstream_cost_nano, 0)",
    "margin_nano": "coalesce(cost_nano - upstream_cost_nano, 0)",
}


def _sums(of: Mapping[str, str]) -> str:
    return ", ".join(f"sum({of.get(name, name)}) AS {name}" for name in rows.DAY_SUMS)


_DAYS = f"SELECT {{}} AS name, sum(requests) AS requests, {_sums({})} FROM usage_days WHERE {{}} GROUP BY 1"
_ROWS = f"SELECT {{}} AS name, count(*) AS requests, {_sums(_OF_ROWS)} FROM requests WHERE {{}} GROUP BY 1"


def records(since: float, until: float | None, limit: int, before: str | None, matching: Mapping[str, str | None]) -> Query:
    """Records, newest first; those of one moment in the order of their rows, so that pages neither overlap nor skip."""
    where, values = _where(_span(since, until), matching)
    if before is not None:
        where += " AND (at, row) < (SELECT at, row FROM requests WHERE request_id = ?)"
        values.append(before)
    return f"{_REQUESTS} WHERE {where} ORDER BY at DESC, row DESC LIMIT ?", [*values, limit]


def extent(matching: Mapping[str, str | None]) -> Query:
    """Where such records are: the first and the last day, and the account, twice where it is the only one."""
    where, values = _where([], matching)
    return f"SELECT min(day), max(day), min(account), max(account) FROM usage_days WHERE {where}", values


def usage(since: float, until: float | None, by: GroupBy, matching: Mapping[str, str | None]) -> Query:
    """Sums by one column, in the order of UsageGroup's fields: whole days from the sums that are kept of them, what is
    before and after from the rows."""
    selects, values = [], []
    for table, terms in _pieces(since, until):
        where, these = _where(terms, matching)
        group = _DAY if by == "day" and table is _ROWS else _GROUPS[by]
        selects.append(table.format(group, where))
        values += these
    order = "1 DESC" if by == "day" else "2 DESC, 1"
    sums = ", ".join(f"sum({name})" for name in ("requests", *rows.DAY_SUMS))
    return f"SELECT name, {sums} FROM ({' UNION ALL '.join(selects)}) GROUP BY 1 ORDER BY {order}", values


def _pieces(since: float, until: float | None) -> Iterator[tuple[str, Terms]]:
    """The rest of the first day, the days between, the beginning of the last."""
    first = day_of(since) + (since % LENGTH > 0)
    last = day_of(until) if until is not None else None
    if last is not None and last < first:
        yield _ROWS, _span(since, until)
        return
    if since < first * LENGTH:
        yield _ROWS, _span(since, first * LENGTH)
    yield _DAYS, [("day >= ?", first)] if last is None else [("day >= ?", first), ("day < ?", last)]
    if last is not None and until is not None and last * LENGTH < until:
        yield _ROWS, _span(last * LENGTH, until)


def _span(since: float, until: float | None) -> Terms:
    return [("at >= ?", since)] if until is None else [("at >= ?", since), ("at < ?", until)]


def _where(terms: Terms, matching: Mapping[str, str | None]) -> Query:
    """All of it in one condition."""
    every = [*terms, *((f"{column} = ?", value) for column, value in matching.items() if value is not None)]
    return " AND ".join(term for term, _ in every), [value for _, value in every]


def ledger(account: str | None, after: int, limit: int, request_id: str | None) -> Query:
    """Rows in the order of their ids."""
    if request_id is None:
        mine = " AND account = ?" if account is not None else ""
        values = [after] if account is None else [after, account]
        return f"{_LEDGER} WHERE id > ?{mine} ORDER BY id LIMIT ?", [*values, limit]
    mine = "request_id = ? AND id > ?" + (" AND account = ?" if account is not None else "")
    values = [request_id, after] if account is None else [request_id, after, account]
    both = f"{_LEDGER} WHERE {ONCE} AND {mine} UNION ALL {_LEDGER} WHERE {HELD} AND {mine}"
    return f"{both} ORDER BY id LIMIT ?", [*values, *values, limit]
