"""A thinking budget beside `max_tokens`, which Anthropic wants larger (wire.md C6)."""

from __future__ import annotations

from pisces_proxy.chat import Loss

LEAST = 1024  # https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking


def clamped(budget: int, max_tokens: int | None) -> tuple[int, tuple[Loss, ...]]:
    """The budget that fits below `max_tokens`, 0 for no thinking at all. The vendor answers 400; callers are used to it
    working (H74)."""
    if max_tokens is None or budget < max_tokens:
        return budget, ()
    if max_tokens - 1 < LEAST:
        return 0, (Loss(field="thinking", action="dropped", reason="max_tokens leaves no room for thinking"),)
    reason = f"budget_tokens {budget} is not below max_tokens {max_tokens}"
    return max_tokens - 1, (Loss(field="thinking.budget_tokens", action="changed", reason=reason),)
