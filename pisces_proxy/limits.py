"""Requests and tokens per minute, and how many at a time, per key. No clock of its own: it is handed one.

What a limiter promises: in any sixty seconds a key is let through at most `rpm` times and for at most `tpm` tokens, and at
most `concurrency` of its requests run at one time. A burst is let through up to the limit exactly. A refused request takes
nothing. `retry_after` is when the same request would pass if nothing else happened; a freed place cannot be foretold, there
it is a second.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Literal

import msgspec

from .errors import RateLimited

if TYPE_CHECKING:
    from .config import Defaults
    from .storage import Key

MINUTE = 60.0
SOON = 1.0  # when to ask again for a place among those that run

Limited = Literal["requests", "tokens", "concurrency"]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """A key's limits per minute, and at one time. None or 0: no limit."""

    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None


def limits_of(key: Key, defaults: Defaults) -> Limits:
    """A key's own limits, and the defaults where it has none."""
    return Limits(
        rpm=defaults.rpm if key.rpm is None else key.rpm,
        tpm=defaults.tpm if key.tpm is None else key.tpm,
        concurrency=defaults.concurrency if key.concurrency is None else key.concurrency,
    )


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of one limit, and in how many seconds all of it is back."""

    limit: int
    remaining: int
    reset: float


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a key stands; None where it has no such limit."""

    requests: Allowance | None = None
    tokens: Allowance | None = None


class Lease(abc.ABC):
    """One request that was let through. Both methods return at once: a limiter elsewhere is told in the background."""

    __slots__ = ()
    standing: Standing

    @abc.abstractmethod
    def correct(self, tokens: int) -> None:
        """What it has used in fact, in place of the estimate. Less than the estimate comes back to the minute that it
        was taken from; more counts from now on. May be called again."""

    @abc.abstractmethod
    def release(self) -> None:
        """It has ended. Safe to repeat."""


class Limiter(abc.ABC):
    """Counts for one gateway, or for all that share it."""

    async def open(self) -> None:  # noqa: B027 - one in this process has nothing to open
        """Connect."""

    async def close(self) -> None:  # noqa: B027
        """Let go."""

    @abc.abstractmethod
    async def take(self, key: str, limits: Limits, tokens: int, *, requests: int = 1) -> Lease:
        """Let a request of so many tokens (estimated) through, or raise `RateLimited`. `key` is the key's id. What only
        polls or counts takes `requests=0`."""

    @abc.abstractmethod
    async def standing(self, key: str, limits: Limits) -> Standing:
        """Where a key stands, for the headers of an answer that took nothing."""


class TooManyTokens(RateLimited):
    """One request is estimated at more than a whole minute's tokens: waiting does not help."""

    retryable = False


def refusal(limited: Limited, limit: int, retry_after: float) -> RateLimited:
    """The error of a limit that is reached."""
    said = {
        "requests": f"This key may make {limit:,} requests per minute and has made them. Try again in {_seconds(retry_after)}.",
        "tokens": f"This key may use {limit:,} tokens per minute, and too few of them are left. "
        f"Try again in {_seconds(retry_after)}.",
        "concurrency": f"This key may have {limit:,} requests running at one time and has them. Wait until one has ended.",
    }
    details = {"limit": limited, "value": str(limit)}
    return RateLimited(said[limited], retry_after=retry_after, code="rate_limit_exceeded", details=details)


def too_many_tokens(limit: int, tokens: int) -> RateLimited:
    return TooManyTokens(
        f"This request is estimated at {tokens:,} tokens, prompt and longest answer together; this key may use {limit:,} per "
        "minute, so it would never pass. Shorten it, or ask for fewer output tokens.",
        code="rate_limit_exceeded",
        details={"limit": "tokens", "value": str(limit), "requested": str(tokens)},
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
