"""What is left of a client's limits, as Anthropic's clients read it (wire.md D5)."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from pisces_proxy.limits import Standing


def limit_headers(standing: Standing, now: float) -> dict[str, str]:
    """`anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}`. Input and output share one limit here, so the
    headers of each alone are left out."""
    headers: dict[str, str] = {}
    for name, allowance in (("requests", standing.requests), ("tokens", standing.tokens)):
        if allowance is not None:
            headers[f"anthropic-ratelimit-{name}-limit"] = str(allowance.limit)
            headers[f"anthropic-ratelimit-{name}-remaining"] = str(allowance.remaining)
            headers[f"anthropic-ratelimit-{name}-reset"] = moment(now + allowance.reset)
    return headers


def moment(at: float) -> str:
    """RFC 3339 in UTC, to the second; never sooner than it is."""
    return datetime.fromtimestamp(math.ceil(round(at, 3)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
