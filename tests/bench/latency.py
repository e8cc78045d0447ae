"""What a request waits at half load: as many requests a second as keep the slowest gateway's core busy half of the time.

Not half of the requests that saturate it: a gateway that has much to do does it in larger batches, with warmer caches. The rate
is found anew for each round, since a shared machine is now faster, now slower.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from .contenders import Contender
from .load import Shot, fire, percentile, pour
from .measure import CHAT, lower_quartile
from .processes import cpu

NAME = "latency"
SHOT = Shot(CHAT, "static")
_WARM_UP = 1500
_FIRST = 500.0  # requests per second: a guess, from which the rate is found


class Wait(NamedTuple):
    """Seconds per request, and the share of a core; of each round's figures the lower quartile, since noise only adds."""

    name: str
    p50: float
    p99: float
    busy: float
    failed: int


class HalfLoad(NamedTuple):
    """Requests per second of each round, and what each waits at them."""

    rates: Sequence[float]
    waits: Sequence[Wait]


async def half_load(contenders: Sequence[Contender], upstream: tuple[int, int], rounds: int, seconds: float) -> HalfLoad:
    """The same arrivals for the upstream itself (its process, its port) and for each contender, in turn."""
    for contender in contenders:
        await fire(contender.port, contender.key, SHOT, _WARM_UP, 32)
    pid, port = upstream
    places = [("upstream itself", pid, port, ""), *((each.name, each.process.pid, each.port, each.key) for each in contenders)]
    seen: dict[str, list[_Round]] = {}
    rates = []
    for number in range(rounds):
        rates.append(min([await _half(contender, number) for contender in contenders]))
        gaps = _gaps(rates[-1], seconds, random.Random(number))
        for name, process, address, key in places:
            seen.setdefault(name, []).append(await _round(process, address, key, gaps))
    return HalfLoad(rates, [_wait(name, waited) for name, waited in seen.items()])


class _Round(NamedTuple):
    p50: float
    p99: float
    busy: float
    failed: int


async def _round(process: int, port: int, key: str, gaps: Sequence[float]) -> _Round:
    used = cpu(process)
    result = await pour(port, key, SHOT, gaps)
    busy = (cpu(process) - used) / result.seconds
    return _Round(percentile(result.latencies, 0.5), percentile(result.latencies, 0.99), busy, result.failed)


async def _half(contender: Contender, number: int) -> float:
    """Requests per second at which it is busy half of the time, as it is now."""
    rate = _FIRST
    for trial in range(2):
        tried = await _round(
            contender.process.pid, contender.port, contender.key, _gaps(rate, 1.0, random.Random(number * 2 + trial))
        )
        rate *= 0.5 / max(tried.busy, 0.05)
    return rate


def _gaps(rate: float, seconds: float, rng: random.Random) -> list[float]:
    """Seconds between two requests, as clients come that do not know of each other."""
    return [rng.expovariate(rate) for _ in range(int(rate * seconds))]


def _wait(name: str, rounds: Sequence[_Round]) -> Wait:
    halves, tails, busy, failed = zip(*rounds, strict=True)
    return Wait(name, lower_quartile(halves), lower_quartile(tails), lower_quartile(busy), sum(failed))
