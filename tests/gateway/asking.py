"""Plain HTTP requests in each protocol's words, for tests that look at bytes and headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Dialect:
    """How one protocol asks. `error` reads (type or status, message) from an error body."""

    wire: str
    path: str
    stream_path: str
    body: dict[str, Any]

    def stream_body(self) -> dict[str, Any]:
        return self.body if self.wire.startswith("gemini") else {**self.body, "stream": True}

    def message(self, told: dict[str, Any]) -> str:
        return str(told["error"]["message"])


def dialects(model: str) -> list[Dialect]:
    """All four, asking `model` the same."""
    said = [{"role": "user", "content": "Where does the Seine flow?"}]
    return [
        Dialect("openai.chat", "/v1/chat/completions", "/v1/chat/completions", {"model": model, "messages": said}),
        Dialect("openai.responses", "/v1/responses", "/v1/responses", {"model": model, "input": said}),
        Dialect("anthropic.messages", "/v1/messages", "/v1/messages", {"model": model, "max_tokens": 99, "messages": said}),
        Dialect(
            "gemini.generate",
            f"/v1beta/models/{model}:generateContent",
            f"/v1beta/models/{model}:streamGenerateContent?alt=sse",
            {"contents": [{"parts": [{"text": "Where does the Seine flow?"}]}]},
        ),
    ]


NAMES = ["openai.chat", "openai.responses", "anthropic.messages", "gemini.generate"]


def dialect(wire: str, model: str) -> Dialect:
    return next(found for found in dialects(model) if found.wire == wire)
