"""How long an answer a client allows: one look at the body, for reservations and limits."""

from __future__ import annotations

import msgspec


class _Said(msgspec.Struct):
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    max_output_tokens: int | None = None
    n: int | None = None


_said = msgspec.json.Decoder(_Said)


def max_output(body: bytes) -> int | None:
    """In tokens, over all choices; None where it does not say, or says it wrongly (then the upstream will tell)."""
    try:
        said = _said.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return None
    for limit in (said.max_completion_tokens, said.max_tokens, said.max_output_tokens):
        if limit is not None:
            return max(0, limit) * max(1, said.n or 1)
    return None
