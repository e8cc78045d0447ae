"""The model names that public lists show for the demo; it answers to any other name as well."""

from __future__ import annotations

KINDS = frozenset({"embeddings", "rerank", "moderation", "image", "speech", "transcription", "video"})  # besides chat

_OWN = ("demo", "demo-fast")

# names that clients of OpenAI, Anthropic and Gemini already have in their code, each spelling as they write it
_CHAT = (
    "gpt-4o", "gpt-4o-mini", "gpt-3.5-turbo", "gpt-5-chat-latest", "gpt-5.4",
    "claude-3.5-sonnet", "claude-3-haiku", "claude-sonnet-4-20250514", "claude-opus-4-1-20250805", "claude-sonnet-4-6",
    "claude-opus-4-7", "[M]claude-sonnet-4",
    "gemini-2.5-pro", "gemini-2.5-flash", "gemini-1.5-pro", "gemini-3.5-flash", "gemini-3.1-flash-image-preview",
    "grok-4-0709", "grok-3",
    "deepSeek-r1", "deepSeek-v3", "DeepSeek-V4-Pro", "DeepSeek-V4-Flash",
    "GLM-5.1", "Kimi-K2.6", "qwen3.6-plus",
    "piccc-flash", "piccc-pro", "piccc-ultra",
)  # fmt: skip

_MEDIA = (
    "FLUX-pro-1.1", "playground-v3", "GPT-Image-1", "gpt-image-2",
    "flux-kontext-pro", "flux-kontext-max",
    "happyhorse-1.0-t2v", "happyhorse-1.0-i2v", "happyhorse-1.0-r2v", "happyhorse-1.0-video-edit", "doubao-seedance-2-0-260128",
    "qwen3-tts-flash", "MiniMax/speech-2.8-turbo", "MiniMax/speech-2.8-hd", "tts-1", "whisper-1",
    "text-embedding-ada-002", "text-embedding-3-small",
)  # fmt: skip

OFFERS = (*_OWN, *_CHAT, *_MEDIA)
