"""What is left of the limits, in OpenAI's headers."""

from __future__ import annotations

import pytest
from pisces_openai.chat import Chat
from pisces_openai.limit_headers import duration
from pisces_openai.responses import Responses

from pisces_proxy.limits import Allowance, Standing
from pisces_proxy.plugin import Wire

FULL = Standing(
    requests=Allowance(limit=3000, remaining=2999, reset=0.12), tokens=Allowance(limit=1_000_000, remaining=0, reset=59.5)
)


@pytest.mark.parametrize("wire", [Chat(), Responses()])
def test_each_limit_has_three_headers(wire: Wire) -> None:
    assert wire.limit_headers(FULL, 0.0) == {
        "x-ratelimit-limit-requests": "3000",
        "x-ratelimit-remaining-requests": "2999",
        "x-ratelimit-reset-requests": "120ms",
        "x-ratelimit-limit-tokens": "1000000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "59.5s",
    }


def test_a_limit_that_is_not_there_has_none() -> None:
    assert Chat().limit_headers(Standing(), 0.0) == {}


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0s"), (-1, "0s"), (0.0001, "1ms"), (0.12, "120ms"), (0.9999, "1s"), (1, "1s"), (8.64, "8.64s"), (1.0001, "1.001s"),
        (59.999, "59.999s"), (60, "1m0s"), (360, "6m0s"), (61.5, "1m1.5s"), (3600, "1h0m0s"), (3725.25, "1h2m5.25s"),
    ],
)  # fmt: skip
def test_a_time_until_is_written_as_go_writes_it(seconds: float, written: str) -> None:
    assert duration(seconds) == written
