"""What vendors take for images and sound, laid over their rows (wire.md F4, F5, F6, G): one set of wires and flags each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IMAGES = "openai.images"
CHAT_IMAGES = "openai.chat-images"
SPEECH = "openai.speech"
TRANSCRIPTIONS = "openai.transcriptions"

Flags = Mapping[str, Mapping[str, Any]]
_MB = 1024 * 1024


def only(**flags: Any) -> Flags:
    """Flags of one side; what the Chat side needs must not leak there."""
    return {"": {"drop": (), "rename": {}, "defaults": {}, **flags}}


# DALL-E's and gpt-image's members that nobody else knows
_OPENAIS = ("style", "background", "output_format", "output_compression", "moderation", "input_fidelity")

# https://docs.x.ai/docs/guides/image-generations: a ratio and 1k or 2k, pictures to edit as objects
XAI: Mapping[str, Flags] = {
    IMAGES: only(
        drop=(*_OPENAIS, "negative_prompt", "seed"), image_size="aspect_ratio", image_qualities=(), image_edits="objects"
    ),
}

# https://docs.bigmodel.cn/api-reference: always a URL, one picture a call
ZHIPU: Mapping[str, Flags] = {
    IMAGES: only(
        drop=(*_OPENAIS, "negative_prompt", "seed"),
        rename={"user": "user_id"},
        n_max=1,
        image_qualities=("standard", "hd"),
        image_delivery="url",
        image_edits="none",
    ),
}

# Formats of their own, by the plugins of their names; what is said here is what models differ in.
# https://www.alibabacloud.com/help/en/model-studio/qwen-image-api: five shapes, one at a time, until version 2
_QWEN_IMAGE = {"n_max": 1, "image_sizes": ("1328x1328", "1664x928", "1472x1104", "1104x1472", "928x1664")}
DASHSCOPE: Mapping[str, Flags] = {
    "dashscope.speech": only(),
    "dashscope.image-jobs": only(n_max=4),
    "dashscope.images": {
        **only(n_max=4),
        "qwen-image": only(**_QWEN_IMAGE)[""],
        "qwen-image-2": only(n_max=6)[""],
        "qwen-image-edit": only(n_max=1)[""],
        "qwen-image-edit-plus": only(n_max=6)[""],
        "qwen-image-edit-max": only(n_max=6)[""],
        "z-image": only(n_max=1)[""],
    },
    "dashscope.video": only(),
    "dashscope.rerank": only(),
    "dashscope.transcriptions": only(),
}
DASHSCOPE_ONLY: Mapping[str, tuple[str, ...]] = {
    "openai.rerank": ("qwen3-rerank",),  # its newest is asked as Jina's, all others in DashScope's way
    "dashscope.speech": ("qwen",),  # CosyVoice and Sambert speak over WebSocket only
    "dashscope.image-jobs": ("wanx", "wan2.1", "wan2.2", "wan2.5"),
}
MINIMAX: Mapping[str, Flags] = {"minimax.speech": only(), "minimax.video": only()}
ARK: Mapping[str, Flags] = {"ark.images": only(), "ark.video": only()}
ZHIPU_VIDEO = "zhipu.video"

# https://docs.together.ai/reference/post-images-generations
TOGETHER: Mapping[str, Flags] = {
    IMAGES: only(
        drop=("style", "background", "output_compression", "moderation", "input_fidelity", "user"),
        n_max=4,
        image_size="width_height",
        image_qualities=(),
        image_delivery="base64",
        image_edits="image_url",
    ),
    # https://docs.together.ai/reference/audio-speech: raw or wrapped, never opus, aac, flac
    SPEECH: only(drop=("instructions", "speed"), speech_formats=("wav", "mp3", "pcm"), rename={}),
    TRANSCRIPTIONS: only(transcript_formats=("json", "verbose_json")),
}

# https://docs.siliconflow.cn/api-reference/images: its own word for the size, `batch_size` for n, always URLs
SILICONFLOW: Mapping[str, Flags] = {
    IMAGES: only(
        drop=(*_OPENAIS, "user"),
        rename={"n": "batch_size"},
        n_max=4,
        image_size="image_size",
        image_qualities=(),
        image_delivery="url",
        image_edits="image",
    ),
    SPEECH: only(drop=("instructions",), speech_formats=("mp3", "opus", "wav", "pcm")),
    TRANSCRIPTIONS: only(
        drop=("response_format", "language", "prompt", "temperature", "include"),
        transcript_formats=("json",),
        transcript_timed="none",
        translations=False,
        upload_max=50 * _MB,
    ),
}

# https://console.groq.com/docs/speech-to-text, /text-to-speech
GROQ: Mapping[str, Flags] = {
    SPEECH: only(drop=("instructions",), speech_formats=("wav",), defaults={"response_format": "wav"}, text_max=10_000),
    TRANSCRIPTIONS: only(transcript_formats=("json", "text", "verbose_json"), transcript_url=True, upload_max=100 * _MB),
}

# https://docs.mistral.ai/capabilities/audio: JSON only, times and speakers by members of its own, sound inside JSON
MISTRAL: Mapping[str, Flags] = {
    SPEECH: only(drop=("instructions", "speed"), speech_formats=("mp3", "wav", "pcm", "flac", "opus"), speech_json=True),
    TRANSCRIPTIONS: only(
        drop=("prompt", "include"),
        transcript_formats=("json",),
        transcript_timed="granularities",
        transcript_stream=False,
        translations=False,
    ),
}

# https://openrouter.ai/docs/features/multimodal/image-generation: a chat that is told to draw
OPENROUTER: Mapping[str, Flags] = {
    CHAT_IMAGES: {
        **only(image_size="image_config", defaults={"modalities": ["image", "text"]}),
        **{
            name: only(image_size="image_config", defaults={"modalities": ["image"]})[""]  # these say nothing besides
            for name in ("flux", "seedream", "riverflow", "recraft")
        },
    },
    SPEECH: only(speech_formats=("mp3", "pcm")),
    TRANSCRIPTIONS: only(transcript_formats=("json",), transcript_timed="none", translations=False),
}

# G: bots that draw answer whole, with the picture or a link to it in the text
POE_ARTISTS = (
    "flux", "gpt-image", "dall-e", "imagen", "ideogram", "playground", "stablediffusion", "nano-banana", "seedream",
    "recraft", "hunyuan-image", "qwen-image", "hidream", "luma-photon", "photon", "gemini-2.5-flash-image", "reve",
    "gemini-3-pro-image", "gemini-3.1-flash-image", "grok-imagine-image", "kontext",
)  # fmt: skip
POE: Mapping[str, Flags] = {CHAT_IMAGES: only()}

VLLM: Mapping[str, Flags] = {
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#transcriptions-api
    TRANSCRIPTIONS: only(transcript_formats=("json", "text", "verbose_json"), transcript_stream=True),
}
# Any other server is taken at its word: what it does not know it ignores, or refuses by itself.
COMPATIBLE: Mapping[str, Flags] = {
    IMAGES: {
        **only(image_variations=True, image_stream=True),
        **{name: only(image_delivery="data", image_stream=True)[""] for name in ("gpt-image", "chatgpt-image")},
    },
    CHAT_IMAGES: only(),
    SPEECH: only(speech_stream=True),
    TRANSCRIPTIONS: only(transcript_stream=True),
}

PATHS: Mapping[str, str] = {
    IMAGES: "/images",
    CHAT_IMAGES: "/chat/completions",
    SPEECH: "/audio/speech",
    TRANSCRIPTIONS: "/audio",
    **dict.fromkeys(DASHSCOPE, "/api/v1"),
    "minimax.speech": "/t2a_v2",
    "minimax.video": "",
    "ark.images": "/images/generations",
    "ark.video": "/contents/generations/tasks",
}


def paths(side: Mapping[str, Flags]) -> dict[str, str]:
    """The wires of a set, for a row's `wires`."""
    return {wire: PATHS[wire] for wire in side}
