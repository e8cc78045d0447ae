"""The way out through a channel's `proxy`: aiohttp's client, which knows proxies and their passwords."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar

import aiohttp
from yarl import URL

from .errors import PiscesError, UpstreamBroken, UpstreamTimeout, unreached
from .exchange import UNSENT, Body, Exchange, Timeouts, whole


class Proxied:
    """One pool of connections for all channels behind proxies, made when the first of them is asked."""

    def __init__(self) -> None:
        self._opened: aiohttp.ClientSession | None = None

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body, timeouts: Timeouts, proxy: str, length: int | None
    ) -> Exchange:
        sized = {} if length is None or isinstance(body, bytes) else {"Content-Length": str(length)}
        try:
            response = await self._session().request(
                method,
                URL(url, encoded=True),
                data=body or None,
                headers={**headers, **sized},
                proxy=proxy,
                allow_redirects=False,
                timeout=_client_timeout(timeouts),
            )
        except TimeoutError as error:
            # aiohttp's ConnectionTimeoutError and SocketTimeoutError are TimeoutErrors too
            raise UpstreamTimeout(f"The upstream did not answer in time ({_reason(error)}).", details=_sent(error)) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UpstreamBroken(f"The upstream could not be reached ({unreached(error)}).", details=_sent(error)) from None
        _watch(response, timeouts.idle)
        return _ProxiedExchange(response)

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,  # aiohttp's 100 would queue the 101st stream
                    keepalive_timeout=30,
                    ttl_dns_cache=60,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
                auto_decompress=True,
                read_bufsize=2**16,
                max_line_size=2**15,
                max_field_size=2**15,
                trust_env=False,
            )
        return self._opened

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()


def _sent(error: Exception) -> dict[str, str]:
    never = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL)
    return UNSENT if never else {}


def _reason(error: TimeoutError) -> str:
    return "connecting" if isinstance(error, aiohttp.ConnectionTimeoutError) else "no first byte"


def _client_timeout(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        # the time until the first byte is aiohttp's read timeout; from the headers on it is set to the idle time
        total=timeouts.total,
        connect=None,
        sock_connect=timeouts.connect,
        sock_read=timeouts.first_byte,
    )


def _watch(response: aiohttp.ClientResponse, seconds: float | None) -> None:
    connection = response.connection
    if connection is not None and connection.protocol is not None:  # None: all has come, and it is free again
        connection.protocol.read_timeout = seconds
        connection.protocol.start_timeout()  # in place of the one that runs


class _ProxiedExchange:
    __slots__ = ("_content", "_response", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._content = response.content
        self.status = response.status

    ERRORS: ClassVar[tuple[type[Exception], ...]] = (aiohttp.ClientError, OSError, ValueError)

    def explained(self, error: Exception) -> PiscesError:
        if isinstance(error, TimeoutError):
            return UpstreamTimeout("The upstream stopped sending in the middle of its answer.")
        return UpstreamBroken(f"The upstream broke off its answer ({type(error).__name__}).")

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    @property
    def reader(self) -> Callable[[], Awaitable[bytes]]:
        return self._content.readany

    async def chunk(self) -> bytes:
        try:
            return await self._content.readany()
        except self.ERRORS as error:
            raise self.explained(error) from None

    async def read(self, limit: int) -> bytes:
        return await whole(self, limit)

    @property
    def ended(self) -> bool:
        return self._content.at_eof()

    def unwatched(self) -> None:
        _watch(self._response, None)

    def expire(self) -> None:
        self._content.set_exception(TimeoutError())

    def close(self) -> None:
        if self._content.at_eof():
            self._response.release()
        else:
            self._response.close()
