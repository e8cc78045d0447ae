"""What families of models take, whoever serves them (wire.md A5): rows for a provider's `models`, by longest prefix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Rows = Mapping[str, Mapping[str, Any]]

# A5: while it thinks, no forced tool call; earlier assistant turns must carry reasoning_content, "" where unknown (H89).
_DEEPSEEK_THINKS = {"reasoning": "thinking_type", "reasoning_echo": "always", "forced_tool_with_reasoning": False}
DEEPSEEK: Rows = {
    "deepseek": _DEEPSEEK_THINKS,
    "deepseek-reasoner": _DEEPSEEK_THINKS | {"reasoning_off": False},  # thinks always
    "deepseek-r1": {"reasoning": "none", "reasoning_echo": "never"},  # refuses reasoning_content in a message (C6)
}

# A5: its thinking models refuse `required` and effort `none`, have one temperature only, and want reasoning_content on
# each turn that called a tool. api: temperature 0 to 1 (G).
_KIMI = {"temperature_max": 1.0, "tool_choices": ("auto", "none", "function")}
_KIMI_THINKS = _KIMI | {"reasoning_echo": "tools", "forced_tool_with_reasoning": False, "sampling": "reject"}
KIMI: Rows = {
    "kimi": _KIMI,
    "moonshot": _KIMI | {"reasoning": "none"},
    "kimi-k2": _KIMI | {"reasoning": "none"},  # the first K2 does not think
    "kimi-k2-thinking": _KIMI_THINKS | {"reasoning": "none", "reasoning_off": False},  # thinks always, no switch
    "kimi-thinking": _KIMI_THINKS | {"reasoning": "none", "reasoning_off": False},
    "kimi-k2.": _KIMI_THINKS | {"reasoning": "thinking_type"},  # K2.5 and later have the switch
    "kimi-k3": _KIMI_THINKS | {"reasoning": "thinking_type"},
}

# A5: thinking is a switch from 4.5 on; 5.3 always thinks, at one of three efforts.
GLM: Rows = {
    "glm": {"reasoning": "thinking_type"},
    "glm-4": {"reasoning": "none"},
    "glm-4.": {"reasoning": "thinking_type"},
    "glm-5.3": {"reasoning": "effort", "efforts": ("low", "high", "max"), "reasoning_off": False},
}

# A5: while it thinks, tool_choice is auto, none or one function.
_QWEN = {
    "reasoning": "enable_thinking",
    "tool_choices": ("auto", "none", "function"),
    "forced_tool_with_reasoning": False,
}
# A5, G: these answer only as a stream (open weights that think by default, QwQ, QVQ, the omni models).
_STREAMS = _QWEN | {"force_stream": "yes"}
_OPEN_QWEN = ("235b", "32b", "30b", "14b", "8b", "4b", "1.7b", "0.6b")
QWEN: Rows = {
    "qwen": _QWEN,
    "qwen-omni": _STREAMS,
    "qwen2.5-omni": _STREAMS,
    "qwen3-omni": _STREAMS,
    "qwq": _STREAMS | {"reasoning": "none", "reasoning_off": False},
    "qvq": _STREAMS | {"reasoning": "none", "reasoning_off": False},
    **{f"qwen3-{size}": _STREAMS for size in _OPEN_QWEN},
}

# A5: grok-4 refuses stop, penalties and reasoning_effort; 4.3 takes none to high, 4.5 low to high.
_GROK_THINKS = {"stop": False, "penalties": False}
GROK: Rows = {
    "grok": {"reasoning": "none"},
    "grok-3-mini": _GROK_THINKS | {"reasoning": "effort", "efforts": ("low", "high"), "reasoning_off": False},
    "grok-4": _GROK_THINKS | {"reasoning": "none"},
    "grok-4.3": _GROK_THINKS | {"reasoning": "effort", "efforts": ("none", "low", "medium", "high")},
    "grok-4.5": _GROK_THINKS | {"reasoning": "effort", "efforts": ("low", "medium", "high"), "reasoning_off": False},
}

# A5: three efforts, always on.
GPT_OSS: Rows = {"gpt-oss": {"reasoning": "effort", "efforts": ("low", "medium", "high"), "reasoning_off": False}}

# A5: what OpenAI's reasoning models refuse, they refuse behind an aggregator too.
_OPENAI_THINKS = {"sampling": "reject", "stop": False, "penalties": False, "logprobs": False, "reasoning": "effort"}
_ALWAYS = {"efforts": ("low", "medium", "high"), "reasoning_off": False}
OPENAI: Rows = {
    "gpt-3": {"reasoning": "none"},
    "gpt-4": {"reasoning": "none"},
    "o1": _OPENAI_THINKS | _ALWAYS,
    "o3": _OPENAI_THINKS | _ALWAYS,
    "o4": _OPENAI_THINKS | _ALWAYS,
    "gpt-5": _OPENAI_THINKS | {"efforts": ("minimal", "low", "medium", "high"), "reasoning_off": False},
    "gpt-5-chat": {"reasoning": "none"},
    "gpt-5.": _OPENAI_THINKS | {"efforts": ("none", "low", "medium", "high", "xhigh")},
}

_GEMINI_EFFORTS = ("minimal", "low", "medium", "high")
GEMINI: Rows = {
    "gemini-1": {"reasoning": "none"},
    "gemini-2.0": {"reasoning": "none"},
    "gemini-2.5": {"reasoning": "effort", "efforts": ("none", *_GEMINI_EFFORTS)},
    "gemini-2.5-pro": {"reasoning": "effort", "efforts": _GEMINI_EFFORTS, "reasoning_off": False},  # A5: cannot be 0
    "gemini-2.5-flash-image": {"reasoning": "none", "tools": False},  # A5: image models take no tools
    "gemini-3": {"reasoning": "effort", "efforts": _GEMINI_EFFORTS, "reasoning_off": False},
}


def _spelled(*names: str) -> tuple[str, ...]:
    """A model's name with the version's dot (OpenRouter, Poe) and with Anthropic's dash."""
    return tuple(dict.fromkeys(spelling for name in names for spelling in (name, name.replace(".", "-"))))


# A5: these refuse temperature, top_p, top_k and a prefilled assistant turn.
_NEWEST_CLAUDE = _spelled(
    "claude-opus-4.7", "claude-opus-4.8", "claude-opus-5", "claude-sonnet-5", "claude-haiku-5", "claude-fable", "claude-mythos"
)
_STRICT = {"sampling": "reject", "prefill": False}
CLAUDE: Rows = {
    "claude": {"sampling": "one_of", "forced_tool_with_reasoning": False},  # 4.x: not both temperature and top_p
    "claude-3": {"forced_tool_with_reasoning": False},
    **{name: _STRICT for name in _NEWEST_CLAUDE},
}

# The same on Messages, where the way to ask for thinking is Anthropic's own.
_BUDGET = {"reasoning": "budget", "budget_min": 1024, "forced_tool_with_reasoning": False, "sampling": "one_of"}
_ADAPTIVE = {"reasoning": "adaptive", "efforts": ("low", "medium", "high", "max")}
CLAUDE_MESSAGES: Rows = {
    "claude": _BUDGET,
    **{name: _ADAPTIVE | {"sampling": "one_of"} for name in _spelled("claude-opus-4.6", "claude-sonnet-4.6")},
    **{name: _ADAPTIVE | _STRICT | {"efforts": ("low", "medium", "high", "xhigh", "max")} for name in _NEWEST_CLAUDE},
}
