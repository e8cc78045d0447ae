"""The plugin's routes, its provider, and what its models can take."""

from __future__ import annotations

from typing import Any

import pisces_anthropic
import pytest

from pisces_proxy.plugin import Profile, Provider

from .speaking import WIRE

(PROVIDER,) = pisces_anthropic.pisces_providers()
ENDPOINTS = {(one.method, one.path): one for one in pisces_anthropic.pisces_endpoints()}


@pytest.mark.parametrize("root", ["/v1", "/anthropic/v1"])
def test_each_root_serves_the_same_routes(root: str) -> None:
    kinds = {path.removeprefix(root): one.kind for (_, path), one in ENDPOINTS.items() if path.startswith(root + "/m")}
    assert kinds == {
        "/messages": "chat",
        "/messages/count_tokens": "count",
        "/messages/batches": "unsupported",
        "/models": "models",
        "/models/{model:rest}": "model",
    }


def test_models_are_listed_for_clients_that_send_a_version() -> None:
    claims = ENDPOINTS["GET", "/v1/models"].claims
    assert claims and claims({"anthropic-version": "2023-06-01"}, {}) and not claims({"authorization": "x"}, {})
    assert ENDPOINTS["GET", "/anthropic/v1/models"].claims is None


def test_version_and_betas_are_forwarded() -> None:
    assert ENDPOINTS["POST", "/v1/messages"].forwards == ("anthropic-version", "anthropic-beta")


def test_the_provider_takes_its_key_in_its_own_header() -> None:
    assert isinstance(PROVIDER, Provider)
    assert PROVIDER.authorize(WIRE.name, "k") == {"x-api-key": "k"}
    assert (dict(PROVIDER.wires), PROVIDER.counts) == ({WIRE.name: "/messages"}, frozenset({WIRE.name}))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-3-haiku-20240307", {"reasoning": "none", "default_max_tokens": 4096, "structured": "tool"}),
        ("claude-3-5-sonnet-latest", {"reasoning": "none", "default_max_tokens": 8192}),
        ("claude-3-7-sonnet-20250219", {"reasoning": "budget", "sampling": "ok", "structured": "tool"}),
        ("claude-sonnet-4-20250514", {"reasoning": "budget", "sampling": "one_of", "default_max_tokens": 64_000}),
        ("claude-opus-4-1-20250805", {"default_max_tokens": 32_000, "forced_tool_with_reasoning": False}),
        ("claude-haiku-4-5", {"reasoning": "budget", "structured": "native", "strict_tools": True}),
        ("claude-sonnet-4-6", {"reasoning": "adaptive", "efforts": ("low", "medium", "high", "max"), "prefill": True}),
        ("claude-opus-4-7", {"sampling": "reject", "prefill": False, "mid_system": False}),
        ("claude-opus-4-8", {"mid_system": True, "default_max_tokens": 128_000}),
        ("claude-fable-5", {"reasoning_off": False, "forced_tool_with_reasoning": False}),
        ("claude-of-tomorrow-9", {"reasoning": "adaptive", "sampling": "reject"}),
    ],
)
def test_each_family_has_its_rules_A5(model: str, expected: dict[str, Any]) -> None:
    profile = PROVIDER.profile(WIRE.name, model, {})
    assert {name: getattr(profile, name) for name in expected} == expected


def test_a_channel_may_know_better() -> None:
    assert PROVIDER.profile(WIRE.name, "claude-opus-5", {"prefill": True}).prefill
    assert isinstance(PROVIDER.profile(WIRE.name, "x", {}), Profile)
