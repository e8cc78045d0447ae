"""What OpenAI's models for images and sound take (wire.md F4, F5, F6): rows for the provider's `models`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Flags = Mapping[str, Any]

_MB = 1024 * 1024
_THREE_SIZES = ("1024x1024", "1536x1024", "1024x1536")
# real-traffic 7: only ever data; `response_format` is refused, and so are DALL-E's members
_GPT_IMAGE: Flags = {
    "image_qualities": ("auto", "low", "medium", "high"),
    "image_delivery": "data",
    "image_stream": True,
    "drop": ("style", "negative_prompt", "seed"),
}
_FINER: Flags = {**_GPT_IMAGE, "image_qualities": ("auto", "low", "medium", "high", "xhigh", "max")}
# retired at OpenAI, kept by others (Azure deployments, gateways)
_DALL_E: Flags = {
    "drop": (
        "background", "output_format", "output_compression", "moderation", "input_fidelity", "negative_prompt", "seed",
    ),
}  # fmt: skip
# json and text is all there is; no times in any format
_TRANSCRIBE: Flags = {
    "transcript_formats": ("json", "text"),
    "transcript_timed": "none",
    "transcript_stream": True,
    "upload_max": 25 * _MB,
    "translations": False,
}
_SPEECH: Flags = {"speech_formats": ("mp3", "opus", "aac", "flac", "wav", "pcm"), "text_max": 4096}

MODELS: Mapping[str, Flags] = {
    "gpt-image": _FINER,
    "gpt-image-1": {**_GPT_IMAGE, "image_sizes": _THREE_SIZES},
    "gpt-image-2": _GPT_IMAGE,
    "gpt-image-2.": _FINER,
    "chatgpt-image": _GPT_IMAGE,
    "dall-e-2": {
        **_DALL_E,
        "drop": (*_DALL_E["drop"], "style"),
        "image_sizes": ("256x256", "512x512", "1024x1024"),
        "image_qualities": (),
        "image_variations": True,
    },
    "dall-e-3": {
        **_DALL_E,
        "image_sizes": ("1024x1024", "1792x1024", "1024x1792"),
        "image_qualities": ("standard", "hd"),
        "image_edits": "none",
        "n_max": 1,
    },
    "tts-1": {**_SPEECH, "drop": ("instructions",)},
    "gpt-4o-mini-tts": {**_SPEECH, "speech_stream": True},
    "whisper": {"transcript_formats": ("json", "text", "srt", "verbose_json", "vtt"), "upload_max": 25 * _MB},
    "gpt-transcribe": _TRANSCRIBE,
    "gpt-4o-transcribe": _TRANSCRIBE,
    "gpt-4o-mini-transcribe": _TRANSCRIBE,
    "gpt-4o-transcribe-diarize": {
        **_TRANSCRIBE,
        "transcript_formats": ("json", "text", "diarized_json"),
        "transcript_timed": "diarized_json",
    },
}
