"""Token probabilities as completions tell them, and as conversations do."""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_tokens = msgspec.json.Decoder(list[dict[str, Any]])


class Told(msgspec.Struct):
    """Four lists side by side. `top_logprobs` maps tokens to numbers."""

    tokens: list[str] = []
    token_logprobs: list[float | None] = []
    top_logprobs: list[dict[str, float] | None] | None = None
    text_offset: list[int] = []


def as_in_chat(told: Told) -> bytes:
    """OpenAI's chat form: one object a token. A token that nobody expected (the first of an echo) has none: 0."""
    rows = []
    for index, token in enumerate(told.tokens):
        logprob = told.token_logprobs[index] if index < len(told.token_logprobs) else None
        top = told.top_logprobs[index] if told.top_logprobs and index < len(told.top_logprobs) else None
        others = [{"token": name, "logprob": value, "bytes": None} for name, value in (top or {}).items()]
        rows.append({"token": token, "logprob": logprob or 0.0, "bytes": None, "top_logprobs": others})
    return _encode(rows)


def as_in_completions(raw: bytes, offset: int) -> dict[str, Any]:
    """The four lists; `offset` is where the first token stands in the text."""
    rows = _tokens.decode(raw)
    offsets = []
    for row in rows:
        offsets.append(offset)
        offset += len(row["token"])
    return {
        "tokens": [row["token"] for row in rows],
        "token_logprobs": [row.get("logprob") for row in rows],
        "top_logprobs": [{each["token"]: each["logprob"] for each in row.get("top_logprobs") or ()} or None for row in rows],
        "text_offset": offsets,
    }
