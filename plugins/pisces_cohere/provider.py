"""Cohere as an upstream (wire.md G)."""

from __future__ import annotations

from pisces_proxy.plugin import Provider


class Cohere(Provider):
    name = "cohere"
    base_url = "https://api.cohere.com"  # several roots below one origin
    wires = {
        "openai.chat": "/compatibility/v1/chat/completions",
        "cohere.embed": "/v2/embed",
        "cohere.rerank": "/v2/rerank",
    }
    # not in its compatibility API: https://docs.cohere.com/docs/compatibility-api
    drop = ("logit_bias", "top_logprobs", "store", "metadata", "service_tier", "prediction")
    flags = {
        "max_tokens_field": "max_tokens",
        "n": False,
        "parallel_tool_calls": False,
        "logprobs": False,
        "audio": False,
        "temperature_max": 1.0,
        "reasoning": "effort",
        "efforts": ("none", "high"),
        "embedding_batch": 96,  # https://docs.cohere.com/reference/embed
    }
    models = {
        # one length each; from v4 on it can be chosen
        "embed-english": {"dimensions": False},
        "embed-multilingual": {"dimensions": False},
    }
    summary = "Cohere: chat by its OpenAI compatibility API, embeddings, reranking"
