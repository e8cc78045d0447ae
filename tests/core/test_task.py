"""How a task may move: forwards only, and not at all once it is over."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from pisces_proxy.media import Asset, Image, Video
from pisces_proxy.pricing import Images, Measures, Rates
from pisces_proxy.task import OVER, Progress, Task, Way, advance, ended, status_of
from pisces_proxy.task_bill import cost, hold
from pisces_proxy.usage import Usage

STATUSES = ["queued", "in_progress", *sorted(OVER)]
RANK = {status: min(index, 2) for index, status in enumerate(STATUSES)}


def task(**fields) -> Task:
    given_ = {"id": "task_1", "account": "a", "key": "k", "type": "video", "facade": "f", "model": "m", "request_id": "r"}
    return Task(**{**given_, "request": Video(prompt="x"), "created_at": 0.0, "deadline": 9.0, **fields})


progress = some.builds(
    Progress,
    status=some.sampled_from([None, *STATUSES]),
    progress=some.none() | some.integers(-1000, 1000),
    assets=some.just(()) | some.just((Asset(url="https://x.example/v.mp4"),)),
    error_message=some.text(max_size=3),
    state=some.none() | some.dictionaries(some.text(max_size=2), some.integers(), max_size=2),
)


@given(some.lists(progress, max_size=12))
def test_whatever_an_upstream_says_a_task_only_moves_forwards(said: list[Progress]) -> None:
    now = task()
    for number, each in enumerate(said):
        before, now = now, advance(now, each, float(number))
        assert RANK[now.status] >= RANK[before.status]
        assert now.progress >= before.progress
        assert 0 <= now.progress <= 100
        assert (now.progress == 100) == (now.status == "completed")
        assert (now.completed_at is not None) == now.over
        if before.over:
            assert now == before


@given(some.lists(progress, max_size=6))
def test_every_row_is_read_as_it_was_written(said: list[Progress]) -> None:
    now = task(request=Image(prompt="龙", images=(Asset(data=b"\0\xff"),)), type="image")
    for each in said:
        now = advance(now, each, 1.5)
    assert msgspec.json.decode(msgspec.json.encode(now), type=Task) == now


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("NOT_START SUBMITTED QUEUED PENDING pending Preparing Queueing starting IN_QUEUE task_not_started", "queued"),
        ("IN_PROGRESS RUNNING running processing Processing generating active", "in_progress"),
        ("SUCCESS succeeded SUCCEEDED succeed Success Ready COMPLETED finished", "completed"),
        ("FAILURE FAILED fail Fail Error error rejected", "failed"),
        ("CANCELED canceled cancelled revoked", "cancelled"),
    ],
)
def test_every_vendors_word_is_understood(words: str, status: str) -> None:
    assert {status_of(word) for word in words.split()} == {status}


def test_an_unknown_word_leaves_a_task_as_it_is() -> None:
    running = advance(task(), Progress(status="in_progress", progress=30), 1.0)
    assert status_of("flux-compensating") is None
    assert advance(running, Progress(status=status_of("flux-compensating")), 2.0) == running


# -- what they cost

PER_SECOND = Rates(seconds={"720p": 10**15, "1080p": 2 * 10**15, "*": 3 * 10**15})


def done(rates: Rates, request: Video | Image, **fields) -> Task:
    way = Way(channel="c", model="u", rates=rates)
    over = advance(
        task(request=request, ways=(way,), channel="c", upstream_model="u"),
        Progress(status="completed", assets=fields.pop("assets", (Asset(url="u"),)), **fields),
        1.0,
    )
    assert over.status == "completed"
    return over


@pytest.mark.parametrize(
    ("request_", "said", "nano"),
    [
        (Video(seconds=8, resolution="720p"), {}, 8 * 10**9),
        (Video(seconds=8, resolution="720p"), {"seconds": 5.0}, 5 * 10**9),
        (Video(seconds=8, resolution="720p"), {"measures": Measures(seconds=6, resolution="1080p")}, 12 * 10**9),
        (Video(seconds=8, size="1280x720"), {}, 8 * 10**9),
        (Video(seconds=8, size="1080x1920"), {"measures": Measures(seconds=8, resolution="1080x1920")}, 16 * 10**9),
        (Video(seconds=8, resolution="8k"), {}, 24 * 10**9),
        (Video(resolution="720p", billed_seconds=3), {}, 3 * 10**9),
        (Video(resolution="720p"), {}, 5 * 10**9),
    ],
)
def test_a_video_is_billed_by_its_real_seconds_and_resolution(request_: Video, said: dict, nano: int) -> None:
    assert cost(done(PER_SECOND, request_, **said))[2] == nano


def test_pictures_are_billed_by_how_many_there_are() -> None:
    rates = Rates(images={"*": 10**15})
    assets = (Asset(url="a"), Asset(url="b"), Asset(url="t", role="thumbnail"))
    assert cost(done(rates, Image(n=4), assets=assets))[2] == 2 * 10**9
    assert cost(done(rates, Image(n=4), measures=Measures(images=(Images(count=3),))))[2] == 3 * 10**9


def test_tokens_are_billed_as_the_upstream_counts_them() -> None:
    rates = Rates(units={"output": 10**9})
    assert cost(done(rates, Video(), usage=Usage(output=108_900)))[2] == 108_900 * 10**3
    estimated, _, nano, _ = cost(done(rates, Video(seconds=5, resolution="720p")))
    assert estimated.estimated
    assert nano == 108_000 * 10**3


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired"])
def test_what_was_not_made_costs_nothing(status) -> None:
    given_ = task(ways=(Way(channel="c", model="u", rates=PER_SECOND),), channel="c", upstream_model="u")
    assert cost(ended(given_, status, 1.0))[2:] == (0, [])


def test_a_hold_is_for_the_dearest_way() -> None:
    ways = [
        Way(channel="a", model="u", rates=PER_SECOND),
        Way(channel="b", model="u"),
        Way(channel="c", model="u", rates=Rates(free=True)),
    ]
    assert hold(Video(seconds=10, resolution="1080p"), ways) == 20 * 10**9
    assert hold(Video(seconds=10), []) == 0
