"""Trying channels one after another: who is next, and what a try says of the channel's health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from types import TracebackType
from typing import TypeVar

from . import routing
from .calls import Incoming
from .errors import PiscesError, Unsupported, UpstreamError
from .routing import Candidate, Rest
from .storage import Attempt

R = TypeVar("R")


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
            attempt.error = noted(error)
            attempt.status = attempt.status or getattr(error, "upstream_status", 0) or None
            routing.failed(self._target, self._rest, error, clock())
        else:
            routing.released(self._target, self._rest)


async def first_that_answers(model: str, candidates: list[Candidate], ask: Callable[[Candidate, str, Rest], Awaitable[R]]) -> R:
    """What the first candidate gives that gives anything. Raises what the last one said, or that all are resting."""
    failure: PiscesError | None = None
    for candidate, key, rest in tries(candidates):
        try:
            return await ask(candidate, key, rest)
        except Unsupported as error:
            failure = failure or error  # another channel may speak a format that has it
        except UpstreamError as error:
            if error.final:
                raise
            failure = error
    raise failure or routing.all_resting(model, candidates, clock())


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


def noted(error: PiscesError) -> str:
    """An error as an attempt's record has it."""
    return f"{error.kind}: {error.message}"[:500]


def clock() -> float:
    return asyncio.get_running_loop().time()


def elapsed_ms(call: Incoming) -> float:
    return round((time.perf_counter() - call.started) * 1000, 3)
