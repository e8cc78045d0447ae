"""OpenAI as an upstream, and what differs between its models (wire.md A5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pisces_proxy.plugin import Provider

from . import media_models

Flags = Mapping[str, Any]

# refused while a model reasons: https://platform.openai.com/docs/guides/reasoning
_REASONING: Flags = {
    "sampling": "reject",
    "penalties": False,
    "logprobs": False,
    "stop": False,
    "system_role": "developer",
    "reasoning": "effort",
}


def _reasoning(*efforts: str, **more: Any) -> Flags:
    return {**_REASONING, "efforts": efforts, "reasoning_off": "none" in efforts, **more}


_CHATTING: Flags = {"reasoning": "none"}  # the chat variants of reasoning models take no effort


class OpenAI(Provider):
    name = "openai"
    base_url = "https://api.openai.com/v1"
    wires = {
        "openai.chat": "/chat/completions",
        "openai.responses": "/responses",
        "openai.embeddings": "/embeddings",
        "openai.moderations": "/moderations",
        "openai.completions": "/completions",
        "openai.images": "/images",
        "openai.speech": "/audio/speech",
        "openai.transcriptions": "/audio",
    }
    # the last models that complete texts; for all others a prompt is a user's turn
    only = {"openai.completions": ("gpt-3.5-turbo-instruct", "davinci-002", "babbage-002")}
    counts = frozenset({"openai.responses"})
    summary = "OpenAI"
    flags = {
        "max_tokens_field": "max_completion_tokens",  # `max_tokens` is a 400 for o-series and gpt-5
        "reasoning": "none",
        "tool_id": "le40",
        "tool_choices": ("auto", "none", "required", "function", "allowed_tools"),
        "schema": "openai",
        "signature": "openai",
        "token_ids": True,
    }
    models = {
        **media_models.MODELS,
        "o1": _reasoning("low", "medium", "high"),
        "o1-mini": {**_REASONING, "reasoning": "none", "system_role": "none", "tools": False},
        "o1-preview": {**_REASONING, "reasoning": "none", "system_role": "none", "tools": False},
        "o3": _reasoning("low", "medium", "high"),
        "o4": _reasoning("low", "medium", "high"),
        "codex": _reasoning("low", "medium", "high"),
        "gpt-5": _reasoning("minimal", "low", "medium", "high"),
        "gpt-5-pro": _reasoning("high"),
        "gpt-5-chat": _CHATTING,
        "gpt-5.1": _reasoning("none", "low", "medium", "high"),
        "gpt-5.1-chat": _CHATTING,
        "gpt-5.2": _reasoning("none", "low", "medium", "high", "xhigh"),
        "gpt-5.2-pro": _reasoning("medium", "high", "xhigh"),
        "gpt-5.2-chat": _CHATTING,
        "gpt-5.3": _reasoning("none", "low", "medium", "high", "xhigh"),
        "gpt-5.3-chat": _CHATTING,
        "gpt-5.4": _reasoning("none", "low", "medium", "high", "xhigh"),
        "gpt-5.4-chat": _CHATTING,
        "gpt-5.5": _reasoning("none", "low", "medium", "high", "xhigh"),
        "gpt-5.5-chat": _CHATTING,
        "gpt-5.6": _reasoning("none", "low", "medium", "high", "xhigh", "max"),
        "gpt-5.6-chat": _CHATTING,
        "gpt-4o-search": {**_REASONING, "reasoning": "none", "system_role": "system", "n": False},
        "gpt-4o-mini-search": {**_REASONING, "reasoning": "none", "system_role": "system", "n": False},
    }
