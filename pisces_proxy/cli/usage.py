"""`pisces usage`, `pisces request`: what was asked, what it took, what it cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import click
import msgspec

from ..pricing import in_words
from ..storage import Attempt, GroupBy, Record, UsageGroup
from ..usage import Usage
from . import values
from .context import json_option, open_storage, storage_options

_SUMS = ("requests", "errors", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "cost_nano")
_MARGIN = ("upstream_cost_nano", "margin_nano")
# a usage's fields as the JSON names them, in the order of `pisces usage`
_TOKENS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cached_input": "cached_tokens",
    "reasoning": "reasoning_tokens",
    "cache_write": "cache_write_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
    "audio_input": "audio_input_tokens",
    "image_input": "image_input_tokens",
    "tool_input": "tool_input_tokens",
    "audio_output": "audio_output_tokens",
    "image_output": "image_output_tokens",
    "searches": "searches",
    "estimated": "estimated",
}


@click.command()
@click.option("--since", default="24h", show_default=True, metavar="DURATION", help="How far back: 30m, 24h, 7d.")
@click.option("--by", type=click.Choice(get_args(GroupBy)), default="model", show_default=True, help="One row for each.")
@storage_options
@json_option
def usage(since: str, by: GroupBy, path: str | None, database: str | None, as_json: bool) -> None:
    """What was used: requests, tokens and cost.

    \b
    pisces usage
    pisces usage --since 30d --by account
    pisces usage --by day --since 7d --json
    """
    from .tables import print_json, print_table

    groups = asyncio.run(_usage(path, database, time.time() - values.duration(since), by))
    if as_json:
        print_json([{by: group.name, **msgspec.structs.asdict(group)} for group in groups])
        return
    total = UsageGroup(name="total", **{name: sum(getattr(group, name) for group in groups) for name in _SUMS + _MARGIN})
    sold = any(getattr(total, name) for name in _MARGIN)  # no channel says what it pays: no columns for it
    rows = [_row(group, sold) for group in [*groups, total]] if groups else []
    columns = [by, "requests", "errors", "input", "cached", "output", "reasoning", "cost"]
    columns += ["upstream", "margin"] if sold else []
    print_table(f"Usage of the last {since}", columns, rows, right=columns[1:], total=True)


async def _usage(path: str | None, database: str | None, since: float, by: GroupBy) -> Sequence[UsageGroup]:
    async with open_storage(path, database) as storage:
        return await storage.usage(since=since, by=by)


def _row(group: UsageGroup, sold: bool) -> list[str]:
    from .tables import count, dollars

    *counts, cost = (getattr(group, name) for name in _SUMS)
    money = (cost, group.upstream_cost_nano, group.margin_nano) if sold else (cost,)
    return [group.name or "(none)", *map(count, counts), *map(dollars, money)]


@click.command()
@click.argument("request_id")
@storage_options
@json_option
def request(request_id: str, path: str | None, database: str | None, as_json: bool) -> None:
    """One request: its attempts, channels, timings, tokens and price.

    The id stands in the x-request-id header of every answer and in `pisces.request_id` of its body.

    \b
    pisces request req_0123456789abcdef01234567
    """
    from .tables import print_json

    record = asyncio.run(_record(path, database, request_id))
    if record is None:
        raise click.ClickException(
            f"There is no request {request_id!r} in this database. Its id stands in the x-request-id header of the answer; "
            "a request that still runs has no row yet."
        )
    if as_json:
        print_json(_whole(record))
        return
    _show(record)


async def _record(path: str | None, database: str | None, request_id: str) -> Record | None:
    async with open_storage(path, database) as storage:
        return await storage.record(request_id)


def _whole(record: Record) -> dict[str, Any]:
    return {
        "request_id": record.request_id,
        "key": record.key,
        "account": record.account,
        "model": record.model,
        "protocol": record.protocol,
        "status": record.status,
        "attempts": record.attempts,
        "usage": _tokens(record.usage),
        "measures": record.measures,
        "price_lines": record.price_lines,
        "cost_nano": record.cost_nano,
        "upstream_cost_nano": record.upstream_cost_nano,
        "margin_nano": record.margin_nano,
        "warnings": record.warnings,
        "flags": record.flags,
    }


def _tokens(counted: Usage) -> dict[str, Any]:
    return {name: getattr(counted, field) for field, name in _TOKENS.items()}


def _show(record: Record) -> None:
    from .tables import dollars, moment, print_fields, print_table

    translated = record.upstream_protocol and record.upstream_protocol != record.protocol
    print_fields(
        f"Request {record.request_id}",
        [
            ("at", moment(record.at)),
            ("status", f"{record.status} {record.error or ''}".strip()),
            ("key", record.key),
            ("account", record.account),
            ("endpoint", record.endpoint + (" (stream)" if record.stream else "")),
            ("model", record.model),
            ("protocol", record.protocol + (f", translated to {record.upstream_protocol}" if translated else "")),
            ("time", f"{_ms(record.total_ms)}, first byte {_ms(record.first_byte_ms)}, upstream {_ms(record.upstream_ms)}"),
            ("usage", _counted(record.usage)),
            ("measures", in_words(record.measures)),
            ("cost", dollars(record.cost_nano)),
            ("upstream cost", dollars(record.upstream_cost_nano)),
            ("margin", dollars(record.margin_nano)),
            ("client's id", record.client_request_id),
            ("warnings", "\n".join(record.warnings)),
            ("flags", ", ".join(record.flags)),
        ],
    )
    columns = ["channel", "upstream model", "status", "started", "first byte", "ended", "error"]
    print_table("Attempts", columns, [_tried(attempt) for attempt in record.attempts], right=columns[2:-1])
    if record.price_lines:
        columns = ["unit", "quantity", "rate", "amount"]
        print_table("Price", columns, [_priced(line) for line in record.price_lines], right=columns[1:])


def _priced(line: Mapping[str, Any]) -> list[str]:
    """A line of the bill as it was frozen: its rate is in nano-dollars per million."""
    from .tables import dollars

    unit, rate = str(line["unit"]), int(line["rate"])
    each = unit.partition(" ")[0] in ("search", "call", "image", "second")
    told = f"{dollars(rate // 1_000_000)} each" if each else f"{dollars(rate)} per million"
    return [unit.replace("_", " "), f"{line['quantity']:,}", told, dollars(line["amount_nano"])]


def _tried(attempt: Attempt) -> list[str]:
    moments = (attempt.started_ms, attempt.first_byte_ms, attempt.total_ms)
    return [attempt.channel, attempt.upstream_model, str(attempt.status or ""), *map(_ms, moments), attempt.error or ""]


def _counted(counted: Usage) -> str:
    """What is not zero, in words."""
    parts = [f"{value:,} {name.replace('_', ' ')}" for name, value in _tokens(counted).items() if value and name != "estimated"]
    return ", ".join(parts) + (" (estimated)" if counted.estimated else "")


def _ms(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:,.0f} ms"


commands: list[click.Command] = [usage, request]
