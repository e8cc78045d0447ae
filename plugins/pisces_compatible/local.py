"""Servers that people run themselves; no key unless they set one. Facts and quirks: wire.md G, real-traffic.md 2."""

from __future__ import annotations

from . import media_rows
from .families import GPT_OSS
from .row import (
    BUDGET,
    CHAT,
    COMPLETIONS,
    EFFORT,
    EMBEDDINGS,
    MESSAGES,
    MODERATIONS,
    PLAIN,
    RERANK,
    RESPONSES,
    Row,
    texts,
    vectors,
)

_SERVED = {
    CHAT: "/chat/completions",
    RESPONSES: "/responses",
    MESSAGES: "/messages",
    EMBEDDINGS: "/embeddings",
    COMPLETIONS: "/completions",
}
# A server of one's own may ignore what it does not know, `encoding_format` too: its floats are packed on the way back.
_BESIDE = {EMBEDDINGS: vectors(), RERANK: PLAIN}
_TEXTS = {COMPLETIONS: texts(token_ids=True)}  # who sends ids here has the model's own tokenizer

OLLAMA = Row(
    name="ollama",
    base_url="http://127.0.0.1:11434/v1",
    wires=_SERVED,
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
    on={MESSAGES: BUDGET, RESPONSES: EFFORT, EMBEDDINGS: vectors(), COMPLETIONS: texts(prompt_list=False)},
    summary="Ollama on this machine",
)

VLLM = Row(
    name="vllm",
    base_url="http://127.0.0.1:8000/v1",
    wires={**_SERVED, RERANK: "/rerank", **media_rows.paths(media_rows.VLLM)},
    key_required=False,
    flags={
        "max_tokens_field": "max_tokens",  # takes both (G), older ones this
        "reasoning": "effort",
        "reasoning_field": "reasoning",  # G: from 0.11; reasoning_content before
    },
    models=GPT_OSS,
    on={MESSAGES: BUDGET, RESPONSES: EFFORT, **_BESIDE, **_TEXTS, **media_rows.VLLM},
    summary="vLLM on this machine",
)

LLAMACPP = Row(
    name="llamacpp",
    base_url="http://127.0.0.1:8080/v1",  # its own default port, and the gateway's: one of the two has to move
    wires={**_SERVED, RERANK: "/rerank"},
    counts=frozenset({MESSAGES}),
    key_required=False,
    flags={
        "max_tokens_field": "max_tokens",
        "alternate_roles": True,  # G: chat templates answer 500 to two turns of one role
        "reasoning": "none",  # by the server's --reasoning-budget
    },
    on={MESSAGES: BUDGET, **_BESIDE, **_TEXTS},
    summary="llama.cpp server on this machine",
)

LMSTUDIO = Row(
    name="lmstudio",
    base_url="http://127.0.0.1:1234/v1",
    wires=_SERVED,
    key_required=False,
    flags={
        "max_tokens_field": "max_tokens",
        "json_object": False,  # G: json_schema only
        "url_media": (),  # images as base64: https://lmstudio.ai/docs/developer/openai-compat
        "reasoning": "none",
    },
    models=GPT_OSS,
    on={MESSAGES: BUDGET, RESPONSES: EFFORT, EMBEDDINGS: vectors(), COMPLETIONS: texts(prompt_list=False)},
    summary="LM Studio on this machine",
)

COMPATIBLE = Row(
    name="compatible",
    # the one wire for conversations that any of them has; completions are made of it
    wires={
        CHAT: "/chat/completions",
        EMBEDDINGS: "/embeddings",
        RERANK: "/rerank",
        MODERATIONS: "/moderations",
        **media_rows.paths(media_rows.COMPATIBLE),
    },
    key_required=False,
    flags={"max_tokens_field": "max_tokens"},  # the name that old and new servers know
    on={**_BESIDE, **media_rows.COMPATIBLE},
    summary="Any OpenAI-like server; base_url is required",
)

LOCAL = (OLLAMA, VLLM, LLAMACPP, LMSTUDIO, COMPATIBLE)
