"""What a task has made, handed out: bytes in pieces, wherever they lie, and the signed URL that anybody may have them by."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec

from . import links
from .asking import Asker
from .errors import Forbidden, NotFound, PiscesError, UpstreamBroken
from .fetch import REDIRECTS, Fetcher
from .log import log
from .media import Asset
from .media_store import MediaStore
from .mediawire import Driver
from .plans import Ask
from .sites import same_origin
from .task import Task
from .task_steps import Steps
from .task_views import MAIN

PIECE = 2**18
_MOVED = frozenset({301, 302, 303, 307, 308})
_PASSED = ("content-type", "content-length", "content-range", "etag", "last-modified")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")
_MIMES = {"video": "video/mp4", "image": "image/png"}


class Opened(msgspec.Struct, frozen=True):
    """A file on its way: status (200, 206, 416), headers, pieces."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class Results:
    """The files of tasks. `secret` signs their URLs."""

    def __init__(self, steps: Steps, fetcher: Fetcher, formats: Mapping[str, object], secret: bytes) -> None:
        self._steps = steps
        self._fetcher = fetcher
        self._formats = formats
        self._secret = secret

    # -- URLs

    def url(self, task: Task, number: int) -> str:
        """The same each time, until the results go. What the gateway keeps itself has a link already."""
        if (kept := kept_at(task, number)) is not None:
            return kept
        expires = int(task.expires_at or task.created_at)
        signature = self._signature(task.id, number, expires)
        return f"{task.origin}/v1/tasks/{task.id}/files/{number}?expires={expires}&signature={signature}"

    def check(self, id: str, number: int, query: Mapping[str, str]) -> None:
        """Raises Forbidden for a URL that is not ours, or has expired."""
        expires = query.get("expires", "")
        wanted = self._signature(id, number, int(expires)) if expires.isascii() and expires.isdigit() else ""
        if not wanted or not hmac.compare_digest(wanted.encode(), query.get("signature", "").encode()):
            raise Forbidden("The signature of this URL is not right. Copy the URL whole.", code="invalid_signature")
        if int(expires) < time.time():
            raise Forbidden("This URL has expired: results are kept for 7 days.", code="url_expired")

    def callback(self, task: Task) -> str:
        """Where an upstream may say that something has happened to a task. Nobody can guess it."""
        return f"{task.origin}/v1/tasks/{task.id}/callbacks/{self.token(task.id)}"

    def token(self, id: str) -> str:
        return hmac.new(self._secret, f"callback/{id}".encode(), hashlib.sha256).hexdigest()[:40]

    def _signature(self, id: str, number: int, expires: int) -> str:
        return hmac.new(self._secret, f"{id}/{number}/{expires}".encode(), hashlib.sha256).hexdigest()[:40]

    @staticmethod
    def number(task: Task, variant: str) -> int:
        """Which asset a `variant` means: the video itself, the second of several, its thumbnail, ... Raises NotFound."""
        if task.status != "completed":
            raise NotFound(f"The task is {task.status}: there is nothing to download.", code="task_not_completed")
        role = MAIN if variant in ("", "video", "image") or variant.isdigit() else variant
        numbers = [number for number, asset in enumerate(task.assets) if asset.role == role]
        at = int(variant) if variant.isdigit() else 0
        if at < len(numbers):
            return numbers[at]
        raise NotFound(f"The task has no {variant}.", param="variant", code="variant_not_found")

    # -- bytes

    @asynccontextmanager
    async def opened(self, task: Task, number: int, wanted: str) -> AsyncIterator[Opened]:
        """A file, or the part of it that a Range header asks for. Raises NotFound, UpstreamError."""
        if number >= len(task.assets):
            raise NotFound("There is no such file.", code="file_not_found")
        asset = task.assets[number]
        if asset.url.startswith("local:"):
            provider = self._steps.provider_of(task)
            if provider is None:
                raise NotFound("What made this file is not here any more.", code="file_not_found")
            asset = await provider.content(asset.url, task.state)
        if asset.data:
            yield _part(asset.data, asset.mime or _MIMES[task.type], wanted)
            return
        async with self._elsewhere(task, asset.url, {"Range": wanted} if wanted else {}) as found:
            yield found

    async def kept(self, task: Task, store: MediaStore, limit: int) -> Task:
        """The task with its results in the gateway's own store; where one cannot be had it stays where it is."""
        assets = []
        for number, asset in enumerate(task.assets):
            try:
                assets.append(asset if kept_at(task, number) else await self._brought(task, number, store, limit))
            except (PiscesError, aiohttp.ClientError, OSError) as error:
                log.warning("result_not_kept", task=task.id, error=str(error))
                assets.append(asset)
        return msgspec.structs.replace(task, assets=tuple(assets))

    async def _brought(self, task: Task, number: int, store: MediaStore, limit: int) -> Asset:
        parts: list[bytes] = []
        async with self.opened(task, number, "") as found:
            mime = found.headers.get("content-type", "").partition(";")[0].strip() or _MIMES[task.type]
            async for piece in found.pieces:
                parts.append(piece)
                if sum(map(len, parts)) > limit:
                    raise UpstreamBroken(f"A result is larger than {limit} bytes.")
        asset = Asset(data=b"".join(parts), mime=mime)
        url = await store.put(asset, task.origin)
        return msgspec.structs.replace(task.assets[number], data=b"", file=None, url=url, mime=mime)

    @asynccontextmanager
    async def _elsewhere(self, task: Task, url: str, headers: Mapping[str, str]) -> AsyncIterator[Opened]:
        asker = self._steps.asker_of(task)
        form = self._formats.get(task.driver)
        wants_key = isinstance(form, Driver) and form.fetch_headers(url)
        for _ in range(REDIRECTS + 1):
            own = asker is not None and same_origin(url, asker.base)
            async with self._answer(asker if own else None, url, headers, wants_key) as found:
                if found.status not in _MOVED or "location" not in found.headers:
                    _check(found)
                    kept = {name: value for name, value in found.headers.items() if name in _PASSED}
                    yield msgspec.structs.replace(found, headers={"accept-ranges": "bytes", **kept})
                    return
                url = urljoin(url, found.headers["location"])
        raise UpstreamBroken("A result of the upstream redirects without end.")

    @asynccontextmanager
    async def _answer(
        self, asker: Asker | None, url: str, headers: Mapping[str, str], wants_key: bool
    ) -> AsyncIterator[Opened]:
        """From the channel's own upstream with its key, where the driver says so; from anywhere else guarded, without."""
        if asker is None:
            async with self._fetcher.opened("GET", url, {"Accept-Encoding": "identity", **headers}) as response:
                seen = {name.lower(): value for name, value in response.headers.items()}
                yield Opened(response.status, seen, response.content.iter_chunked(PIECE))
            return
        exchange = await asker.open(Ask(method="GET", url=url, headers=headers, authorize=wants_key))
        try:
            seen = {name.lower(): value for name, value in exchange.headers.items()}
            yield Opened(exchange.status, seen, _chunks(exchange.chunk))
        finally:
            exchange.close()


def kept_at(task: Task, number: int) -> str | None:
    """Where a file is that is in the gateway's own store."""
    url = task.assets[number].url if number < len(task.assets) else ""
    return url if urlsplit(url).path.startswith(links.PATH) else None


async def _chunks(chunk: object) -> AsyncIterator[bytes]:
    while data := await chunk():  # type: ignore[operator]
        yield data


def _check(found: Opened) -> None:
    if found.status in (200, 206, 416):
        return
    if found.status in (401, 403, 404, 410):
        raise NotFound("The upstream does not keep this file any more.", code="file_expired")
    raise UpstreamBroken(f"The file could not be fetched from the upstream ({found.status}).")


def _part(data: bytes, mime: str, wanted: str) -> Opened:
    size = len(data)
    base = {"content-type": mime, "accept-ranges": "bytes"}
    found = _RANGE.match(wanted.strip())
    if found is None or not (found[1] or found[2]):
        return Opened(200, {**base, "content-length": str(size)}, _pieces(data))
    first = int(found[1]) if found[1] else max(0, size - int(found[2]))
    last = min(int(found[2]), size - 1) if found[1] and found[2] else size - 1
    if first > last:
        return Opened(416, {**base, "content-range": f"bytes */{size}", "content-length": "0"}, _pieces(b""))
    part = data[first : last + 1]
    return Opened(
        206, {**base, "content-range": f"bytes {first}-{last}/{size}", "content-length": str(len(part))}, _pieces(part)
    )


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), PIECE):
        yield data[at : at + PIECE]


def explained(error: Exception) -> PiscesError:
    return UpstreamBroken(f"The file could not be fetched from the upstream ({type(error).__name__}).")
