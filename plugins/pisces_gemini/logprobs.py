"""Token probabilities in Google's shape and in OpenAI's, which is ours."""

from __future__ import annotations

from typing import Any

import msgspec

from .answer import LogprobsResult, Token


class _Top(msgspec.Struct):
    token: str = ""
    logprob: float = 0.0


class _Chosen(_Top):
    top_logprobs: list[_Top] | None = None


_tokens = msgspec.json.Decoder(list[_Chosen])


def read(result: LogprobsResult) -> bytes:
    """A JSON array of tokens; empty where there are none."""
    tops = [top.candidates or [] for top in result.top_candidates or ()]
    chosen = result.chosen_candidates or []
    beside = [*tops, *([[]] * (len(chosen) - len(tops)))]
    tokens = [
        _token(token) | {"top_logprobs": [_token(other) for other in others]}
        for token, others in zip(chosen, beside, strict=False)
    ]
    return msgspec.json.encode(tokens) if tokens else b""


def _token(token: Token) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.log_probability, "bytes": list(token.token.encode("utf-8", "surrogatepass"))}


def write(raw: bytes) -> dict[str, Any]:
    tokens = _tokens.decode(raw)
    return {
        "chosenCandidates": [_google(token) for token in tokens],
        "topCandidates": [{"candidates": [_google(top) for top in token.top_logprobs or ()]} for token in tokens],
    }


def _google(token: _Top) -> dict[str, Any]:
    return {"token": token.token, "logProbability": token.logprob}
