"""One request upstream and its answer, as everything else sees them: status and headers, then chunks; cancel; timeouts."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from typing import ClassVar, Protocol

import msgspec

from .errors import PiscesError, UpstreamBroken

Body = bytes | AsyncIterable[bytes]

# the `details` of an error before the request left: what must not be paid for twice may be asked elsewhere only then
UNSENT = {"sent": "no"}


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds: to connect, to the first byte of the answer, between two chunks, in all."""

    connect: float = 10.0
    first_byte: float = 120.0
    idle: float = 120.0
    total: float = 3600.0


class Exchange(Protocol):
    """An answer on its way."""

    status: int

    @property
    def headers(self) -> Mapping[str, str]: ...

    async def chunk(self) -> bytes:
        """The next bytes, as they come; empty at the end. Raises UpstreamBroken, also for an answer that is cut off, and
        UpstreamTimeout."""

    @property
    def reader(self) -> Callable[[], Awaitable[bytes]]:
        """The same with nothing around it: raises one of ERRORS, which `explained` makes one of ours."""

    ERRORS: ClassVar[tuple[type[Exception], ...]]

    def explained(self, error: Exception) -> PiscesError: ...

    async def read(self, limit: int) -> bytes:
        """All of it. Raises UpstreamBroken beyond `limit` bytes."""

    @property
    def ended(self) -> bool:
        """Whether everything has come, without waiting."""

    def unwatched(self) -> None:
        """From here on somebody else sees to it that the upstream does not fall silent: a timer for each read costs as much
        as relaying it."""

    def expire(self) -> None:
        """The upstream has been silent for too long: whoever waits for its next chunk gets UpstreamTimeout."""

    def close(self) -> None:
        """Done with it: a finished answer frees its connection, an unfinished one closes it."""


async def whole(exchange: Exchange, limit: int) -> bytes:
    """What `read` does, by chunks."""
    parts, size = [], 0
    while part := await exchange.chunk():
        parts.append(part)
        size += len(part)
        if size > limit:
            exchange.close()
            raise too_large(limit)
    return b"".join(parts)


def too_large(limit: int) -> UpstreamBroken:
    return UpstreamBroken(f"The upstream's answer is larger than {limit} bytes.")
