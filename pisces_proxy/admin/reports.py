"""What was used, asked, booked and changed: sums, requests, ledger, audits. Reads only."""

from __future__ import annotations

from typing import Any

from ..ledger import Audit, Entry
from ..storage import Record
from . import told
from .asked import AuditsQuery, LedgerQuery, Nothing, RequestsQuery, UsageQuery
from .desk import Call, Desk, instant, lost_cursor, missing, moment, paged, seconds


async def sum_usage(desk: Desk, call: Call[UsageQuery, None]) -> told.UsageSums:
    query = call.query
    found = await desk.storage.usage(by=query.by, **_matching(query))
    since, until = instant(query.since, "since"), instant(query.until, "until")
    page, cursor = paged(found, query, lambda group: group.name)
    return told.UsageSums(by=query.by, since=since, until=until, data=list(page), next_cursor=cursor)


async def list_requests(desk: Desk, call: Call[RequestsQuery, None]) -> told.Requests:
    query = call.query
    if query.cursor is not None and await desk.storage.record(query.cursor) is None:
        raise lost_cursor()
    found = await desk.storage.records(limit=query.limit + 1, before=query.cursor, **_matching(query))
    page = found[: query.limit]
    cursor = page[-1].request_id if len(found) > len(page) else None
    return told.Requests(data=[told.Request(**_request(record)) for record in page], next_cursor=cursor)


async def get_request(desk: Desk, call: Call[Nothing, None]) -> told.RequestInFull:
    record = await desk.storage.record(call.path["request_id"])
    if record is None:
        raise missing("request", call.path["request_id"])
    more = {name: getattr(record, name) for name in ("price_lines", "measures", "warnings", "attempts")}
    return told.RequestInFull(**_request(record), **more)


def _matching(query: UsageQuery | RequestsQuery) -> dict[str, Any]:
    return {
        "since": seconds(instant(query.since, "since"), "since") or 0.0,
        "until": seconds(instant(query.until, "until"), "until"),
        "key": query.key,
        "account": query.account,
        "model": query.model,
        "channel": query.channel,
    }


def _request(record: Record) -> dict[str, Any]:
    values = {name: getattr(record, name) for name in told.Request.__struct_fields__}
    return values | {"at": moment(record.at)}


async def list_ledger(desk: Desk, call: Call[LedgerQuery, None]) -> told.Ledger:
    query = call.query
    found = await desk.storage.ledger(
        account=query.account, after=query.after, limit=query.limit + 1, request_id=query.request_id
    )
    page = found[: query.limit]
    return told.Ledger(data=[_entry(entry) for entry in page], next_after=page[-1].id if len(found) > len(page) else None)


def _entry(entry: Entry) -> told.Entry:
    values = {name: getattr(entry, name) for name in told.Entry.__struct_fields__}
    return told.Entry(**values | {"at": moment(entry.at)})


async def verify_ledger(desk: Desk, call: Call[Nothing, None]) -> told.Verified:
    found = await desk.storage.verify()
    return told.Verified(ok=found.ok, accounts=found.accounts, rows=found.rows, problems=list(found.problems))


async def list_audits(desk: Desk, call: Call[AuditsQuery, None]) -> told.Audits:
    query = call.query
    found = await desk.storage.audits(after=query.after, limit=query.limit + 1)
    page = found[: query.limit]
    return told.Audits(data=[_audit(audit) for audit in page], next_after=page[-1].id if len(found) > len(page) else None)


def _audit(audit: Audit) -> told.Audit:
    values = {name: getattr(audit, name) for name in told.Audit.__struct_fields__}
    return told.Audit(**values | {"at": moment(audit.at)})
