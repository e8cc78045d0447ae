"""What a request waits at half load: as many requests a second as the slowest gateway can answer twice, sent whatever comes back."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from .contenders import Contender
from .load import Shot, fire, percentile, pour
from .measure import CHAT, lower_quartile

NAME = "latency"
SHOT = Shot(CHAT, "static")
_WARM_UP = 500


class Wait(NamedTuple):
    """Seconds per request; of each round's percentiles the lower quartile, since noise only adds."""

    name: str
    p50: float
    p99: float
    failed: int


class HalfLoad(NamedTuple):
    """Requests per second that saturate one core, and what each waits at half of them."""

    saturation: float
    waits: Sequence[Wait]


async def half_load(contenders: Sequence[Contender], upstream: int, rounds: int, seconds: float) -> HalfLoad:
    """The same arrivals for the upstream itself and for each contender, in turn."""
    saturation = min([await _saturation(contender) for contender in contenders])
    places = [("upstream itself", upstream, ""), *((each.name, each.port, each.key) for each in contenders)]
    seen: dict[str, list[tuple[float, float, int]]] = {}
    for number in range(rounds):
        gaps = _gaps(saturation / 2, seconds, random.Random(number))
        for name, port, key in places:
            result = await pour(port, key, SHOT, gaps)
            waited = percentile(result.latencies, 0.5), percentile(result.latencies, 0.99), result.failed
            seen.setdefault(name, []).append(waited)
    return HalfLoad(saturation, [_wait(name, waited) for name, waited in seen.items()])


async def _saturation(contender: Contender) -> float:
    await fire(contender.port, contender.key, SHOT, _WARM_UP, 32)
    results = [await fire(contender.port, contender.key, SHOT, 2000, 64) for _ in range(3)]
    return statistics.median(result.ok / result.seconds for result in results)


def _gaps(rate: float, seconds: float, rng: random.Random) -> list[float]:
    """Seconds between two requests, as clients come that do not know of each other."""
    return [rng.expovariate(rate) for _ in range(int(rate * seconds))]


def _wait(name: str, rounds: Sequence[tuple[float, float, int]]) -> Wait:
    halves, tails, failed = zip(*rounds, strict=True)
    return Wait(name, lower_quartile(halves), lower_quartile(tails), sum(failed))
