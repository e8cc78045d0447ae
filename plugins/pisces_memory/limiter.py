"""The limiter behind `memory://`. Nothing is awaited between looking and taking, so it is exact whatever runs at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from pisces_proxy.limits import SOON, Lease, Limiter, Limits, Standing, refusal, too_many_tokens

from .minute import Minute, Slice

_LOOKED_AT = 2  # keys that each taking may forget: more than it can add, so what is idle goes


class _Key(Minute):
    """One key: its last minute and what runs."""

    __slots__ = ("running",)

    def __init__(self) -> None:
        super().__init__()
        self.running = 0

    def standing(self, limits: Limits, now: float) -> Standing:
        return Standing(requests=self.allowance("requests", limits.rpm, now), tokens=self.allowance("tokens", limits.tpm, now))


class MemoryLimiter(Limiter):
    """Keys in the order of their last request. `clock` gives seconds and never goes back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._keys: OrderedDict[str, _Key] = OrderedDict()

    def __len__(self) -> int:
        return len(self._keys)

    async def take(self, key: str, limits: Limits, tokens: int, *, requests: int = 1) -> Lease:
        now = self._clock()
        known = self._known(key, now)
        _check(known, limits, tokens, requests, now)
        lease = MemoryLease(known, self._clock, now, requests, max(tokens, 0))
        lease.standing = known.standing(limits, now)
        return lease

    async def standing(self, key: str, limits: Limits) -> Standing:
        now = self._clock()
        known = self._keys.get(key) or _Key()
        known.forget(now)
        return known.standing(limits, now)

    def _known(self, key: str, now: float) -> _Key:
        known = self._keys.get(key)
        if known is None:
            known = self._keys[key] = _Key()
        self._keys.move_to_end(key)
        known.forget(now)
        self._tidy(key, now)
        return known

    def _tidy(self, current: str, now: float) -> None:
        for _ in range(_LOOKED_AT):
            oldest = next(iter(self._keys))
            known = self._keys[oldest]
            if oldest == current or (known.slices and known.slices[-1].end > now):
                return
            if known.running:
                self._keys.move_to_end(oldest)  # a long answer; it does not keep the others here
            else:
                del self._keys[oldest]


def _check(known: _Key, limits: Limits, tokens: int, requests: int, now: float) -> None:
    if limits.tpm and tokens > limits.tpm:
        raise too_many_tokens(limits.tpm, tokens)
    if limits.concurrency and known.running >= limits.concurrency:
        raise refusal("concurrency", limits.concurrency, SOON)
    in_requests = in_tokens = 0.0
    if limits.rpm and requests and known.requests + requests > limits.rpm:
        in_requests = known.room_for("requests", limits.rpm, requests, now)
    if limits.tpm and tokens and known.tokens + tokens > limits.tpm:
        in_tokens = known.room_for("tokens", limits.tpm, tokens, now)
    if in_requests and limits.rpm and in_requests >= in_tokens:
        raise refusal("requests", limits.rpm, in_requests)
    if in_tokens and limits.tpm:
        raise refusal("tokens", limits.tpm, in_tokens)


class MemoryLease(Lease):
    """What one request has taken of its key."""

    __slots__ = ("_clock", "_key", "_running", "_taken", "_tokens", "standing")

    def __init__(self, key: _Key, clock: Callable[[], float], now: float, requests: int, tokens: int) -> None:
        self._key = key
        self._clock = clock
        self._taken: list[tuple[Slice, int]] = [(key.add(now, requests, tokens), tokens)] if requests or tokens else []
        self._tokens = tokens
        self._running = True
        key.running += 1

    def correct(self, tokens: int) -> None:
        now = self._clock()
        self._key.forget(now)
        more = max(tokens, 0) - self._tokens
        self._tokens += more
        if more > 0:
            self._taken.append((self._key.add(now, 0, more), more))
        while more < 0:
            part, taken = self._taken.pop()
            back = min(taken, -more)
            self._key.give_back(part, now, back)
            self._taken += [(part, taken - back)] if taken > back else []
            more += back

    def release(self) -> None:
        if self._running:
            self._running = False
            self._key.running -= 1
