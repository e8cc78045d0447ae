"""How an upstream is to be asked, without asking it: a plan yields what to send and is told what came back. No I/O.

A plan is a generator. It yields a step and gets that step's outcome, and returns a Result:

    def plan(self, request, model, profile):
        got = yield Ask(path="/embeddings", body=encode(...))
        return decode(got.body)

    Ask                 -> Got; an answer that is not 2xx is raised in the plan as the wire's `decode_error` says
    tuple of Asks       -> tuple of Gots, sent at once, at most eight at a time
    Fetch(url)          -> Got: a result that the upstream keeps elsewhere; no credentials but to the upstream's own site
    Wait(seconds)       -> None
    Lost(losses)        -> None: what the upstream will not do of the request, told before the first Ask, so that a client
                           that wants all or nothing (`Pisces-Strict`) is refused while nothing has been asked or paid;
                           write `yield from leaving(losses)`. They end up in the result's `losses`

A plan may raise any PiscesError; UpstreamErrors send the request to the next channel, but for those that are `final`: a plan
that has submitted work that is paid for sets it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from .chat import Loss
from .forms import Form
from .media import Result


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request. `path` is put behind the provider's base URL and the wire's own path; `url` replaces both (a polling
    URL that the vendor handed out: credentials go along only to the site of the base URL). `body` as JSON bytes unless
    `mime` says otherwise, or a form. `authorize` False: without credentials."""

    method: str = "POST"
    path: str = ""
    url: str = ""
    body: bytes | Form = b""
    mime: str = "application/json"
    headers: Mapping[str, str] = {}
    authorize: bool = True


class Fetch(msgspec.Struct, frozen=True):
    """A file by its URL, as the vendor handed it out."""

    url: str


class Wait(msgspec.Struct, frozen=True):
    seconds: float


class Lost(msgspec.Struct, frozen=True):
    """What this target will not do of the request; yielded before the first Ask."""

    losses: tuple[Loss, ...]


class Got(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, whole. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def mime(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


Step = Ask | tuple[Ask, ...] | Fetch | Wait | Lost
R = TypeVar("R")
Plan = Generator[Step, Any, R]


def leaving(losses: Sequence[Loss]) -> Plan[None]:
    """Tell what is left away, where anything is: `yield from leaving(losses)` before the first Ask."""
    if losses:
        yield Lost(tuple(losses))


def with_losses(result: R, losses: Sequence[Loss]) -> R:
    """What a plan gave, behind the losses that it told on its way."""
    if not losses or not isinstance(result, Result):
        return result
    return msgspec.structs.replace(result, losses=(*losses, *result.losses))
