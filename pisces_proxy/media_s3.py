"""Files kept in a bucket of an S3-compatible store. The bucket stays private: clients get them through the gateway.

    s3://bucket/prefix?endpoint=https://minio.example:9000&region=eu-central-1

Credentials are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary ones, AWS_SESSION_TOKEN.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from xml.etree import ElementTree

import aiohttp
from aiohttp import web
from yarl import URL

from .errors import ConfigError, NotFound, StorageUnavailable
from .links import Link
from .media_store import Headers, Kept
from .relay import ClientLeft
from .sigv4 import Access, signed

PIECE = 256 * 1024
_PASSED = ("Content-Length", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified")
_DATED = re.compile(r"(\d{8})/")
_PATIENT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)


class Bucket(Kept):
    """One bucket, addressed by path: every store understands that."""

    def __init__(self, endpoint: str, bucket: str, prefix: str, access: Access) -> None:
        self._root = f"{endpoint.rstrip('/')}/{quote(bucket)}"
        self._prefix = f"{prefix}/" if prefix else ""
        self._access = access
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def at(cls, url: str, env: Mapping[str, str] = os.environ) -> Bucket:
        """Read an `s3:` URL. Raises ConfigError."""
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        region = options.pop("region", "us-east-1")
        endpoint = options.pop("endpoint", f"https://s3.{region}.amazonaws.com")
        if options:
            raise ConfigError(f"[server] media: an s3 URL has endpoint and region, not {', '.join(options)}.")
        key, secret = env.get("AWS_ACCESS_KEY_ID", ""), env.get("AWS_SECRET_ACCESS_KEY", "")
        if not (key and secret):
            raise ConfigError("[server] media: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
        access = Access(region, key, secret, env.get("AWS_SESSION_TOKEN", ""))
        return cls(endpoint, parts.netloc, parts.path.strip("/"), access)

    async def put(self, name: str, data: bytes, mime: str) -> None:
        async with self._asked("PUT", self._url(name), {"Content-Type": mime}, data) as response:
            if response.status != 200:
                raise await _refused(response, "kept")

    async def send(self, request: web.BaseRequest, link: Link, headers: Headers) -> web.StreamResponse:
        wanted = {"Range": request.headers["Range"]} if "Range" in request.headers else {}
        async with self._asked("GET", self._url(link.name), wanted) as answer:
            if answer.status == 404:
                raise NotFound("This file is not kept any more.", code="file_not_found")
            if answer.status not in (200, 206, 416):
                raise await _refused(answer, "read")
            passed = {name: answer.headers[name] for name in _PASSED if name in answer.headers}
            response = web.StreamResponse(status=answer.status, headers={**headers, **passed, "Content-Type": link.mime})
            await _to_client(response.prepare(request))
            if request.method != "HEAD":
                await _relay(answer, response, request)
            return response

    async def drop(self, before: str) -> int:
        gone = 0
        for name in await self._names():
            found = _DATED.match(name.removeprefix(self._prefix))
            if found and found[1] < before:
                async with self._asked("DELETE", f"{self._root}/{quote(name)}") as response:
                    gone += response.status in (200, 204)
        return gone

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _names(self) -> list[str]:
        """What is kept, a thousand at a time; keys come in order, so that the oldest day comes first."""
        query = urlencode({"list-type": "2", "max-keys": "1000", "prefix": self._prefix}, quote_via=quote)
        async with self._asked("GET", f"{self._root}?{query}") as response:
            if response.status != 200:
                raise await _refused(response, "listed")
            tree = ElementTree.fromstring(await response.read())
        return [each.text or "" for each in tree.iter() if each.tag.rpartition("}")[2] == "Key"]

    def _url(self, name: str) -> str:
        return f"{self._root}/{quote(self._prefix + name)}"

    @asynccontextmanager
    async def _asked(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, timeout=_PATIENT)
        sent = signed(self._access, method, url, headers or {}, body, datetime.now(UTC))
        try:
            response = await self._session.request(method, URL(url, encoded=True), headers=sent, data=body or None)
        except (aiohttp.ClientError, OSError) as error:
            raise StorageUnavailable(f"The bucket cannot be reached ({type(error).__name__}). Check [server] media.") from None
        async with response:
            yield response


async def _relay(answer: aiohttp.ClientResponse, response: web.StreamResponse, request: web.BaseRequest) -> None:
    try:
        while piece := await answer.content.read(PIECE):
            await _to_client(response.write(piece))
    except aiohttp.ClientError:
        if request.transport is not None:  # it is not whole, and there is no other way to say so
            request.transport.abort()
        return
    await _to_client(response.write_eof())


async def _to_client(sending: object) -> None:
    """A client that leaves is no failure of the bucket, though both raise the same."""
    try:
        await sending  # type: ignore[misc]
    except ConnectionError:
        raise ClientLeft from None


async def _refused(response: aiohttp.ClientResponse, done: str) -> StorageUnavailable:
    code = re.search(rb"<Code>(\w+)</Code>", await response.content.read(4096))
    why = code[1].decode() if code else str(response.status)
    return StorageUnavailable(f"The bucket refused that a file be {done} ({why}). Check [server] media and its credentials.")
