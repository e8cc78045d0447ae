"""Servers that people run themselves; no key unless they set one. Facts and quirks: wire.md G, real-traffic.md 2."""

from __future__ import annotations

from .families import GPT_OSS
from .row import BUDGET, CHAT, EFFORT, MESSAGES, RESPONSES, Row

_THREE = {CHAT: "/chat/completions", RESPONSES: "/responses", MESSAGES: "/messages"}

OLLAMA = Row(
    name="ollama",
    base_url="http://127.0.0.1:11434/v1",
    wires=_THREE,
    key_required=False,
    flags={
        "max_tokens_field": "max_tokens",
        "url_media": (),  # G: images as base64 only
        "reasoning": "effort",
        "efforts": ("none", "low", "medium", "high"),
        "reasoning_field": "reasoning",  # G
        "n": False,  # not read: https://docs.ollama.com/api/openai-compatibility
    },
    models=GPT_OSS,
    on={MESSAGES: BUDGET, RESPONSES: EFFORT},
    summary="Ollama on this machine",
)

VLLM = Row(
    name="vllm",
    base_url="http://127.0.0.1:8000/v1",
    wires=_THREE,
    key_required=False,
    flags={
        "max_tokens_field": "max_tokens",  # takes both (G), older ones this
        "reasoning": "effort",
        "reasoning_field": "reasoning",  # G: from 0.11; reasoning_content before
    },
    models=GPT_OSS,
    on={MESSAGES: BUDGET, RESPONSES: EFFORT},
    summary="vLLM on this machine",
)

LLAMACPP = Row(
    name="llamacpp",
    base_url="http://127.0.0.1:8080/v1",  # its own default port, and the gateway's: one of the two has to move
    wires=_THREE,
    counts=frozenset({MESSAGES}),
    key_required=False,
    flags={
        "max_tokens_field": "max_tokens",
        "alternate_roles": True,  # G: chat templates answer 500 to two turns of one role
        "reasoning": "none",  # by the server's --reasoning-budget
    },
    on={MESSAGES: BUDGET},
    summary="llama.cpp server on this machine",
)

LMSTUDIO = Row(
    name="lmstudio",
    base_url="http://127.0.0.1:1234/v1",
    wires=_THREE,
    key_required=False,
    flags={
        "max_tokens_field": "max_tokens",
        "json_object": False,  # G: json_schema only
        "url_media": (),  # images as base64: https://lmstudio.ai/docs/developer/openai-compat
        "reasoning": "none",
    },
    models=GPT_OSS,
    on={MESSAGES: BUDGET, RESPONSES: EFFORT},
    summary="LM Studio on this machine",
)

COMPATIBLE = Row(
    name="compatible",
    wires={CHAT: "/chat/completions"},  # the one wire that any of them has
    key_required=False,
    flags={"max_tokens_field": "max_tokens"},  # the name that old and new servers know
    summary="Any OpenAI-like server; base_url is required",
)

LOCAL = (OLLAMA, VLLM, LLAMACPP, LMSTUDIO, COMPATIBLE)
