"""How much the model shall think, as it wants to be told: a budget, adaptive with an effort, or nothing (wire.md A5, C6)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from pisces_proxy.chat import Effort, Loss, Request, Thinking
from pisces_proxy.plugin import Profile
from pisces_proxy.thinking import effort_of, nearest

from .budget import LEAST

DEFAULT_MAX_TOKENS = 8192
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 63999, "auto": 8192}
_OFF = {"type": "disabled"}


class Plan(Struct, frozen=True):
    """What the request says about thinking, and the `max_tokens` that go with it. `on`: the model will think."""

    max_tokens: int
    thinking: dict[str, Any] | None = None
    effort: str = ""
    on: bool = False
    losses: tuple[Loss, ...] = ()

    def without_thinking(self, reason: str) -> Plan:
        """The same with thinking switched off, which the client is told."""
        lost = Loss(field="thinking", action="dropped", reason=reason)
        return Plan(max_tokens=self.max_tokens, thinking=_OFF, losses=(*self.losses, lost))


def plan(request: Request, profile: Profile) -> Plan:
    room = request.max_tokens or profile.default_max_tokens or DEFAULT_MAX_TOKENS
    if profile.max_output:
        room = min(room, profile.max_output)
    asked = request.thinking
    if asked is None:
        return Plan(room, on=not profile.reasoning_off)
    if profile.reasoning == "none":
        return Plan(room, losses=() if _is_off(asked) else (_lost("dropped", "this model does not think"),))
    if _is_off(asked):
        return _switched_off(room, profile)
    if profile.reasoning in ("", "budget", "thinking_budget", "thinking_type"):
        return _with_budget(asked, request.max_tokens, room, profile)
    return _adaptive(asked, room, profile)


def _is_off(asked: Thinking) -> bool:
    return asked.effort == "none" or asked.budget == 0


def _switched_off(room: int, profile: Profile) -> Plan:
    if profile.reasoning_off:
        return Plan(room, _OFF)
    lost = _lost("changed", "this model always thinks; it is asked for little")
    return Plan(room, {"type": "adaptive"}, nearest("low", profile.efforts), on=True, losses=(lost,))


def _adaptive(asked: Thinking, room: int, profile: Profile) -> Plan:
    effort: Effort = asked.effort or (effort_of(asked.budget) if asked.budget is not None else "auto")
    fitting = "" if effort == "auto" else nearest(effort, profile.efforts or ("low", "medium", "high", "max"))
    thinking = {"type": "adaptive", "display": "summarized" if asked.include else "omitted"}  # the default is the model's
    return Plan(room, thinking, fitting, on=True)


def _with_budget(asked: Thinking, max_tokens: int | None, room: int, profile: Profile) -> Plan:
    """A budget of the client's that fits stays; otherwise the answer's room is added to it, up to what the model can write."""
    explicit = asked.budget or 0
    budget = max(explicit if explicit > 0 else _BUDGETS[asked.effort or "auto"], profile.budget_min or LEAST)
    if profile.budget_max:
        budget = min(budget, profile.budget_max)
    if max_tokens is not None and not (explicit > 0 and budget < room):
        room = room + budget if profile.max_output is None else min(room + budget, profile.max_output)
    budget = min(budget, room - 1)
    if budget < LEAST:
        return Plan(room, _OFF, losses=(_lost("dropped", "max_tokens leaves no room for thinking"),))
    return Plan(room, {"type": "enabled", "budget_tokens": budget}, on=True)


def _lost(action: str, reason: str) -> Loss:
    return Loss(field="thinking", action=action, reason=reason)  # type: ignore[arg-type]
