"""Media by URL for upstreams that want bytes: fetched with a guard, a size limit and a clock (wire.md C3).

The address that a name resolves to is checked before each connection and is the one connected to, so that neither a
redirect nor a second DNS answer leads inside.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from . import blobs, chat
from .addresses import is_literal
from .addresses import public as public
from .errors import BadRequest, UpstreamBroken, UpstreamTimeout, unreached
from .media import Asset
from .plans import Got

LIMIT = 20 * 1024 * 1024
SECONDS = 10.0
REDIRECTS = 3
_PATIENT = aiohttp.ClientTimeout(total=None, sock_connect=SECONDS, sock_read=60.0)  # of an upstream's own files


class Guarded(AbstractResolver):
    """A resolver that answers with public addresses only."""

    def __init__(self, allow_private: bool = False) -> None:
        self._allow_private = allow_private

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        addresses = [info[4][0] for info in found]
        if not self._allow_private and any(not public(str(address)) for address in addresses):
            raise OSError(f"{host} is not a public address")
        return [
            ResolveResult(
                hostname=host, host=str(info[4][0]), port=port, family=info[0], proto=info[2], flags=socket.AI_NUMERICHOST
            )
            for info in found
        ]

    async def close(self) -> None:
        """Nothing is held."""


class Fetcher:
    """Fetches on behalf of clients. `allow_private` is for development and tests on one machine."""

    def __init__(self, session: aiohttp.ClientSession, allow_private: bool = False) -> None:
        self._session = session
        self._allow_private = allow_private

    async def media(self, media: chat.Media, param: str) -> chat.Media:
        """The same with its bytes in place of the URL. Raises BadRequest naming `param`."""
        data, mime = await self._bytes(media.url, param)
        encoded = base64.b64encode(data).decode()
        return msgspec.structs.replace(
            media, url="", data=encoded, mime=blobs.sniff(encoded[:4096]) or mime, filename=media.filename or _name(media.url)
        )

    async def asset(self, asset: Asset, param: str) -> Asset:
        """The same for a file of a media request."""
        data, mime = await self._bytes(asset.url, param)
        seen = blobs.sniff(base64.b64encode(data[:3072]).decode())
        return msgspec.structs.replace(
            asset, url="", data=data, mime=seen or asset.mime or mime, filename=asset.filename or _name(asset.url)
        )

    async def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes, limit: int) -> Got:
        """An upstream's own URL, wherever it leads outside. Redirects are answers. Raises UpstreamError."""
        try:
            async with self.opened(method, url, headers, body) as response:
                data = await _bounded(response, url, limit)
                seen = {name.lower(): value for name, value in response.headers.items()}
                return Got(status=response.status, headers=seen, body=data)
        except BadRequest as error:
            raise UpstreamBroken(f"The upstream handed out a URL that is not fetched: {error.message}") from None
        except TimeoutError:
            raise UpstreamTimeout("A file that the upstream handed out did not come in time.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UpstreamBroken(f"A URL of the upstream cannot be fetched ({unreached(error)}).") from None

    @asynccontextmanager
    async def opened(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One exchange with an outside address, as it comes."""
        where = URL(url, encoded=True)
        self._check(where, "url")
        async with self._session.request(
            method, where, headers=headers, data=body or None, allow_redirects=False, timeout=_PATIENT
        ) as response:
            yield response

    async def _bytes(self, url: str, param: str) -> tuple[bytes, str]:
        try:
            async with asyncio.timeout(SECONDS):
                return await self._get(URL(url), param)
        except TimeoutError:
            raise BadRequest(
                f"{param}: the URL did not answer within {SECONDS:.0f} s.", param=param, code="invalid_url"
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = getattr(error, "os_error", None) or error
            raise BadRequest(f"{param}: the URL cannot be fetched ({reason}).", param=param, code="invalid_url") from None

    async def _get(self, url: URL, param: str) -> tuple[bytes, str]:
        for _ in range(REDIRECTS + 1):
            self._check(url, param)
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status in (301, 302, 303, 307, 308) and "Location" in response.headers:
                    url = url.join(URL(response.headers["Location"]))
                    continue
                if response.status != 200:
                    raise BadRequest(f"{param}: the URL answered {response.status}.", param=param, code="invalid_url")
                return await _bounded(response, param, LIMIT), response.content_type
        raise BadRequest(f"{param}: the URL redirects more than {REDIRECTS} times.", param=param, code="invalid_url")

    def _check(self, url: URL, param: str) -> None:
        if url.scheme not in ("http", "https") or not url.host:
            raise BadRequest(f"{param}: only http and https URLs and data URIs are fetched.", param=param, code="invalid_url")
        literal = url.host.strip("[]")
        if not self._allow_private and is_literal(literal) and not public(literal):  # literals skip the resolver
            raise BadRequest(f"{param}: {url.host} is not a public address.", param=param, code="invalid_url")


async def _bounded(response: aiohttp.ClientResponse, param: str, limit: int) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > limit:
            raise BadRequest(f"{param}: the file is larger than {limit // 2**20} MiB.", param=param, code="file_too_large")
    return b"".join(parts)


def _name(url: str) -> str:
    return URL(url).name


def session(allow_private: bool = False) -> aiohttp.ClientSession:
    """The session that a Fetcher uses; the caller closes it."""
    connector = aiohttp.TCPConnector(resolver=Guarded(allow_private), limit=50, use_dns_cache=False)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)


def wanted(request: chat.Request, accepted: frozenset[str] | Sequence[str]) -> list[tuple[int, int, int | None, chat.Media]]:
    """The media that this target does not fetch itself: (turn, block, block inside a tool result, media)."""
    found: list[tuple[int, int, int | None, chat.Media]] = []
    for t, turn in enumerate(request.turns):
        for b, block in enumerate(turn.blocks):
            if isinstance(block, chat.Media) and _fetchable(block, accepted):
                found.append((t, b, None, block))
            elif isinstance(block, chat.ToolResult):
                found += [
                    (t, b, i, part)
                    for i, part in enumerate(block.blocks)
                    if isinstance(part, chat.Media) and _fetchable(part, accepted)
                ]
    return found


def _fetchable(media: chat.Media, accepted: frozenset[str] | Sequence[str]) -> bool:
    return media.url.startswith(("http://", "https://")) and media.kind not in accepted


async def inlined(request: chat.Request, accepted: frozenset[str] | Sequence[str], fetcher: Fetcher) -> chat.Request:
    """The request with every URL that the target does not take replaced by its bytes."""
    found = wanted(request, accepted)
    if not found:
        return request
    names = [f"messages[{t}].content[{b}]" + (f".content[{i}]" if i is not None else "") for t, b, i, _ in found]
    fetched = await asyncio.gather(*(fetcher.media(media, name) for (_, _, _, media), name in zip(found, names, strict=True)))
    turns: list[list[Any]] = [list(turn.blocks) for turn in request.turns]
    for (t, b, i, _), media in zip(found, fetched, strict=True):
        if i is None:
            turns[t][b] = media
        else:
            inner = list(turns[t][b].blocks)
            inner[i] = media
            turns[t][b] = msgspec.structs.replace(turns[t][b], blocks=tuple(inner))
    return msgspec.structs.replace(
        request,
        turns=tuple(
            msgspec.structs.replace(turn, blocks=tuple(blocks)) for turn, blocks in zip(request.turns, turns, strict=True)
        ),
    )
