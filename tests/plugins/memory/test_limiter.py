"""Limits in memory: exact under any number of clients, in any sixty seconds, and back when they said they would be."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pisces_memory import pisces_limiter
from pisces_memory.limiter import MemoryLimiter

from pisces_proxy.errors import RateLimited
from pisces_proxy.limits import Allowance, Lease, Limits, Standing


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> MemoryLimiter:
    return MemoryLimiter(clock)


async def refused(limiter: MemoryLimiter, limits: Limits, tokens: int = 0, key: str = "k") -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        await limiter.take(key, limits, tokens)
    return caught.value


async def crowd(limiter: MemoryLimiter, limits: Limits, tokens: int) -> list[Lease]:
    """200 clients at once, each yielding a few times before it asks and holding what it gets."""

    async def client() -> Lease | None:
        for _ in range(random.randrange(5)):
            await asyncio.sleep(0)
        try:
            return await limiter.take("k", limits, tokens)
        except RateLimited:
            return None

    return [lease for lease in await asyncio.gather(*(client() for _ in range(200))) if lease]


@pytest.mark.parametrize(
    ("limits", "tokens", "allowed"),
    [
        (Limits(rpm=60), 10, 60),
        (Limits(rpm=1), 0, 1),
        (Limits(tpm=1000), 30, 33),
        (Limits(tpm=1000), 1000, 1),
        (Limits(concurrency=17), 10, 17),
        (Limits(rpm=50, tpm=1000, concurrency=40), 20, 40),
        (Limits(rpm=50, tpm=600, concurrency=40), 20, 30),
        (Limits(rpm=20, tpm=600, concurrency=40), 20, 20),
        (Limits(), 10, 200),
        (Limits(rpm=0, tpm=0, concurrency=0), 10, 200),
    ],
)
async def test_of_two_hundred_clients_as_many_pass_as_may(
    limits: Limits, tokens: int, allowed: int, limiter: MemoryLimiter
) -> None:
    assert len(await crowd(limiter, limits, tokens)) == allowed


async def test_two_hundred_clients_in_real_time_are_no_different() -> None:
    limiter = pisces_limiter("memory://")
    assert isinstance(limiter, MemoryLimiter)
    assert len(await crowd(limiter, Limits(rpm=60), 1)) == 60


async def test_a_burst_comes_back_a_minute_later_and_not_before(limiter: MemoryLimiter, clock: Clock) -> None:
    limits = Limits(rpm=3)
    for _ in range(3):
        await limiter.take("k", limits, 0)
    error = await refused(limiter, limits)
    assert error.retry_after == 60.0
    assert (error.status, error.code, error.details["limit"]) == (429, "rate_limit_exceeded", "requests")
    clock.now += 59.998
    assert (await refused(limiter, limits)).retry_after == pytest.approx(0.002)
    clock.now += 0.002
    assert len(await crowd(limiter, limits, 0)) == 3


async def test_who_waits_as_long_as_told_is_let_through(limiter: MemoryLimiter, clock: Clock) -> None:
    limits = Limits(rpm=7, tpm=900)
    chance = random.Random(3)
    for _ in range(2000):
        clock.now += chance.random() * 5
        tokens = chance.randrange(1, 400)
        try:
            await limiter.take("k", limits, tokens)
        except RateLimited as error:
            assert error.retry_after is not None
            clock.now += error.retry_after
            await limiter.take("k", limits, tokens)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 120)), max_size=150), st.integers(1, 12), st.integers(100, 500))
async def test_no_minute_sees_more_than_the_limit_and_none_is_refused_without_need(
    arrivals: list[tuple[float, int]], rpm: int, tpm: int
) -> None:
    clock = Clock()
    limiter = MemoryLimiter(clock)
    passed: list[tuple[float, int]] = []
    for wait, tokens in arrivals:
        clock.now += wait
        try:
            await limiter.take("k", Limits(rpm=rpm, tpm=tpm), tokens)
        except RateLimited:  # what was taken may count for up to a second more than a minute
            recent = [taken for at, taken in passed if at > clock.now - 61.0]
            assert len(recent) + 1 > rpm or sum(recent) + tokens > tpm
        else:
            passed.append((clock.now, tokens))
            recent = [taken for at, taken in passed if at > clock.now - 59.999]
            assert len(recent) <= rpm
            assert sum(recent) <= tpm


async def test_a_refused_request_takes_nothing(limiter: MemoryLimiter) -> None:
    limits = Limits(rpm=10, tpm=100, concurrency=1)
    lease = await limiter.take("k", limits, 40)
    assert (await refused(limiter, limits, 10)).details["limit"] == "concurrency"
    lease.release()
    assert (await refused(limiter, limits, 61)).details["limit"] == "tokens"
    standing = await limiter.standing("k", limits)
    assert standing == Standing(
        requests=Allowance(limit=10, remaining=9, reset=60.0), tokens=Allowance(limit=100, remaining=60, reset=60.0)
    )


async def test_the_longest_of_two_waits_is_told(limiter: MemoryLimiter, clock: Clock) -> None:
    limits = Limits(rpm=2, tpm=100)
    await limiter.take("k", limits, 0)
    clock.now += 10
    await limiter.take("k", limits, 100)
    error = await refused(limiter, limits, 50)
    assert (error.retry_after, error.details["limit"]) == (60.0, "tokens")
    error = await refused(limiter, limits, 0)
    assert (error.retry_after, error.details["limit"]) == (50.0, "requests")


async def test_a_request_that_could_never_pass_is_told_so(limiter: MemoryLimiter) -> None:
    error = await refused(limiter, Limits(tpm=1000), 1001)
    assert "estimated at 1,001 tokens" in error.message
    assert "1,000 per minute" in error.message
    assert error.retry_after is None
    assert not error.retryable


async def test_what_was_not_used_comes_back(limiter: MemoryLimiter) -> None:
    limits = Limits(tpm=100)
    lease = await limiter.take("k", limits, 100)
    await refused(limiter, limits, 1)
    lease.correct(30)
    await limiter.take("k", limits, 70)
    assert (await refused(limiter, limits, 1)).details["limit"] == "tokens"


async def test_what_was_used_beyond_the_estimate_counts_from_then_on(limiter: MemoryLimiter, clock: Clock) -> None:
    limits = Limits(tpm=100)
    lease = await limiter.take("k", limits, 10)
    clock.now += 30
    lease.correct(150)
    assert (await refused(limiter, limits, 1)).retry_after == 60.0
    clock.now += 60
    await limiter.take("k", limits, 100)


async def test_a_correction_may_be_corrected(limiter: MemoryLimiter, clock: Clock) -> None:
    limits = Limits(tpm=1000)
    lease = await limiter.take("k", limits, 100)
    for seconds, used in ((5, 150), (5, 20), (5, 700), (5, -3), (5, 400)):
        clock.now += seconds
        lease.correct(used)
        standing = await limiter.standing("k", limits)
        assert standing.tokens is not None
        assert standing.tokens.remaining == 1000 - max(used, 0)


async def test_a_late_correction_gives_back_no_more_than_still_counts(limiter: MemoryLimiter, clock: Clock) -> None:
    limits = Limits(tpm=100)
    lease = await limiter.take("k", limits, 100)
    clock.now += 61
    other = await limiter.take("k", limits, 100)
    lease.correct(0)
    await refused(limiter, limits, 1)
    other.correct(99)
    await limiter.take("k", limits, 1)
    await refused(limiter, limits, 1)


async def test_a_place_is_free_once_its_request_has_ended_and_only_once(limiter: MemoryLimiter) -> None:
    limits = Limits(concurrency=2)
    first = await limiter.take("k", limits, 0)
    await limiter.take("k", limits, 0)
    error = await refused(limiter, limits)
    assert (error.retry_after, error.details["limit"]) == (1.0, "concurrency")
    first.release()
    first.release()
    await limiter.take("k", limits, 0)
    await refused(limiter, limits)


async def test_polling_takes_no_request(limiter: MemoryLimiter) -> None:
    limits = Limits(rpm=1)
    await limiter.take("k", limits, 0)
    for _ in range(5):
        lease = await limiter.take("k", limits, 0, requests=0)
        assert lease.standing.requests is not None
        assert lease.standing.requests.remaining == 0


async def test_keys_do_not_share(limiter: MemoryLimiter) -> None:
    limits = Limits(rpm=1, concurrency=1)
    await limiter.take("a", limits, 0)
    await limiter.take("b", limits, 0)
    await refused(limiter, limits, key="a")


async def test_a_lease_tells_what_is_left(limiter: MemoryLimiter, clock: Clock) -> None:
    await limiter.take("k", Limits(rpm=5, tpm=100), 10)
    clock.now += 20
    lease = await limiter.take("k", Limits(rpm=5), 15)
    assert lease.standing == Standing(requests=Allowance(limit=5, remaining=3, reset=60.0))
    clock.now += 20
    standing = await limiter.standing("k", Limits(tpm=100))
    assert standing == Standing(tokens=Allowance(limit=100, remaining=75, reset=40.0))
    assert await limiter.standing("unseen", Limits(rpm=5)) == Standing(requests=Allowance(limit=5, remaining=5, reset=0.0))


async def test_idle_keys_are_forgotten_and_busy_ones_kept(limiter: MemoryLimiter, clock: Clock) -> None:
    limits = Limits(rpm=5, concurrency=1)
    long = await limiter.take("long", limits, 0)
    for number in range(5000):
        lease = await limiter.take(f"k{number}", limits, 0)
        lease.release()
        clock.now += 1.0
    assert len(limiter) <= 63
    await refused(limiter, limits, key="long")
    long.release()
    clock.now += 100
    for _ in range(100):
        (await limiter.take("last", Limits(), 0)).release()
    assert len(limiter) == 1


async def test_a_key_is_no_larger_for_a_larger_limit(limiter: MemoryLimiter, clock: Clock) -> None:
    for _ in range(20_000):
        (await limiter.take("k", Limits(rpm=10**6), 1)).release()
        clock.now += 0.01
    assert len(limiter._keys["k"].slices) <= 61


def test_other_urls_are_left_to_others() -> None:
    assert pisces_limiter("redis://localhost") is None
