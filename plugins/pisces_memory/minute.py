"""The last sixty seconds of one key: a sliding window in slices of a second.

A slice holds what was taken within a second of its first taking and lasts until sixty seconds after its last. So a burst
comes back exactly a minute later, what trickles in comes back at most a second late, no sixty seconds ever see more than
the limit (as two halves of fixed minutes would), and a key is at most sixty-one slices, whatever its limits.
"""

from __future__ import annotations

import math
from collections import deque

from pisces_proxy.limits import MINUTE, Allowance

_SLICE = 1.0
_BLUR = 1e-6  # what sums of floats may be off by: who waits as long as told is let through


class Slice:
    """What was taken within one second."""

    __slots__ = ("first", "last", "requests", "tokens")

    def __init__(self, now: float) -> None:
        self.first = self.last = now
        self.requests = 0
        self.tokens = 0

    @property
    def end(self) -> float:
        return self.last + MINUTE


class Minute:
    """Sums over the slices that still count."""

    __slots__ = ("requests", "slices", "tokens")

    def __init__(self) -> None:
        self.slices: deque[Slice] = deque()
        self.requests = 0
        self.tokens = 0

    def forget(self, now: float) -> None:
        """Drop what is older than a minute."""
        while self.slices and self.slices[0].end <= now + _BLUR:
            old = self.slices.popleft()
            self.requests -= old.requests
            self.tokens -= old.tokens

    def add(self, now: float, requests: int, tokens: int) -> Slice:
        """Take; the slice that it was taken from."""
        if not self.slices or now >= self.slices[-1].first + _SLICE:
            self.slices.append(Slice(now))
        current = self.slices[-1]
        current.last = max(current.last, now)
        current.requests += requests
        current.tokens += tokens
        self.requests += requests
        self.tokens += tokens
        return current

    def give_back(self, taken: Slice, now: float, tokens: int) -> None:
        """Tokens that were not used, where their slice still counts."""
        if taken.end > now + _BLUR:
            taken.tokens -= tokens
            self.tokens -= tokens

    def room_for(self, what: str, limit: int, wanted: int, now: float) -> float:
        """In how many seconds there is room for so many more, 0 for now. Only a refusal walks through the slices."""
        excess = getattr(self, what) + wanted - limit
        if excess <= 0:
            return 0.0
        for old in self.slices:
            excess -= getattr(old, what)
            if excess <= 0:
                return math.ceil((old.end - now) * 1000) / 1000  # headers speak of milliseconds
        return MINUTE

    def allowance(self, what: str, limit: int | None, now: float) -> Allowance | None:
        """What is left of a limit."""
        if not limit:
            return None
        used = getattr(self, what)
        reset = 0.0
        for one in reversed(self.slices):
            if getattr(one, what):
                reset = max(one.end - now, 0.0)
                break
        return Allowance(limit=limit, remaining=max(limit - used, 0), reset=reset)
