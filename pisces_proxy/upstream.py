"""The way out: head and body in; status and headers, then chunks out; cancel; timeouts. A narrow seam.

Errors are UpstreamBroken and UpstreamTimeout; an HTTP status is no error here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from . import heads
from .encodings import opened
from .errors import UpstreamBroken
from .exchange import UNSENT, Body, Exchange, Timeouts
from .http1 import Connection
from .incoming import Answer
from .pool import Pool
from .proxied import Proxied

__all__ = ["Body", "Exchange", "Timeouts", "Upstream", "connect"]


class Upstream:
    """One pool of connections for all channels."""

    def __init__(self, pool: Pool, proxied: Proxied) -> None:
        self._pool = pool
        self._proxied = proxied
        self._clock = asyncio.get_running_loop().time

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body,
        timeouts: Timeouts,
        proxy: str | None = None,
        length: int | None = None,
    ) -> Exchange:
        """Send, and wait for status and headers. `length` is what an iterated body comes to, where it is known.

        What such a body raises comes out as it is. An answer that comes before all of it is sent ends the sending.
        """
        if proxy is not None:
            return await self._proxied.send(method, url, headers, body, timeouts, proxy, length)
        size = len(body) if isinstance(body, bytes) else length
        try:
            to = heads.address(url)
            head = heads.head(method, to, headers, size)
        except ValueError as error:
            told = f"The request cannot be sent: {error}. Check the channel's base_url and headers."
            raise UpstreamBroken(told, details=UNSENT) from None
        over_at = self._clock() + timeouts.total
        connection = self._pool.free(to.origin)
        if connection is None:
            connection = await self._pool.new(to.origin, min(timeouts.connect, timeouts.total))
            answer = await connection.ask(method, head, body, length, timeouts, over_at)
        else:
            answer = await self._again(connection, method, head, body, length, timeouts, over_at)
        return opened(answer, answer.encoding) if answer.encoding else answer

    async def _again(
        self, used: Connection, method: str, head: bytes, body: Body, length: int | None, timeouts: Timeouts, over_at: float
    ) -> Answer:
        """On a connection that was used before. The upstream may close it just then, and may have read the request or not:
        one that may be done twice is sent once more (RFC 9110 9.2.2), any other fails."""
        try:
            return await used.ask(method, head, body, length, timeouts, over_at)
        except UpstreamBroken:
            if used.heard or method not in heads.IDEMPOTENT or not isinstance(body, bytes):
                raise
        left = over_at - self._clock()
        new = await self._pool.new(used.origin, min(timeouts.connect, left))
        return await new.ask(method, head, body, length, timeouts, over_at)


@asynccontextmanager
async def connect(tls: ssl.SSLContext | None = None) -> AsyncIterator[Upstream]:
    """The pool, for as long as the gateway runs. `tls` in place of the system's certificates."""
    pool, proxied = Pool(tls), Proxied()
    try:
        yield Upstream(pool, proxied)
    finally:
        await pool.close()
        await proxied.close()
