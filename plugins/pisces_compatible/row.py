"""A vendor as one row: a provider whose flags may differ by wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pisces_proxy.plugin import Profile, Provider, longest_prefix

CHAT = "openai.chat"
RESPONSES = "openai.responses"
MESSAGES = "anthropic.messages"
COMPLETIONS = "openai.completions"
EMBEDDINGS = "openai.embeddings"
MODERATIONS = "openai.moderations"
RERANK = "openai.rerank"


class Row(Provider):
    """A provider whose Anthropic or Responses side takes other things than its Chat side.

    on   wire -> what differs there, by model like `models` (the empty name is every model); laid over `flags` and `models`
    """

    on: Mapping[str, Mapping[str, Mapping[str, Any]]] = {}

    def profile(self, wire: str, model: str, overrides: Mapping[str, Any]) -> Profile:
        return super().profile(wire, model, {**longest_prefix(self.on.get(wire, {}), model), **overrides})


# Messages has its own way to ask for thinking and its own fields; what the Chat side needs must not leak there.
BUDGET = {"": {"reasoning": "budget", "budget_min": 1024, "reasoning_echo": "never", "drop": (), "rename": {}, "defaults": {}}}

# Responses asks for thinking with `reasoning.effort`, whatever the Chat side of the vendor wants.
EFFORT = {"": {"reasoning": "effort", "reasoning_echo": "never", "drop": (), "rename": {}, "defaults": {}}}


def vectors(**flags: Any) -> Mapping[str, Mapping[str, Any]]:
    """Flags of an embeddings side; what the Chat side needs must not leak there."""
    return {"": {"drop": (), "rename": {}, "defaults": {}, **flags}}


# Completions and rerank: the plain form, whatever the Chat side of the vendor wants.
PLAIN: Mapping[str, Mapping[str, Any]] = {"": {"drop": (), "rename": {}, "defaults": {}}}


def texts(**flags: Any) -> Mapping[str, Mapping[str, Any]]:
    """Flags of a completions side."""
    return {"": {**PLAIN[""], "force_stream": "auto", **flags}}
