"""What is left of a client's limits, as OpenAI's clients read it (wire.md D5)."""

from __future__ import annotations

import math

from pisces_proxy.limits import Standing


def limit_headers(standing: Standing) -> dict[str, str]:
    """`x-ratelimit-{limit,remaining,reset}-{requests,tokens}`; a limit that the key does not have has no headers."""
    headers: dict[str, str] = {}
    if (requests := standing.requests) is not None:
        headers["x-ratelimit-limit-requests"] = str(requests.limit)
        headers["x-ratelimit-remaining-requests"] = str(requests.remaining)
        headers["x-ratelimit-reset-requests"] = duration(requests.reset)
    if (tokens := standing.tokens) is not None:
        headers["x-ratelimit-limit-tokens"] = str(tokens.limit)
        headers["x-ratelimit-remaining-tokens"] = str(tokens.remaining)
        headers["x-ratelimit-reset-tokens"] = duration(tokens.reset)
    return headers


def duration(seconds: float) -> str:
    """As Go writes it: `0s`, `120ms`, `8.64s`, `6m0s`, `1h0m0s`. Never sooner than it is."""
    milliseconds = math.ceil(round(max(seconds, 0.0) * 1000, 3))
    if 0 < milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, fraction = divmod(rest, 1000)
    shown = f"{whole}{f'.{fraction:03d}'.rstrip('0') if fraction else ''}s"
    if hours:
        return f"{hours}h{minutes}m{shown}"
    return f"{minutes}m{shown}" if minutes else shown
