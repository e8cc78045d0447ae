"""Where pictures and sound are kept for clients that want a URL: a folder, or a bucket. For some days, then they go."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp import web

from . import links
from .config import seconds
from .errors import ConfigError, NotFound, PiscesError, StorageUnavailable
from .links import Link
from .log import log
from .media import Asset
from .relay import ClientLeft
from .seals import Seals

if TYPE_CHECKING:
    from .config import Server

EVERY = 3600.0  # seconds between two looks for what has expired
_DAY = re.compile(r"\d{8}\Z")
Headers = Mapping[str, str]


class Kept(abc.ABC):
    """A place for files. Names are `day/random.extension`; a day is dropped whole."""

    @abc.abstractmethod
    async def put(self, name: str, data: bytes, mime: str) -> None:
        """Raises StorageUnavailable."""

    @abc.abstractmethod
    async def send(self, request: web.BaseRequest, link: Link, headers: Headers) -> web.StreamResponse:
        """A file, or the part of it that the request asks for, to a client. Raises NotFound, StorageUnavailable."""

    @abc.abstractmethod
    async def drop(self, before: str) -> int:
        """Drop the days before this one (YYYYMMDD), and say how many files went."""

    async def close(self) -> None:  # noqa: B027 - a folder has nothing to close
        """Let go."""


class Folder(Kept):
    """Files below a folder. It is made when the first comes."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, name: str, data: bytes, mime: str) -> None:
        await asyncio.to_thread(self._write, self._root / name, data)

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".part")
            unfinished.write_bytes(data)
            unfinished.replace(path)
        except OSError as error:
            raise StorageUnavailable(f"The file could not be kept ({error.strerror}). Check [server] media.") from None

    async def send(self, request: web.BaseRequest, link: Link, headers: Headers) -> web.StreamResponse:
        path = self._root / link.name
        if not await asyncio.to_thread(path.is_file):
            raise NotFound("This file is not kept any more.", code="file_not_found")
        return web.FileResponse(path, headers={**headers, "Content-Type": link.mime})

    async def drop(self, before: str) -> int:
        return await asyncio.to_thread(self._drop, before)

    def _drop(self, before: str) -> int:
        gone = 0
        for day in self._root.glob("*"):
            if not _DAY.match(day.name) or day.name >= before:
                continue
            for file in day.glob("*"):
                file.unlink(missing_ok=True)
                gone += 1
            with contextlib.suppress(OSError):  # something else was put there
                day.rmdir()
        return gone


class MediaStore:
    """Keeps files and makes links to them. `public_url` is where clients reach the gateway, `ttl` in seconds."""

    def __init__(self, kept: Kept, seals: Seals, public_url: str, ttl: float, clock: Callable[[], float] = time.time) -> None:
        self._kept = kept
        self._seals = seals
        self._public_url = public_url.rstrip("/")
        self._ttl = ttl
        self._clock = clock

    @classmethod
    def opened(cls, server: Server, seals: Seals) -> MediaStore:
        """The store of a configuration. Raises ConfigError."""
        return cls(kept_at(server.media, server.database), seals, server.public_url, seconds(server.media_ttl))

    async def put(self, asset: Asset, origin: str = "") -> str:
        """Keep a file's bytes; the URL by which anybody may have it. `origin`: where this client reaches the gateway, for
        installations that do not say."""
        now = self._clock()
        mime = asset.mime or "application/octet-stream"
        name = f"{_day(now)}/{secrets.token_hex(16)}.{links.extension(mime)}"
        await self._kept.put(name, asset.content(), mime)
        link = Link(name, mime, int(now + self._ttl))
        return (self._public_url or origin) + links.path_of(link, self._seals)

    async def answer(self, request: web.BaseRequest, headers: Headers) -> web.StreamResponse:
        """The file behind a link. Raises NotFound, StorageUnavailable."""
        now = self._clock()
        link = links.read(unquote(request.path), self._seals, now)
        age = {"Cache-Control": f"private, max-age={int(link.expires - now)}"}
        try:
            return await self._kept.send(request, link, {**headers, **_HARMLESS, **age})
        except ConnectionError:
            raise ClientLeft from None

    async def prune(self) -> None:
        """Drop what has expired, for as long as the gateway runs."""
        while True:
            try:
                gone = await self._kept.drop(_day(self._clock() - self._ttl))
                if gone:
                    log.info("media_pruned", files=gone)
            except (PiscesError, OSError, aiohttp.ClientError) as error:
                log.warning("media_not_pruned", error=str(error))
            await asyncio.sleep(EVERY)

    async def close(self) -> None:
        await self._kept.close()


# what was made for one client is shown to whoever has the link: it must never run as a page of the gateway's
_HARMLESS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y%m%d}"


def kept_at(url: str, database: str) -> Kept:
    """The place behind `[server] media`; without one, a folder beside the database. Raises ConfigError."""
    if not url:
        return Folder(_beside(database))
    parts = urlsplit(url)
    match parts.scheme:
        case "file" if not parts.netloc and parts.path.startswith("/"):
            return Folder(Path(unquote(parts.path)))
        case "s3" if parts.netloc:
            from .media_s3 import Bucket

            return Bucket.at(url)
        case _:
            raise ConfigError(
                f'[server] media = {url!r} is no place to keep files. Write "file:///path" or "s3://bucket/prefix?endpoint=...".'
            )


def _beside(database: str) -> Path:
    """`pisces-media` beside a database in a file, else in the working directory."""
    scheme, _, path = database.partition(":///")
    name = path.partition("?")[0]
    folder = Path(name).parent if scheme.startswith("sqlite") and name else Path()
    return folder / "pisces-media"
