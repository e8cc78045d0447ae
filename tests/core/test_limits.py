"""Limits: whose they are, and what a refusal says."""

from __future__ import annotations

import pytest

from pisces_proxy.config import Config, Defaults
from pisces_proxy.errors import ConfigError
from pisces_proxy.limits import Limited, Limits, limits_of, refusal, too_many_tokens
from pisces_proxy.registry import Registry
from pisces_proxy.storage import Key


def test_a_keys_own_limits_come_before_the_defaults() -> None:
    key = Key(id="k", name="n", account="a", digest="d", rpm=5, concurrency=0)
    assert limits_of(key, Defaults(rpm=1, tpm=2, concurrency=3)) == Limits(rpm=5, tpm=2, concurrency=0)


@pytest.mark.parametrize("limited", ["requests", "tokens", "concurrency"])
def test_a_refusal_names_its_limit_and_when_to_come_again(limited: Limited) -> None:
    error = refusal(limited, 3000, 12.34)
    assert (error.status, error.kind, error.code, error.retry_after) == (429, "rate_limit", "rate_limit_exceeded", 12.34)
    assert error.details == {"limit": limited, "value": "3000"}
    assert "3,000" in error.message
    assert error.retryable


def test_what_would_never_pass_is_not_to_be_repeated() -> None:
    error = too_many_tokens(10, 11)
    assert (error.status, error.kind, error.retry_after, error.retryable) == (429, "rate_limit", None, False)


def test_the_plugin_that_counts_is_found_by_the_url() -> None:
    registry = Registry.load(Config())
    assert registry.limiter("memory://") is not registry.limiter("memory://")
    with pytest.raises(ConfigError, match='write limits = "memory://"'):
        registry.limiter("carrier-pigeon://coop")
