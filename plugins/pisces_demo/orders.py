"""Prompts that order a certain outcome, to try error paths without waiting for one.

A message that begins with one of these, alone on its line:

    demo:error 429     refused with this status before anything is sent (400, 401, 402, 403, 404, 408, 429, 500, 503, 529, ...)
    demo:cut 5         the answer breaks off after five words (default 5)
    demo:slow 5        five seconds of silence before the first word (default 5, at most 600)
    demo:long 200      an answer of 200 words (default 200, at most 100,000)
    demo:refuse        a refusal
    demo:filter        cut off by a content filter
    demo:empty         an answer without a word
    demo:inspect       what the model was sent, as JSON: roles, kinds of blocks, signatures, tools

`error`, `slow`, `cut`, `refuse`, `filter` and `empty` work in prompts of pictures and videos, in texts to be spoken, embedded,
ranked or judged, and in the prompt of a transcription as well. A video fails half-way, but for `error`.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from pisces_proxy.errors import (
    BadRequest,
    ContentRefused,
    ContextTooLong,
    PiscesError,
    UpstreamBroken,
    UpstreamError,
    UpstreamModelMissing,
    UpstreamOverloaded,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnfunded,
)

Verb = Literal["error", "cut", "slow", "long", "refuse", "filter", "empty", "inspect"]

_LINE = re.compile(r"\s*demo:(error|cut|slow|long|refuse|filter|empty|inspect)(?:[ \t]+(\d{1,6}))?[ \t]*(?:\n|$)")
_DEFAULT = {"error": 500, "cut": 5, "slow": 5, "long": 200}
_MOST = {"slow": 600, "long": 100_000}
_ERRORS: dict[int, type[PiscesError]] = {
    400: BadRequest,
    401: UpstreamUnauthorized,
    402: UpstreamUnfunded,
    403: ContentRefused,
    404: UpstreamModelMissing,
    408: UpstreamTimeout,
    413: ContextTooLong,
    429: UpstreamRateLimited,
    503: UpstreamOverloaded,
    504: UpstreamTimeout,
    529: UpstreamOverloaded,
}


class Order(NamedTuple):
    verb: Verb
    number: int = 0


def read(text: str) -> Order | None:
    """The order that this message begins with, None for an ordinary one."""
    found = _LINE.match(text)
    if found is None:
        return None
    verb: Verb = found[1]  # type: ignore[assignment]
    number = int(found[2]) if found[2] else _DEFAULT.get(verb, 0)
    return Order(verb, min(number, _MOST.get(verb, number)))


def refusal(status: int) -> PiscesError:
    """The error that an upstream with this status would be."""
    status = status if 400 <= status < 600 else 500
    kind = _ERRORS.get(status, UpstreamBroken)
    wait = 1.0 if status == 429 else None
    error = kind(f"The demo model answered with status {status}, as asked.", retry_after=wait, status=status)
    if isinstance(error, UpstreamError):
        error.upstream_status = status
    return error


def broken() -> PiscesError:
    return UpstreamBroken("The demo model broke off, as asked.")
