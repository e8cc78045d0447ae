"""Connections to upstreams: made when none is free, kept for a while when they are, the youngest used first."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import aiohappyeyeballs

from .errors import UpstreamBroken, UpstreamTimeout, unreached
from .exchange import UNSENT
from .heads import Origin
from .http1 import Connection

_NAMES_KEPT = 60.0  # seconds that a name's addresses are remembered
_SWEEP = 5.0  # seconds between two looks at what has been idle for too long
_STAGGER = 0.25  # seconds before the next address is tried beside the first (RFC 8305 5)
_GONE = 1.0  # seconds that closing may take

Addresses = list[tuple[Any, Any, int, str, tuple[Any, ...]]]


class Pool:
    """No limit: the gateway's own limits say how many requests there are."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._tls = tls
        self._idle: dict[Origin, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._names: dict[tuple[str, int], tuple[float, Addresses]] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._closing = False
        self._emptied: asyncio.Future[None] | None = None  # while it waits for the last to go

    @property
    def idle(self) -> int:
        """Connections that wait for a request."""
        return sum(map(len, self._idle.values()))

    def free(self, origin: Origin) -> Connection | None:
        """One that can be used again: the youngest, so that those too many grow old."""
        waiting = self._idle.get(origin)
        now = self._loop.time()
        while waiting:
            connection = waiting.pop()
            if connection.fresh(now):
                return connection
            connection.close()
        return None

    async def new(self, origin: Origin, seconds: float) -> Connection:
        """Names, TCP and TLS within `seconds`. Raises UpstreamTimeout, UpstreamBroken."""
        if self._closing:
            raise UpstreamBroken("The gateway is being closed.", details=UNSENT)
        try:
            async with asyncio.timeout(seconds):
                return await self._dial(origin)
        except TimeoutError:
            self._names.pop((origin.host, origin.port), None)  # it may have moved
            raise UpstreamTimeout("The upstream did not answer in time (connecting).", details=UNSENT) from None
        except (OSError, ValueError) as error:  # ssl.SSLError and socket.gaierror are OSErrors
            self._names.pop((origin.host, origin.port), None)
            raise UpstreamBroken(f"The upstream could not be reached ({unreached(error)}).", details=UNSENT) from None

    async def _dial(self, origin: Origin) -> Connection:
        found = await self._addresses(origin.host, origin.port)
        sock = await aiohappyeyeballs.start_connection(found, happy_eyeballs_delay=_STAGGER, loop=self._loop)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a stream may be silent for minutes
            secure = origin.scheme == "https"
            _, connection = await self._loop.create_connection(
                lambda: self._made(origin),
                sock=sock,
                ssl=self._secured() if secure else None,
                server_hostname=origin.host if secure else None,
            )
        except BaseException:
            sock.close()
            raise
        return connection

    def _made(self, origin: Origin) -> Connection:
        return Connection(origin, self, self._loop)

    def _secured(self) -> ssl.SSLContext:
        """Certificates checked against those of the system. Read when they are first needed: it takes a while."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    async def _addresses(self, host: str, port: int) -> Addresses:
        until, found = self._names.get((host, port), (0.0, []))
        if until < self._loop.time():
            found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            if len(self._names) > 1000:
                self._names.clear()
            self._names[host, port] = (self._loop.time() + _NAMES_KEPT, found)
        return found

    # -- for the connections

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)

    def release(self, connection: Connection) -> None:
        if self._closing:
            connection.close()
            return
        waiting = self._idle.get(connection.origin)
        if waiting is None:
            waiting = self._idle[connection.origin] = []
        waiting.append(connection)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(_SWEEP, self._sweep)

    def forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if self._emptied is not None and not self._open and not self._emptied.done():
            self._emptied.set_result(None)

    def _sweep(self) -> None:
        now = self._loop.time()
        for origin, waiting in list(self._idle.items()):
            kept = [connection for connection in waiting if connection.usable and now < connection.until]
            for connection in waiting:
                if now >= connection.until:
                    connection.close()
            if kept:
                self._idle[origin] = kept
            else:
                del self._idle[origin]
        self._sweeping = self._loop.call_later(_SWEEP, self._sweep) if self._idle else None

    async def close(self) -> None:
        """All of them, used or not, and wait until they are gone."""
        self._closing = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._idle.clear()
        for connection in list(self._open):
            connection.close()
        if self._open:
            self._emptied = self._loop.create_future()
            await asyncio.wait([self._emptied], timeout=_GONE)
