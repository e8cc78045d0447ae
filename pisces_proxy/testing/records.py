"""Usage rows: one for each request, found again, summed up, pruned."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ..storage import GroupBy, Record, Storage
from ..usage import Usage
from .contract import Contract
from .samples import FULL_RECORD, NOON, record


class RecordContract(Contract):
    async def test_a_record_is_found_as_it_was_finished(self, storage: Storage) -> None:
        for row in (FULL_RECORD, Record(request_id="req_2", at=1.0)):
            await storage.finish(row)
            assert await storage.record(row.request_id) == row
        assert await storage.record("req_3") is None

    async def test_a_second_row_for_a_request_changes_nothing(self, storage: Storage) -> None:
        await storage.finish(record(1, cost_nano=5))
        await storage.finish(record(1, cost_nano=6, at=99.0))
        assert [row.cost_nano for row in await storage.records()] == [5]

    async def test_records_come_newest_first_and_filtered(self, storage: Storage) -> None:
        for n in range(6):
            await storage.finish(record(n, at=float(n), key=f"k{n % 2}", account=f"a{n % 3}", model=f"m{n}", channel="c"))
        asked: list[tuple[dict[str, Any], list[int]]] = [
            ({}, [5, 4, 3, 2, 1, 0]),
            ({"since": 2.0, "until": 4.0}, [3, 2]),
            ({"limit": 2}, [5, 4]),
            ({"key": "k1"}, [5, 3, 1]),
            ({"account": "a0", "key": "k1"}, [3]),
            ({"model": "m4", "channel": "c"}, [4]),
            ({"key": "k1", "until": 5.0}, [3, 1]),
            ({"key": "k1", "since": 2.0, "until": 4.0}, [3]),
            ({"key": "k1", "account": "a0", "model": "m4"}, []),
            ({"channel": "d"}, []),
        ]
        for filters, expected in asked:
            assert [int(row.request_id) for row in await storage.records(**filters)] == expected, filters

    async def test_pages_neither_overlap_nor_skip_even_within_one_moment(self, storage: Storage) -> None:
        await asyncio.gather(*(storage.finish(record(n, at=float(n // 10))) for n in range(35)))
        seen: list[str] = []
        while page := await storage.records(limit=4, before=seen[-1] if seen else None):
            seen += [row.request_id for row in page]
        assert sorted(seen, key=int) == [str(n) for n in range(35)]
        assert list(await storage.records(before="unknown")) == []

    @pytest.mark.parametrize(
        ("by", "names"),
        [
            ("model", ["m", "n"]),
            ("key", ["k", "l"]),
            ("channel", ["c", "d"]),
            ("account", ["a", "b"]),
            ("day", ["2023-11-15", "2023-11-14"]),
        ],
    )
    async def test_usage_sums_by(self, storage: Storage, by: GroupBy, names: list[str]) -> None:
        usage = Usage(input=10, cached_input=4, output=7, reasoning=2)
        day = 1_700_000_000.0  # 2023-11-14, 22:13
        for n in range(2):
            named = {"model": "m", "key": "k", "channel": "c", "account": "a"}
            paid = {"cost_nano": 2**60, "upstream_cost_nano": 2**59} if n else {"cost_nano": 2**60}
            await storage.finish(record(n, at=day + 86_400, usage=usage, **paid, **named))
        await storage.finish(record(7, at=day, model="n", key="l", channel="d", account="b", status=502))
        groups = await storage.usage(by=by)
        assert [group.name for group in groups] == names
        first, second = groups
        assert (first.requests, first.errors, first.cost_nano) == (2, 0, 2**61)
        assert (first.input_tokens, first.cached_tokens, first.output_tokens, first.reasoning_tokens) == (20, 8, 14, 4)
        assert (first.upstream_cost_nano, first.margin_nano, second.margin_nano) == (2**59, 2**59, 0)
        (partly,) = await storage.usage(since=day + 1, until=day + 2 * 86_400, by=by)
        assert partly == first
        assert (second.requests, second.errors, second.cost_nano) == (1, 1, 0)
        assert [group.requests for group in await storage.usage(since=day + 1, by=by)] == [2]
        assert [group.requests for group in await storage.usage(until=day + 1, by=by)] == [1]

    async def test_usage_is_summed_over_what_is_asked_for(self, storage: Storage) -> None:
        for n in range(12):
            named = {"key": f"k{n % 2}", "account": f"a{n % 3}", "model": f"m{n % 4}", "channel": "c"}
            await storage.finish(record(n, cost_nano=2**n, **named))
        asked: list[tuple[dict[str, Any], dict[str, int]]] = [
            ({"by": "account"}, {"a0": 4, "a1": 4, "a2": 4}),
            ({"by": "account", "key": "k1"}, {"a0": 2, "a1": 2, "a2": 2}),
            ({"by": "model", "account": "a1", "key": "k1"}, {"m1": 1, "m3": 1}),
            ({"by": "day", "model": "m2", "channel": "c", "until": NOON + 1}, {"2023-11-14": 3}),
            ({"by": "key", "model": "m2", "since": NOON}, {"k0": 3}),
            ({"by": "key", "channel": "d"}, {}),
        ]
        for filters, expected in asked:
            assert {group.name: group.requests for group in await storage.usage(**filters)} == expected, filters
        (first,) = await storage.usage(by="key", key="k1", account="a0", model="m3")
        assert first.cost_nano == 2**3

    @pytest.mark.parametrize("by", ["day", "model"])
    async def test_usage_counts_each_row_once_wherever_days_begin(self, storage: Storage, by: GroupBy) -> None:
        midnight = 1_700_006_400.0  # 2023-11-15, 00:00 UTC
        times = [midnight + 43_200 * n / 2 for n in range(-6, 7)] + [midnight - 0.001, midnight + 0.001]
        for n, at in enumerate(times):
            await storage.finish(record(n, at=at, model="m"))
        ends = [*times, midnight - 100, midnight + 100]
        for since in ends:
            for until in (*ends, None):
                expected = sum(since <= at and (until is None or at < until) for at in times)
                groups = await storage.usage(since=since, until=until, by=by)
                assert sum(group.requests for group in groups) == expected, (since, until)

    async def test_pruned_rows_are_gone_and_their_days_still_count(self, storage: Storage) -> None:
        for n in range(30):
            await storage.finish(record(n, at=NOON + n, cost_nano=1, model="m"))
        assert [await storage.prune(NOON + 20, limit=15) for _ in range(3)] == [15, 5, 0]
        assert [int(kept.request_id) for kept in await storage.records()] == list(range(29, 19, -1))
        (whole,) = await storage.usage()
        assert (whole.requests, whole.cost_nano) == (30, 30)
        assert (await storage.verify()).ok
