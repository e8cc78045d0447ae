"""The way out: head and body in; status and headers, then chunks out; cancel; timeouts. A narrow seam.

Errors are UpstreamBroken and UpstreamTimeout; an HTTP status is no error here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar, Protocol

import aiohttp
import msgspec
from yarl import URL

from .errors import PiscesError, UpstreamBroken, UpstreamTimeout


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds: to connect, to the first byte of the answer, between two chunks, in all."""

    connect: float = 10.0
    first_byte: float = 120.0
    idle: float = 120.0
    total: float = 3600.0


class Exchange(Protocol):
    """An answer on its way."""

    status: int
    headers: Mapping[str, str]

    async def chunk(self) -> bytes:
        """The next bytes, as they come; empty at the end."""

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


class Upstream:
    """One pool of connections for all channels."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._urls: dict[str, URL] = {}

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | AsyncIterator[bytes],
        timeouts: Timeouts,
        proxy: str | None = None,
        length: int | None = None,
    ) -> Exchange:
        """Send, and wait for status and headers. `length` is what a body in pieces comes to."""
        if length is not None:
            headers = {**headers, "Content-Length": str(length)}
        try:
            response = await self._session.request(
                method,
                self._url(url),
                data=body or None,
                headers=headers,
                proxy=proxy,
                allow_redirects=False,
                timeout=_client_timeout(timeouts),
            )
        except TimeoutError as error:
            # aiohttp's ConnectionTimeoutError and SocketTimeoutError are TimeoutErrors too
            raise UpstreamTimeout(f"The upstream did not answer in time ({_reason(error)}).", details=_sent(error)) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UpstreamBroken(f"The upstream could not be reached ({type(error).__name__}).", details=_sent(error)) from None
        connection = response.connection
        if connection is not None and connection.protocol is not None:  # None: all has come, and it is free again
            connection.protocol.read_timeout = timeouts.idle
        return _HttpExchange(response)

    def _url(self, url: str) -> URL:
        found = self._urls.get(url)
        if found is None:
            if len(self._urls) > 1000:  # model names in paths come from clients
                self._urls.clear()
            found = self._urls[url] = URL(url, encoded=True)
        return found


def _sent(error: Exception) -> dict[str, str]:
    """Whether the request is sure not to have left: what must not be paid for twice may be asked elsewhere only then."""
    never = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL)
    return {"sent": "no"} if never else {}


def _reason(error: TimeoutError) -> str:
    return "connecting" if isinstance(error, aiohttp.ConnectionTimeoutError) else "no first byte"


_timeouts: dict[Timeouts, aiohttp.ClientTimeout] = {}


def _client_timeout(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    found = _timeouts.get(timeouts)
    if found is None:
        found = _timeouts[timeouts] = aiohttp.ClientTimeout(
            # the time until the first byte is aiohttp's read timeout; from the headers on it is set to the idle time
            total=timeouts.total,
            connect=None,
            sock_connect=timeouts.connect,
            sock_read=timeouts.first_byte,
        )
    return found


class _HttpExchange:
    __slots__ = ("_content", "_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._content = response.content
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    ERRORS: ClassVar[tuple[type[Exception], ...]] = (aiohttp.ClientError, OSError, ValueError)

    def explained(self, error: Exception) -> PiscesError:
        if isinstance(error, TimeoutError):
            return UpstreamTimeout("The upstream stopped sending in the middle of its answer.")
        return UpstreamBroken(f"The upstream broke off its answer ({type(error).__name__}).")

    @property
    def reader(self) -> Callable[[], Awaitable[bytes]]:
        return self._content.readany

    async def chunk(self) -> bytes:
        try:
            return await self._content.readany()
        except self.ERRORS as error:
            raise self.explained(error) from None

    async def read(self, limit: int) -> bytes:
        first = await self.chunk()
        if self._content.at_eof():
            return first
        parts, size = [first], len(first)
        while part := await self.chunk():
            parts.append(part)
            size += len(part)
            if size > limit:
                self.close()
                raise UpstreamBroken(f"The upstream's answer is larger than {limit} bytes.")
        return b"".join(parts)

    @property
    def ended(self) -> bool:
        return self._content.at_eof()

    def unwatched(self) -> None:
        connection = self._response.connection
        if connection is not None and connection.protocol is not None:
            connection.protocol.read_timeout = None
            connection.protocol.start_timeout()  # that is: stop the one that runs

    def expire(self) -> None:
        self._content.set_exception(TimeoutError())

    def close(self) -> None:
        if self._content.at_eof():
            self._response.release()
        else:
            self._response.close()


@asynccontextmanager
async def connect() -> AsyncIterator[Upstream]:
    """The pool, for as long as the gateway runs."""
    connector = aiohttp.TCPConnector(
        limit=0,  # aiohttp's 100 would queue the 101st stream
        keepalive_timeout=30,
        ttl_dns_cache=60,
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        auto_decompress=True,
        read_bufsize=2**16,
        max_line_size=2**15,
        max_field_size=2**15,
        trust_env=False,
    )
    try:
        yield Upstream(session)
    finally:
        await session.close()
