"""The bench itself works: what it measures is what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from bench.load import Result, Shot, fire, percentile, pour
from bench.upstream import Answering


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def shoot(port: int, shot: Shot, count: int = 6, concurrency: int = 3) -> Result:
    result = await fire(port, "key", shot, count, concurrency, limit=10)
    assert (result.ok, result.failed, result.error) == (count, 0, "")
    return result


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize(("model", "stream"), [("static", False), ("static", True), ("burst-7", True), ("paced-1x5", True)])
async def test_every_kind_of_answer_is_read_to_its_end(port: int, path: str, model: str, stream: bool) -> None:
    result = await shoot(port, Shot(path, model, stream, 5))
    assert len(result.latencies) == 6


async def test_paced_chunks_tell_when_they_were_sent(port: int) -> None:
    result = await shoot(port, Shot("/v1/chat/completions", "paced-2x10", True, 10), count=4)
    assert len(result.delays) == 40 and 0 <= percentile(result.delays, 0.5) < 1
    assert percentile(result.latencies, 0.0) >= 0.02


async def test_a_server_that_hangs_up_is_counted_as_failed() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        result = await fire(server.sockets[0].getsockname()[1], "key", Shot("/", "static"), 2, 2, limit=5)
    assert result.failed == 2 and result.ok == 0 and result.error


async def test_requests_at_their_own_times_wait_for_no_answer(port: int) -> None:
    result = await pour(port, "key", Shot("/v1/chat/completions", "paced-20x5", True, 5), [0.01] * 12)
    assert (result.ok, result.failed, len(result.latencies)) == (12, 0, 12)
    assert result.seconds < 12 * percentile(result.latencies, 0.0)


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0 and percentile([], 0.99) == 0.0
