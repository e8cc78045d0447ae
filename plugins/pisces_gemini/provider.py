"""Google AI as an upstream: where it is and what each model takes (wire.md A5, G)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pisces_proxy.plugin import Provider

from .google import EMBED, FAMILY, IMAGEN, IMAGES, SPEECH, TRANSCRIPTIONS, VIDEO, WIRE

# responseJsonSchema came with 2.5, thinking too; only Gemini 3 reads images inside results, checks arguments itself, and takes
# calls in the history of a request that declares no tools (wire.md C4)
_BEFORE_3 = {"strict_tools": False, "media_in_results": False, "called_tools": True}
_OLD = {**_BEFORE_3, "schema": "gemini", "reasoning": "none"}
_THINKING_25 = {**_BEFORE_3, "reasoning": "thinking_budget", "max_output": 65_536}
# https://ai.google.dev/gemini-api/docs/thought-signatures: a step of the current turn without signature is refused with 400
_GEMINI_3 = {"reasoning": "level", "reasoning_off": False, "signature": FAMILY, "media_in_results": True, "max_output": 65_536}
_DRAWS = {"tools": False, "reasoning": "none", "structured": "none", "json_object": False, "media_in_results": False}
_ALL_LEVELS = ("minimal", "low", "medium", "high")
_NO_MINIMAL = ("low", "medium", "high")
_TWO_LEVELS = ("low", "high")


class Google(Provider):
    name = "gemini"
    base_url = "https://generativelanguage.googleapis.com/v1beta"
    # the same host speaks OpenAI's Chat too, below /openai; native is richer
    wires = {
        WIRE: "/models/{model}",
        EMBED: "/models/{model}",
        IMAGEN: "/models/{model}",
        IMAGES: "/models/{model}",
        SPEECH: "/models/{model}",
        TRANSCRIPTIONS: "/models/{model}",
        VIDEO: "",  # an operation's path is in its name
    }
    only = {
        EMBED: ("gemini-embedding", "text-embedding", "embedding", "text-multilingual-embedding"),
        IMAGEN: ("imagen",),
        VIDEO: ("veo",),
    }
    auth = "x-goog-api-key"
    counts = frozenset({WIRE})
    summary = "Google's Gemini API"
    flags: Mapping[str, Any] = {
        "schema": "gemini_json",
        "video": True,
        "mid_system": False,
        "prefill": False,
        "cache_marks": False,
        "parallel_tool_calls": False,
        "temperature_max": 2.0,
        "stop_max": 5,
    }
    models: Mapping[str, Mapping[str, Any]] = {
        "gemini-1.5": {**_OLD, "max_output": 8192},
        "gemini-2.0": {**_OLD, "max_output": 8192},
        "gemini-2.5": {**_THINKING_25, "budget_min": 1, "budget_max": 24_576},
        "gemini-2.5-pro": {**_THINKING_25, "budget_min": 128, "budget_max": 32_768, "reasoning_off": False},
        "gemini-2.5-flash": {**_THINKING_25, "budget_min": 1, "budget_max": 24_576},
        "gemini-2.5-flash-lite": {**_THINKING_25, "budget_min": 512, "budget_max": 24_576},
        "gemini-2.5-flash-image": {**_DRAWS, "image_sizes": ("1K",)},
        "gemini-2.5-flash-preview-tts": {**_DRAWS, "images": False, "system_role": "none"},
        "gemini-2.5-pro-preview-tts": {**_DRAWS, "images": False, "system_role": "none"},
        "gemini-3": {**_GEMINI_3, "efforts": _ALL_LEVELS},
        "gemini-3-pro": {**_GEMINI_3, "efforts": _TWO_LEVELS},
        "gemini-3.1-pro": {**_GEMINI_3, "efforts": _NO_MINIMAL},
        "gemini-3.7-flash": {**_GEMINI_3, "efforts": _NO_MINIMAL},
        "gemini-3-pro-image": {**_DRAWS, "signature": FAMILY},
        "gemini-3.1-flash-image": {**_DRAWS, "signature": FAMILY},
        "gemini-flash-latest": {**_GEMINI_3, "efforts": _ALL_LEVELS},
        "gemini-pro-latest": {**_GEMINI_3, "efforts": _NO_MINIMAL},
        "gemma-3": {**_OLD, "system_role": "none", "tools": False, "structured": "none", "json_object": False},
    }
