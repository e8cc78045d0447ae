"""Which channel, in which order, and which rest."""

import random
from collections import Counter

import pytest

from pisces_proxy import routing
from pisces_proxy.config import Channel
from pisces_proxy.errors import (
    BadRequest,
    ModelNotFound,
    NoChannel,
    UpstreamBroken,
    UpstreamModelMissing,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnauthorized,
)
from pisces_proxy.plugin import Provider
from pisces_proxy.routing import Routes, Target

PROVIDER = Provider(name="p", base_url="http://p", wires={"w": "/x"})


def target(name: str, *, models: dict[str, str] | None = None, keys: tuple[str, ...] = ("k",), **more: int) -> Target:
    return Target(Channel(name=name, provider="p", keys=keys, models=models or {"m": "up"}, **more), PROVIDER)


def names(routes: Routes, model: str = "m", now: float = 0.0) -> list[str]:
    return [candidate.target.channel.name for candidate in routes.order(model, now)]


def fail(found: Target, error: Exception, now: float) -> None:
    routing.failed(found, found.keys[0][1], error, now)  # type: ignore[arg-type]


def test_higher_priority_comes_first() -> None:
    assert names(Routes([target("low", priority=1), target("high", priority=5), target("none")])) == ["high", "low", "none"]


def test_equals_are_drawn_by_weight() -> None:
    routes = Routes([target("heavy", weight=3), target("light", weight=1)], random.Random(7))
    drawn = Counter(names(routes)[0] for _ in range(4000))
    assert 0.72 < drawn["heavy"] / 4000 < 0.78


def test_a_model_matches_as_sent_then_without_regard_to_case() -> None:
    routes = Routes([target("exact", models={"GPT-Image-1": "a"}), target("other", models={"gpt-image-1": "b"})])
    assert names(routes, "GPT-Image-1") == ["exact"]
    assert names(routes, "gpt-image-1") == ["other"]
    assert sorted(names(routes, "Gpt-Image-1")) == ["exact", "other"]


def test_a_channel_for_any_model_passes_the_name_on() -> None:
    routes = Routes([target("any", models={"*": "*"})])
    assert routes.order("whatever/[x]", 0)[0].model == "whatever/[x]"


def test_a_model_nobody_serves_is_not_found() -> None:
    with pytest.raises(ModelNotFound, match="'nope'"):
        Routes([target("a")]).order("nope", 0)


def test_a_channel_that_is_off_serves_nothing() -> None:
    with pytest.raises(ModelNotFound):
        Routes([Target(Channel(name="a", provider="p", models={"m": "m"}, off="K is not set"), PROVIDER)]).order("m", 0)


def test_a_429_rests_that_key_for_as_long_as_it_says() -> None:
    found = target("a", keys=("one", "two"))
    fail(found, UpstreamRateLimited("slow down", retry_after=30), 100)
    assert found.take_key(100.1)[0] == "two"  # type: ignore[index]
    assert found.take_key(100.2)[0] == "two"  # type: ignore[index]
    assert {found.take_key(131)[0] for _ in range(2)} == {"one", "two"}  # type: ignore[index]


def test_a_refused_key_rests_alone_and_the_channel_goes_on() -> None:
    found = target("a", keys=("bad", "good"))
    fail(found, UpstreamUnauthorized("no"), 0)
    assert found.available(1)
    assert [found.take_key(1)[0] for _ in range(3)] == ["good"] * 3  # type: ignore[index]


@pytest.mark.parametrize("error", [BadRequest("x"), UpstreamModelMissing("x")])
def test_the_clients_mistakes_and_missing_models_never_count(error: Exception) -> None:
    found = target("a")
    for _ in range(50):
        fail(found, error, 0)
    assert found.available(0)


@pytest.mark.parametrize("error", [UpstreamBroken("x"), UpstreamTimeout("x")])
def test_a_channel_rests_after_failures_in_a_row_and_longer_each_time(error: Exception) -> None:
    found = target("a")
    for _ in range(routing.TRIPS_AFTER - 1):
        fail(found, error, 0)
    assert found.available(0)
    fail(found, error, 0)
    first, _ = found.resting(0)
    fail(found, error, first)
    second, _ = found.resting(first)
    assert not found.available(0) and second > first


def test_a_success_in_between_starts_the_count_again() -> None:
    found = target("a")
    for _ in range(10):
        fail(found, UpstreamBroken("x"), 0)
        routing.succeeded(found, found.keys[0][1])
    assert found.available(0)


def test_when_a_rest_ends_one_probe_goes_and_the_others_wait_for_it() -> None:
    found = target("a")
    for _ in range(routing.TRIPS_AFTER):
        fail(found, UpstreamBroken("x"), 0)
    after = found.rest.until
    assert found.available(after)
    routing.tried(found, found.keys[0][1])
    assert not found.available(after)
    routing.succeeded(found, found.keys[0][1])
    assert found.available(after)


def test_a_probe_that_ends_without_a_verdict_frees_the_way() -> None:
    found = target("a")
    for _ in range(routing.TRIPS_AFTER):
        fail(found, UpstreamBroken("x"), 0)
    after = found.rest.until
    routing.tried(found, found.keys[0][1])
    routing.released(found, found.keys[0][1])
    assert found.available(after)


def test_a_rest_never_shortens() -> None:
    found = target("a")
    fail(found, UpstreamRateLimited("x", retry_after=100), 0)
    fail(found, UpstreamRateLimited("x", retry_after=1), 1)
    assert found.resting(2)[0] == pytest.approx(98)


def test_when_all_rest_the_error_says_why_and_when_to_come_back() -> None:
    found = target("a")
    fail(found, UpstreamRateLimited("x", retry_after=40), 0)
    with pytest.raises(NoChannel) as caught:
        Routes([found]).order("m", 10)
    assert caught.value.retry_after == pytest.approx(30)
    assert "ratelimited" in caught.value.message


def test_a_channel_disabled_by_the_operator_takes_nothing() -> None:
    found = target("a")
    found.disabled = True
    with pytest.raises(NoChannel, match="disabled by the operator"):
        Routes([found]).order("m", 0)
