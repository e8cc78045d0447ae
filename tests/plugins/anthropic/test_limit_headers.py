"""What is left of the limits, in Anthropic's headers."""

from __future__ import annotations

import pytest
from pisces_anthropic.limit_headers import moment
from pisces_anthropic.wire import Messages

from pisces_proxy.limits import Allowance, Standing

NOON = 1_767_268_800.0


def test_each_limit_has_three_headers() -> None:
    standing = Standing(
        requests=Allowance(limit=50, remaining=49, reset=1.2), tokens=Allowance(limit=1000, remaining=0, reset=60)
    )
    assert Messages().limit_headers(standing, NOON) == {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": "2026-01-01T12:00:02Z",
        "anthropic-ratelimit-tokens-limit": "1000",
        "anthropic-ratelimit-tokens-remaining": "0",
        "anthropic-ratelimit-tokens-reset": "2026-01-01T12:01:00Z",
    }


def test_a_limit_that_is_not_there_has_none() -> None:
    assert Messages().limit_headers(Standing(), NOON) == {}


@pytest.mark.parametrize(
    ("at", "written"),
    [(0, "1970-01-01T00:00:00Z"), (NOON + 0.001, "2026-01-01T12:00:01Z"), (NOON + 0.0001, "2026-01-01T12:00:00Z")],
)
def test_a_moment_is_in_utc_and_never_too_soon(at: float, written: str) -> None:
    assert moment(at) == written
