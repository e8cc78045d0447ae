"""Vendors that serve the models of others. Facts and quirks: wire.md G and A5, real-traffic.md 2."""

from __future__ import annotations

from . import media_rows
from .families import CLAUDE, CLAUDE_MESSAGES, DEEPSEEK, GEMINI, GLM, GPT_OSS, GROK, KIMI, OPENAI, QWEN
from .row import BUDGET, CHAT, COMPLETIONS, EFFORT, EMBEDDINGS, MESSAGES, PLAIN, RERANK, RESPONSES, Row, texts, vectors

# An aggregator has one switch for all: `reasoning_effort`. What a family refuses stays, how it is asked does not.
_BY_EFFORT = {"reasoning": "effort", "reasoning_echo": "never", "force_stream": "auto"}

OPENROUTER = Row(
    name="openrouter",
    base_url="https://openrouter.ai/api/v1",
    wires={
        CHAT: "/chat/completions",
        RESPONSES: "/responses",
        MESSAGES: "/messages",
        EMBEDDINGS: "/embeddings",
        COMPLETIONS: "/completions",
        **media_rows.paths(media_rows.OPENROUTER),
    },
    # HTTP-Referer and X-Title name the operator's app in OpenRouter's public rankings: set them in the channel's `headers`
    flags={
        "max_tokens_field": "max_tokens",
        "stream_usage": "always",  # counts without being asked (G)
        "reasoning": "effort",
        "reasoning_field": "reasoning_details",  # must come back as it was (real-traffic 2)
        "url_media": ("image", "document"),  # takes a file by URL (C3)
        "cache_marks": True,  # passes cache_control on (C11)
        "n": False,  # answers with one choice whatever n says
    },
    models={
        **{name: {**row, **_BY_EFFORT} for name, row in {**DEEPSEEK, **KIMI, **GLM, **QWEN}.items()},
        **GROK,
        **GPT_OSS,
        **OPENAI,
        **CLAUDE,
        **GEMINI,
    },
    on={
        COMPLETIONS: texts(prompt_list=False),
        MESSAGES: {**BUDGET, **CLAUDE_MESSAGES},
        RESPONSES: EFFORT,
        EMBEDDINGS: vectors(),
        **media_rows.OPENROUTER,
    },
    summary="OpenRouter",
)

GROQ = Row(
    name="groq",
    base_url="https://api.groq.com/openai/v1",
    wires={CHAT: "/chat/completions", RESPONSES: "/responses", **media_rows.paths(media_rows.GROQ)},
    drop=("logit_bias", "top_logprobs"),  # 400 on both: https://console.groq.com/docs/openai
    flags={
        "max_tokens_field": "max_completion_tokens",
        "n": False,  # G: no n > 1, no logprobs
        "logprobs": False,
        "reasoning": "none",
        "reasoning_field": "reasoning",  # G
    },
    models={
        **GPT_OSS,
        # G: `raw` would leave <think> in the text. Their efforts are `none` and `default` (A5), which is no scale.
        "qwen3": {"defaults": {"reasoning_format": "parsed"}},
        "qwen-qwq": {"defaults": {"reasoning_format": "parsed"}},
        "deepseek-r1": {"defaults": {"reasoning_format": "parsed"}},
    },
    on={RESPONSES: {"": {"drop": (), "defaults": {}}}, **media_rows.GROQ},
    summary="Groq",
)

TOGETHER = Row(
    name="together",
    base_url="https://api.together.xyz/v1",
    wires={
        CHAT: "/chat/completions",
        EMBEDDINGS: "/embeddings",
        COMPLETIONS: "/completions",
        RERANK: "/rerank",
        **media_rows.paths(media_rows.TOGETHER),
    },
    flags={
        "max_tokens_field": "max_tokens",
        "logprobs": False,  # G: a number there, not true or false
        "reasoning": "none",
    },
    models={**GPT_OSS, "deepseek-r1": {"reasoning_field": "think_tags"}},  # real-traffic 2
    # model and input are all that it reads: https://docs.together.ai/reference/embeddings
    on={
        COMPLETIONS: texts(prompt_list=False),
        EMBEDDINGS: vectors(drop=("user",), embedding_format="float", dimensions=False),
        RERANK: PLAIN,
        **media_rows.TOGETHER,
    },
    summary="Together AI",
)

FIREWORKS = Row(
    name="fireworks",
    base_url="https://api.fireworks.ai/inference/v1",
    wires={
        CHAT: "/chat/completions",
        RESPONSES: "/responses",
        MESSAGES: "/messages",
        EMBEDDINGS: "/embeddings",
        COMPLETIONS: "/completions",
        RERANK: "/rerank",
    },
    flags={
        "max_tokens_field": "max_tokens",
        "force_stream": "yes",  # G: above 4,096 max_tokens it answers only as a stream, and the default may be above
        "reasoning": "effort",
    },
    models=GPT_OSS,
    on={
        COMPLETIONS: texts(token_ids=True),
        MESSAGES: {"": {**BUDGET[""], "force_stream": "auto"}},
        RESPONSES: {"": {**EFFORT[""], "force_stream": "auto"}},
        EMBEDDINGS: vectors(drop=("user",), embedding_format="float"),
        RERANK: PLAIN,
    },
    summary="Fireworks AI",
)

SILICONFLOW = Row(
    name="siliconflow",
    base_url="https://api.siliconflow.cn/v1",
    wires={
        CHAT: "/chat/completions",
        MESSAGES: "/messages",
        EMBEDDINGS: "/embeddings",
        RERANK: "/rerank",
        **media_rows.paths(media_rows.SILICONFLOW),
        "siliconflow.video": "/video",
    },
    flags={
        "max_tokens_field": "max_tokens",
        "stream_usage": "always",  # cumulative, in each chunk (G)
        "reasoning": "none",  # enable_thinking is a 400 on a model that has no such switch
    },
    models={
        "qwen3": {"reasoning": "enable_thinking", "forced_tool_with_reasoning": False},
        "glm-4.": {"reasoning": "enable_thinking"},
        "glm-5": {"reasoning": "enable_thinking"},
        "deepseek-v3.": {"reasoning": "enable_thinking"},
        "hunyuan": {"reasoning": "enable_thinking"},
    },
    on={
        MESSAGES: BUDGET,
        EMBEDDINGS: vectors(drop=("user",), embedding_batch=32),
        RERANK: PLAIN,
        **media_rows.SILICONFLOW,
    },  # G: at most 32
    summary="SiliconFlow (elsewhere: base_url https://api.siliconflow.com/v1)",
)

# G: bots that make media answer whole, with a link in the text.
_MEDIA_BOTS = (
    "flux", "gpt-image", "dall-e", "imagen", "ideogram", "playground", "stablediffusion", "nano-banana", "seedream",
    "veo", "sora", "kling", "runway", "seedance", "hailuo", "elevenlabs", "lyria",
)  # fmt: skip
POE = Row(
    name="poe",
    base_url="https://api.poe.com/v1",
    wires={CHAT: "/chat/completions", RESPONSES: "/responses", **media_rows.paths(media_rows.POE)},
    flags={
        "max_tokens_field": "max_tokens",
        # G: accepted and ignored, so a client has to be told
        "strict_tools": False,
        "parallel_tool_calls": False,
        "n": False,
        "seed": False,
        "logprobs": False,
        "penalties": False,
        "structured": "tool",  # response_format is ignored, tools are not
        "json_object": False,
        "reasoning": "none",  # a bot's own extra_body parameter, each its own
    },
    models={
        **{name: {"force_stream": "no", "tools": False} for name in _MEDIA_BOTS},
        **{name: {key: row[key] for key in row if key in ("sampling", "stop", "prefill")} for name, row in CLAUDE.items()},
        **{name: {key: row[key] for key in row if key in ("sampling", "stop")} for name, row in OPENAI.items()},
    },
    on={RESPONSES: {"": {"reasoning": "effort", "structured": "native"}}, **media_rows.POE},
    only={media_rows.CHAT_IMAGES: media_rows.POE_ARTISTS},
    summary="Poe",
)

CEREBRAS = Row(
    name="cerebras",
    base_url="https://api.cerebras.ai/v1",
    wires={CHAT: "/chat/completions", COMPLETIONS: "/completions"},
    drop=("logit_bias",),  # 400, as are the penalties: https://inference-docs.cerebras.ai/resources/openai
    flags={
        "max_tokens_field": "max_completion_tokens",
        "penalties": False,
        "n": False,
        "reasoning": "none",
        "reasoning_field": "reasoning",  # real-traffic 2
    },
    models=GPT_OSS,
    on={COMPLETIONS: texts()},
    summary="Cerebras",
)

NVIDIA = Row(
    name="nvidia",
    base_url="https://integrate.api.nvidia.com/v1",
    wires={CHAT: "/chat/completions", EMBEDDINGS: "/embeddings"},
    flags={"max_tokens_field": "max_tokens", "reasoning": "none"},  # G: the generic row
    models=GPT_OSS,
    on={
        # its models for search refuse a request that does not say `input_type`
        EMBEDDINGS: vectors(
            embedding_task={"member": "input_type", "query": "query", "document": "passage"},
            defaults={"input_type": "passage"},
        )
    },
    summary="NVIDIA NIM",
)

HUGGINGFACE = Row(
    name="huggingface",
    base_url="https://router.huggingface.co/v1",
    wires={CHAT: "/chat/completions"},
    flags={"max_tokens_field": "max_tokens", "reasoning": "none"},
    models={
        **GPT_OSS,
        "qwen3": {"reasoning_field": "think_tags"},  # <think> inside the content (real-traffic 2)
        "deepseek-r1": {"reasoning_field": "think_tags"},
    },
    summary="Hugging Face router",
)

HOSTS = (OPENROUTER, GROQ, TOGETHER, FIREWORKS, SILICONFLOW, POE, CEREBRAS, NVIDIA, HUGGINGFACE)
