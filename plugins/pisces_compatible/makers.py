"""Vendors that serve their own models. Facts and quirks: wire.md G and A5, real-traffic.md 2."""

from __future__ import annotations

from . import media_rows
from .families import DEEPSEEK, GLM, GROK, KIMI, QWEN
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

DEEPSEEK_ROW = Row(
    name="deepseek",
    base_url="https://api.deepseek.com/v1",
    wires={CHAT: "/chat/completions", MESSAGES: "~/anthropic/v1/messages", COMPLETIONS: "~/beta/completions"},
    flags={"max_tokens_field": "max_tokens", "n": False},  # G; n is not among its parameters
    models=DEEPSEEK,
    on={MESSAGES: BUDGET, COMPLETIONS: texts(prompt_list=False)},
    summary="DeepSeek",
)

XAI = Row(
    name="xai",
    base_url="https://api.x.ai/v1",
    wires={CHAT: "/chat/completions", RESPONSES: "/responses", **media_rows.paths(media_rows.XAI), "xai.video": "/videos"},
    flags={"max_tokens_field": "max_completion_tokens"},  # G
    models=GROK,  # what each Grok refuses
    on=media_rows.XAI,
    summary="xAI Grok",
)

MISTRAL = Row(
    name="mistral",
    base_url="https://api.mistral.ai/v1",
    wires={
        CHAT: "/chat/completions",
        EMBEDDINGS: "/embeddings",
        MODERATIONS: "/moderations",
        **media_rows.paths(media_rows.MISTRAL),
    },
    # G: stream_options is refused with 422, as is every member it does not know
    drop=("stream_options", "user", "logit_bias", "store", "service_tier"),
    flags={
        "max_tokens_field": "max_tokens",
        "stream_usage": "always",  # the last chunk counts without being asked
        "tool_id": "mistral9",  # nine letters and digits, else 400 (C5)
        "required_word": "any",  # its word for `required`
        "rename": {"seed": "random_seed"},
        "logprobs": False,
        "reasoning": "none",
        "reasoning_field": "chunks",  # content may be a list of thinking and text (real-traffic 2)
    },
    models={"mistral-small": {"reasoning": "effort", "efforts": ("none", "high")}},
    on={
        # https://docs.mistral.ai/api: `output_dimension`, for Codestral Embed only
        EMBEDDINGS: {
            **vectors(drop=("user",), rename={"dimensions": "output_dimension"}),
            "mistral-embed": vectors(drop=("user",), dimensions=False)[""],
        },
        MODERATIONS: PLAIN,
        **media_rows.MISTRAL,
    },
    summary="Mistral La Plateforme",
)

MOONSHOT = Row(
    name="moonshot",
    base_url="https://api.moonshot.ai/v1",
    wires={CHAT: "/chat/completions", MESSAGES: "~/anthropic/v1/messages"},
    flags={"max_tokens_field": "max_tokens"},  # G
    models=KIMI,
    on={MESSAGES: BUDGET},
    summary="Moonshot Kimi (in China: base_url https://api.moonshot.cn/v1)",
)

ZHIPU = Row(
    name="zhipu",
    base_url="https://open.bigmodel.cn/api/paas/v4",
    wires={
        CHAT: "/chat/completions",
        MESSAGES: "~/api/anthropic/v1/messages",
        EMBEDDINGS: "/embeddings",
        RERANK: "/rerank",
        **media_rows.paths(media_rows.ZHIPU),
        media_rows.ZHIPU_VIDEO: "",
    },
    drop=("stream_options",),  # counts in the last chunk always; the member is not in its documentation
    flags={
        "max_tokens_field": "max_tokens",
        "stream_usage": "always",
        "temperature_max": 0.99,  # 0 and 1 are excluded (G)
        "tool_choices": ("auto",),  # G
        "n": False,
        "penalties": False,
    },
    models=GLM,
    on={
        MESSAGES: BUDGET,
        EMBEDDINGS: vectors(drop=("user",), embedding_batch=64, embedding_format="float"),  # F1
        RERANK: PLAIN,
        **media_rows.ZHIPU,
    },
    summary="Zhipu GLM (elsewhere: base_url https://api.z.ai/api/paas/v4)",
)

DASHSCOPE = Row(
    name="dashscope",
    base_url="https://dashscope.aliyuncs.com",  # several roots below one origin
    wires={
        CHAT: "/compatible-mode/v1/chat/completions",
        RESPONSES: "/compatible-mode/v1/responses",  # the older /api/v2/apps/protocols/... is being retired
        MESSAGES: "/apps/anthropic/v1/messages",
        EMBEDDINGS: "/compatible-mode/v1/embeddings",
        RERANK: "/compatible-api/v1/reranks",
        **media_rows.paths(media_rows.DASHSCOPE),
    },
    drop=("frequency_penalty",),  # G: presence_penalty only
    flags={
        "max_tokens_field": "max_tokens",
        "temperature_max": 1.99,  # below 2 (G)
        "cache_marks": True,  # cache_control works on Qwen (C11)
    },
    models={**QWEN, **DEEPSEEK, **KIMI, **GLM},
    on={
        MESSAGES: BUDGET,
        RESPONSES: EFFORT,
        EMBEDDINGS: vectors(drop=("user",), embedding_batch=10, embedding_format="float"),  # F1
        RERANK: PLAIN,
        **media_rows.DASHSCOPE,
    },
    only=media_rows.DASHSCOPE_ONLY,
    summary="Alibaba Model Studio, Qwen, Wan (elsewhere: base_url https://dashscope-intl.aliyuncs.com)",
)

MINIMAX = Row(
    name="minimax",
    base_url="https://api.minimax.io/v1",
    wires={CHAT: "/chat/completions", MESSAGES: "~/anthropic/v1/messages", **media_rows.paths(media_rows.MINIMAX)},
    flags={
        "max_tokens_field": "max_completion_tokens",  # G
        "repeat_last": True,  # the last chunk repeats the whole message (H23)
        "reasoning": "none",  # thinks as it likes
        "reasoning_field": "think_tags",  # <think> stands in the content (C6)
        "temperature_max": 1.0,
        "n": False,
    },
    on={MESSAGES: BUDGET, **media_rows.MINIMAX},
    summary="MiniMax (in China: base_url https://api.minimaxi.com/v1)",
)

VOLCENGINE = Row(
    name="volcengine",
    base_url="https://ark.cn-beijing.volces.com/api/v3",
    wires={
        CHAT: "/chat/completions",
        RESPONSES: "/responses",
        EMBEDDINGS: "/embeddings",
        **media_rows.paths(media_rows.ARK),
    },
    # G: `thinking:{type}`; models are names or endpoint ids (ep-...), so no row can tell them apart
    flags={"max_tokens_field": "max_tokens", "reasoning": "thinking_type"},
    on={RESPONSES: EFFORT, EMBEDDINGS: vectors(embedding_batch=256), **media_rows.ARK},
    summary="Volcengine Ark, Doubao (BytePlus: base_url https://ark.ap-southeast.bytepluses.com/api/v3)",
)

PERPLEXITY = Row(
    name="perplexity",
    base_url="https://api.perplexity.ai",
    wires={CHAT: "/chat/completions", EMBEDDINGS: "/v1/embeddings"},
    drop=("stream_options",),
    flags={
        "max_tokens_field": "max_tokens",
        "stream_usage": "always",  # cumulative, in each chunk (real-traffic 2)
        "alternate_roles": True,  # user and assistant strictly in turn, system first (G)
        "mid_system": False,
        "tools": False,  # no tools, stop, seed (G)
        "stop": False,
        "seed": False,
        "n": False,
        "logprobs": False,
        "json_object": False,  # json_schema only
        "reasoning": "none",
        "reasoning_field": "think_tags",  # sonar-reasoning writes <think> into its text
    },
    models={
        "sonar-reasoning": {"reasoning": "effort", "efforts": ("minimal", "low", "medium", "high"), "reasoning_off": False},
        "sonar-deep-research": {"reasoning": "effort", "efforts": ("low", "medium", "high"), "reasoning_off": False},
    },
    on={EMBEDDINGS: vectors(drop=("user",), embedding_batch=512, embedding_format="int8")},
    summary="Perplexity Sonar",
)

JINA = Row(
    name="jina",
    base_url="https://api.jina.ai/v1",
    wires={EMBEDDINGS: "/embeddings", RERANK: "/rerank"},
    on={
        EMBEDDINGS: vectors(
            drop=("user",),
            rename={"encoding_format": "embedding_type"},
            embedding_task={"member": "task", "query": "retrieval.query", "document": "retrieval.passage"},
        ),
        RERANK: PLAIN,
    },
    summary="Jina AI: embeddings, reranking",
)

MAKERS = (DEEPSEEK_ROW, XAI, MISTRAL, MOONSHOT, ZHIPU, DASHSCOPE, MINIMAX, VOLCENGINE, PERPLEXITY, JINA)
