"""Anthropic itself, and what its models can take (wire.md A5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pisces_proxy.plugin import Provider

from .shapes import FAMILY, WIRE

Row = Mapping[str, Any]

# https://docs.anthropic.com/en/docs/about-claude/models/overview
_CLASSIC: Row = {
    "reasoning": "none",
    "structured": "tool",
    "strict_tools": False,
    "mid_system": False,
    "default_max_tokens": 4096,
    "max_output": 4096,
}
_3_5: Row = {**_CLASSIC, "default_max_tokens": 8192, "max_output": 8192}
_BUDGET: Row = {  # thinking by budget; while it is on no tool can be forced
    **_CLASSIC,
    "reasoning": "budget",
    "budget_min": 1024,
    "forced_tool_with_reasoning": False,
    "default_max_tokens": 64_000,
    "max_output": 64_000,
}
_4: Row = {**_BUDGET, "sampling": "one_of"}  # temperature or top_p, not both
_4_OPUS: Row = {**_4, "default_max_tokens": 32_000, "max_output": 32_000}
_4_5: Row = {**_4, "structured": "native", "strict_tools": True}
_4_6: Row = {
    **_4_5,
    "reasoning": "adaptive",
    "forced_tool_with_reasoning": True,  # adaptive thinking steps aside for a forced tool
    "efforts": ("low", "medium", "high", "max"),
    "default_max_tokens": 128_000,
    "max_output": 128_000,
}
_NEWEST: Row = {  # budgets, sampling settings and a begun answer are each a 400
    **_4_6,
    "efforts": ("low", "medium", "high", "xhigh", "max"),
    "sampling": "reject",
    "prefill": False,
    "mid_system": True,
}
_4_7: Row = {**_NEWEST, "mid_system": False}
_ALWAYS: Row = {**_NEWEST, "reasoning_off": False, "forced_tool_with_reasoning": False}


class Anthropic(Provider):
    name = "anthropic"
    summary = "Claude models at Anthropic"
    base_url = "https://api.anthropic.com/v1"
    wires = {WIRE: "/messages"}
    auth = "x-api-key"
    counts = frozenset({WIRE})
    flags = {"signature": FAMILY, "url_media": ("image", "document"), "audio": False, "media_in_results": True}
    models = {
        "claude": _NEWEST,  # one that is newer than this table
        "claude-2": _CLASSIC,
        "claude-instant": _CLASSIC,
        "claude-3": _CLASSIC,
        "claude-3-5": _3_5,
        "claude-3-7": _BUDGET,
        "claude-sonnet-4": _4,
        "claude-4-sonnet": _4,
        "claude-opus-4": _4_OPUS,
        "claude-4-opus": _4_OPUS,
        "claude-haiku-4": _4_5,
        "claude-sonnet-4-5": _4_5,
        "claude-opus-4-5": _4_5,
        "claude-sonnet-4-6": _4_6,
        "claude-opus-4-6": _4_6,
        "claude-haiku-4-6": _4_6,
        "claude-opus-4-7": _4_7,
        "claude-opus-4-8": _NEWEST,
        "claude-sonnet-5": _NEWEST,
        "claude-opus-5": _NEWEST,
        "claude-haiku-5": _NEWEST,
        "claude-fable": _ALWAYS,
        "claude-mythos": _ALWAYS,
    }
