"""Recorded exchanges of real vendors, for tests only: where they are, and what they hold."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

FOLDERS = {
    "openai.chat": "openai_chat",
    "openai.responses": "openai_responses",
    "anthropic.messages": "anthropic",
    "gemini.generate": "gemini",
}

NO_CHAT = ("count_tokens", "countTokens", "mbed", ":predict", "input_items", "input_tokens")  # in the path


def corpus() -> Path:
    named = os.environ.get("PISCES_CORPUS")
    return Path(named) if named else Path(__file__).parents[2].parent / "shared" / "corpus"


@lru_cache
def _exchanges(wire: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    folder = corpus() / FOLDERS.get(wire, "none")
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    read = ((file.name, json.loads(file.read_text(encoding="utf-8"))) for file in files)
    return tuple((name, exchange) for name, exchange in read if _is_answer(exchange))


def _is_answer(exchange: dict[str, Any]) -> bool:
    path = (exchange["request"] or {}).get("path") or ""
    return exchange["response"]["status"] == 200 and not any(word in path for word in NO_CHAT)


def exchanges(wire: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Names and chat exchanges with status 200; skips the test where there are none."""
    found = _exchanges(wire)
    if not found:
        pytest.skip(f"no recorded exchanges of {wire}: set PISCES_CORPUS to their folder")
    return found


def streams(wire: str) -> list[tuple[str, bytes]]:
    return [(name, exchange["response"]["sse"].encode()) for name, exchange in exchanges(wire) if "sse" in exchange["response"]]


def body(exchange: dict[str, Any]) -> bytes:
    """The recorded bytes of an answer that was not streamed."""
    response = exchange["response"]
    text = response.get("body_text")
    return text.encode() if text is not None else json.dumps(response["body"], ensure_ascii=False).encode()
