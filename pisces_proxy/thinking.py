"""How much a model should think: efforts, budgets in tokens, and the way from one to the other (wire.md C6)."""

from __future__ import annotations

from collections.abc import Sequence

from .chat import Effort

EFFORTS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_BUDGET = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 65536}


def effort_of(budget: int) -> Effort:
    """The effort that a budget of so many tokens amounts to; -1 is the model's own choice."""
    if budget < 0:
        return "auto"
    for effort, most in (("none", 0), ("minimal", 512), ("low", 1024), ("medium", 8192), ("high", 24576), ("xhigh", 32768)):
        if budget <= most:
            return effort  # type: ignore[return-value]
    return "max"


def budget_of(effort: Effort, least: int | None = None, most: int | None = None) -> int:
    """The budget that an effort amounts to, within the model's range; -1 for `auto`."""
    if effort == "auto":
        return -1
    budget = _BUDGET[effort]
    if least is not None:
        budget = max(budget, least)
    return min(budget, most) if most is not None else budget


def nearest(effort: Effort, allowed: Sequence[str]) -> str:
    """The allowed effort nearest to this one (the weaker of two equally near, but `none` only for `none`)."""
    if not allowed or effort in allowed or effort == "auto":
        return effort
    order = EFFORTS.index(effort)
    waking = [name for name in allowed if name != "none" or effort == "none"] or list(allowed)
    known = [name for name in waking if name in EFFORTS]
    if not known:  # a model with words of its own (`default`): the first of them
        return waking[0]
    return min(known, key=lambda name: (abs(EFFORTS.index(name) - order), EFFORTS.index(name)))
