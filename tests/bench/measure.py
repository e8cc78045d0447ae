"""The measurements: CPU per request and per chunk in interleaved runs, memory, latency of many streams at once."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from .contenders import Contender
from .load import Result, Shot, fire, percentile
from .processes import idle_cpu, memory

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
OURS = ("bare", "pisces")
REQUEST, BURST = "request", "chunk, burst of 200"


class Workload(NamedTuple):
    """A number of equal requests. CPU is counted per request, or per chunk where the answer has chunks."""

    name: str
    shot: Shot
    requests: int
    concurrency: int

    @property
    def units(self) -> int:
        return self.requests * (self.shot.chunks or 1)


def workloads(scale: float) -> tuple[Workload, ...]:
    """Sizes that take the bare passthrough half a second of CPU at scale 1: fifty ticks of the clock in /proc."""
    whole, paced, burst = Shot(CHAT, "static"), Shot(CHAT, "paced-20x100", True, 100), Shot(CHAT, "burst-200", True, 200)
    rows = (
        Workload(REQUEST, whole, 3000, 32),
        Workload(f"{REQUEST}, translated", whole._replace(path=MESSAGES), 3000, 32),
        Workload("chunk, paced 20 ms", paced, 100, 100),
        Workload("chunk, paced 20 ms, translated", paced._replace(path=MESSAGES), 100, 100),
        Workload(BURST, burst, 600, 16),
        Workload(f"{BURST}, translated", burst._replace(path=MESSAGES), 600, 16),
    )
    return tuple(row._replace(requests=max(int(row.requests * scale), 20)) for row in rows)


class Cost(NamedTuple):
    """Microseconds of CPU per unit: the lower quartile of the runs, since noise only adds."""

    micros: float
    runs: tuple[float, ...]


async def costs(contenders: Sequence[Contender], work: Workload, rounds: int) -> dict[str, Cost]:
    """One workload on each contender in turn, several times over: whatever the machine does hits all alike."""
    seen: dict[str, list[float]] = {}
    able = [contender for contender in contenders if await _warm(contender, work)]
    for _ in range(rounds):
        for contender in able:
            seen.setdefault(contender.name, []).append(await _cost(contender, work))
    return {name: Cost(lower_quartile(runs), tuple(runs)) for name, runs in seen.items()}


async def _warm(contender: Contender, work: Workload) -> bool:
    """A tenth of the work, uncounted. False for a stranger that cannot do it: its cells stay empty."""
    try:
        await _shots(contender, work, max(work.requests // 10, 10))
    except RuntimeError:
        if contender.name in OURS:
            raise
        return False
    return True


async def _cost(contender: Contender, work: Workload) -> float:
    before = idle_cpu(contender.process.pid)
    await _shots(contender, work, work.requests)
    return (idle_cpu(contender.process.pid) - before) / work.units * 1e6


async def _shots(contender: Contender, work: Workload, count: int) -> Result:
    shot = work.shot if contender.translates else work.shot._replace(path=CHAT)  # the floor relays, whatever the client speaks
    result = await fire(contender.port, contender.key, shot, count, work.concurrency)
    if result.failed:
        raise RuntimeError(f"{contender.name}, {work.name}: {result.failed} of {count} failed: {result.error}")
    return result


def lower_quartile(runs: Sequence[float]) -> float:
    return statistics.quantiles(runs, n=4)[0] if len(runs) >= 4 else min(runs)


class Crowd(NamedTuple):
    """Many streams at once. Latencies in seconds per chunk, from the upstream's write to the client's read."""

    streams: int
    failed: int
    p50: float
    p99: float
    bytes_per_stream: float
    error: str = ""


async def crowd(port: int, key: str, pid: int | None, streams: int, path: str = CHAT) -> Crowd:
    """All streams open, a chunk every 200 ms each, starts spread over the first two seconds."""
    shot = Shot(path, "paced-200x50", True, 50)
    before = memory(pid) if pid is not None else 0
    firing = asyncio.create_task(fire(port, key, shot, streams, streams, spread=2.0, limit=60))
    await asyncio.sleep(6.0)  # all are open now, none has ended
    grown = memory(pid) - before if pid is not None else 0
    result = await firing
    settled = result.delays[len(result.delays) // 5 :]  # without the start
    p50, p99 = percentile(settled, 0.5), percentile(settled, 0.99)
    return Crowd(streams, result.failed, p50, p99, grown / streams, result.error)
