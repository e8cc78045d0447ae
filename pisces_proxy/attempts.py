"""Trying channels one after another: who is next, and what a try says of the channel's health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from types import TracebackType

from . import routing
from .calls import Incoming
from .errors import PiscesError
from .routing import Candidate, Rest
from .storage import Attempt


class Attempting:
    """How a try at a target goes, written down for the record and for the target's health."""

    __slots__ = ("_call", "_rest", "_target", "attempt")

    def __init__(self, call: Incoming, candidate: Candidate, rest: Rest) -> None:
        self._call, self._target, self._rest = call, candidate.target, rest
        self.attempt = Attempt(
            channel=candidate.target.channel.name, upstream_model=candidate.model, started_ms=elapsed_ms(call)
        )

    def __enter__(self) -> Attempt:
        self._call.record.attempts.append(self.attempt)
        routing.tried(self._target, self._rest)
        return self.attempt

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        attempt = self.attempt
        attempt.total_ms = elapsed_ms(self._call)
        if error is None:
            routing.succeeded(self._target, self._rest)
        elif isinstance(error, PiscesError):
            attempt.error = f"{error.kind}: {error.message}"[:500]
            attempt.status = attempt.status or getattr(error, "upstream_status", 0) or None
            routing.failed(self._target, self._rest, error, clock())
        else:
            routing.released(self._target, self._rest)


def tries(candidates: list[Candidate]) -> Iterator[tuple[Candidate, str, Rest]]:
    """Each target with a key of its own; once more with the next key where the last one was refused or used up."""
    for candidate in candidates:
        for _ in candidate.target.keys:
            taken = candidate.target.take_key(clock())
            if taken is None:
                break
            yield candidate, *taken
            if taken[1].available(clock()):  # it was not the key
                break


def clock() -> float:
    return asyncio.get_running_loop().time()


def elapsed_ms(call: Incoming) -> float:
    return round((time.perf_counter() - call.started) * 1000, 3)
