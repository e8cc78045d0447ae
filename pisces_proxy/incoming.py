"""An answer as its reader sees it: the connection puts in what comes, the reader takes out all there is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, Protocol

from multidict import CIMultiDict

from .errors import PiscesError, UpstreamBroken, UpstreamError, UpstreamTimeout
from .exchange import too_large, whole

BUFFERED = 64 * 1024  # bytes that wait for their reader before the upstream has to


class Line(Protocol):
    """The connection that an answer comes over."""

    def drained(self) -> None:
        """Everything that came has been taken."""

    def unwatched(self) -> None:
        """No more timer for silence."""

    def fail(self, error: Exception) -> None:
        """End the exchange, and the connection with it."""


class Answer:
    """An answer on its way. It outlives its connection: what has come can be read at any time."""

    __slots__ = ("_buffered", "_error", "_fields", "_line", "_loop", "_parts", "_waiter", "encoding", "status")

    def __init__(self, line: Line, loop: asyncio.AbstractEventLoop) -> None:
        self._line: Line | None = line  # while there is more to come
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._fields: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._buffered = 0
        self.encoding = ""
        self.status = 0  # until the head has come

    ERRORS: ClassVar[tuple[type[Exception], ...]] = (UpstreamError,)

    def explained(self, error: Exception) -> PiscesError:
        assert isinstance(error, PiscesError)
        return error

    @property
    def headers(self) -> Mapping[str, str]:
        """Read where something went wrong, and only then made."""
        return CIMultiDict((name.decode("latin-1"), value.decode("latin-1").strip()) for name, value in self._fields)

    # -- for whoever reads

    async def chunk(self) -> bytes:
        parts = self._parts
        if not parts:
            if self._line is not None:
                await self._news()
            if not parts:  # then it is over
                if self._error is not None:
                    raise self._error
                return b""
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._buffered = 0
        if self._line is not None:
            self._line.drained()
        return data

    @property
    def reader(self) -> Callable[[], Awaitable[bytes]]:
        return self.chunk

    async def read(self, limit: int) -> bytes:
        if self._line is not None or len(self._parts) != 1 or self._error is not None:
            return await whole(self, limit)
        (data,) = self._parts
        self._parts.clear()
        if len(data) > limit:
            raise too_large(limit)
        return data

    @property
    def ended(self) -> bool:
        return self._line is None and not self._parts and self._error is None

    def unwatched(self) -> None:
        if self._line is not None:
            self._line.unwatched()

    def expire(self) -> None:
        if self._line is not None:
            self._line.fail(UpstreamTimeout("The upstream stopped sending in the middle of its answer."))

    def close(self) -> None:
        if self._line is not None:
            self._line.fail(UpstreamBroken("The answer was closed before its end."))

    # -- for the connection

    async def head(self) -> None:
        """Wait for status and headers."""
        while not self.status and self._error is None:
            await self._news()
        if not self.status:
            assert self._error is not None
            raise self._error

    def _news(self) -> asyncio.Future[None]:
        self._waiter = self._loop.create_future()
        return self._waiter

    def wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():  # done: whoever waited was cancelled
            waiter.set_result(None)

    def wake_if_news(self) -> None:
        """A part of a chunk's frame is none."""
        if self._parts and self._waiter is not None:
            self.wake()

    def add(self, data: bytes) -> bool:
        """Whether that is enough until somebody reads."""
        self._parts.append(data)
        self._buffered += len(data)
        return self._buffered > BUFFERED and self._waiter is None

    def begun(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self.status, self._fields = status, fields
        self.wake()

    def over(self, error: Exception | None = None) -> None:
        self._line, self._error = None, error
        self.wake()

    @property
    def delimited(self) -> bool:
        """Whether its end was announced: if not, it ends with the connection (RFC 9112 6.3, rule 8)."""
        return any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._fields)
