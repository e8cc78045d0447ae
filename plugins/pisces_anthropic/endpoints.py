"""Where clients of Anthropic's API knock (wire.md E3)."""

from __future__ import annotations

from collections.abc import Mapping

from pisces_proxy.plugin import Endpoint, peek_body

from .shapes import WIRE

_FORWARDED = ("anthropic-version", "anthropic-beta")


def _is_anthropic(headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
    """OpenAI's and Google's clients list models at the same path; only Anthropic's send a version."""
    return any(name.lower() == "anthropic-version" for name in headers)


def endpoints() -> list[Endpoint]:
    return [endpoint for root in ("/v1", "/anthropic/v1") for endpoint in (*_messages(root), *_models(root))]


def _messages(root: str) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            method="POST",
            path=f"{root}/messages",
            kind="chat",
            wire=WIRE,
            peek=peek_body,
            forwards=_FORWARDED,
            streaming=True,
            description="Answer a conversation (Anthropic Messages)",
        ),
        Endpoint(
            method="POST",
            path=f"{root}/messages/count_tokens",
            kind="count",
            wire=WIRE,
            peek=peek_body,
            forwards=_FORWARDED,
            description="Count the tokens of a conversation",
        ),
        Endpoint(
            method="POST",
            path=f"{root}/messages/batches",
            kind="unsupported",
            wire=WIRE,
            description="Message batches: not offered",
        ),
    )


def _models(root: str) -> tuple[Endpoint, ...]:
    claims = _is_anthropic if root == "/v1" else None
    return (
        Endpoint(method="GET", path=f"{root}/models", kind="models", wire=WIRE, claims=claims, description="List the models"),
        Endpoint(
            method="GET",
            path=f"{root}/models/{{model:rest}}",
            kind="model",
            wire=WIRE,
            claims=claims,
            description="Describe one model",
        ),
    )
