"""Webhooks on their way out: one attempt after another over a day, to public https addresses only, signed each time anew.

A receiver gets each notice at least once, always under the same `webhook-id`.
"""

from __future__ import annotations

import asyncio
import secrets
import string
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from yarl import URL

from .addresses import is_literal, outside, public
from .background import Background
from .billing import dead
from .errors import BadRequest, PiscesError
from .log import log
from .storage import Storage
from .task import Task
from .task_views import Link, canonical, view_of
from .webhook import Delivery, DeliveryTry, attempted, headers

SECONDS = 15.0  # for one attempt
LEASE = 60.0
TICK = 0.5
AT_ONCE = 32
_EVENTS = {"completed": "task.completed", "cancelled": "task.cancelled"}
_BASE62 = string.digits + string.ascii_letters
_encode = msgspec.json.Encoder().encode


def checked(url: str, dev: bool, param: str = "webhook.url") -> str:
    """A webhook's address as a client names it. Raises BadRequest."""
    parts = urlsplit(url)
    if not dev and parts.scheme != "https":
        raise BadRequest(f"{param} must begin with https://.", param=param, code="invalid_url")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise BadRequest(f"{param} is not a URL that can be called.", param=param, code="invalid_url")
    if not dev and not outside(url):
        raise BadRequest(f"{param} leads to a private address. Use a public one.", param=param, code="invalid_url")
    return url


def notice(task: Task, link: Link, now: float) -> list[Delivery]:
    """What tells of the end of a task: nothing where nobody asked."""
    if not task.webhook:
        return []
    event = _EVENTS.get(task.status, "task.failed")
    stamp = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    body = {"type": event, "timestamp": stamp, "data": canonical(view_of(task, link))}
    id = "msg_" + "".join(secrets.choice(_BASE62) for _ in range(27))
    made = Delivery(
        id=id,
        task=task.id,
        account=task.account,
        url=task.webhook,
        event=event,
        body=_encode(body),
        created_at=now,
        next_at=now,
    )
    return [made]


class Webhooks:
    """The deliveries of one process. `dev`: any address may be called, by http too."""

    def __init__(self, storage: Storage, session: aiohttp.ClientSession, background: Background, owner: str, dev: bool) -> None:
        self._storage = storage
        self._session = session
        self._background = background
        self._owner = owner
        self._dev = dev
        self._running: set[str] = set()
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something to deliver now."""
        self._wake.set()

    async def run(self) -> None:
        while True:
            try:
                await self._take()
            except PiscesError as error:
                log.warning("deliveries_not_taken", error=error.message)
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), TICK)

    async def _take(self) -> None:
        room = AT_ONCE - len(self._running)
        if room <= 0 or self._background.closing:
            return
        now = time.time()
        gone = lambda owner: dead(owner, self._owner)  # noqa: E731
        for delivery in await self._storage.claim_deliveries(self._owner, now, now + LEASE, limit=room, dead=gone):
            self._running.add(delivery.id)
            self._background.start(self._deliver(delivery))

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            attempt = await self._attempt(delivery)
            after = attempted(delivery, attempt)
            log.info(
                "webhook", id=delivery.id, task=delivery.task, state=after.state, status=attempt.status, error=attempt.error
            )
            await self._storage.save_delivery(after)
        except PiscesError as error:  # its lease runs out, and it is sent again
            log.warning("delivery_not_written", id=delivery.id, error=error.message)
        finally:
            self._running.discard(delivery.id)

    async def _attempt(self, delivery: Delivery) -> DeliveryTry:
        now, started = time.time(), time.perf_counter()
        signed = headers(delivery, await self._storage.hook_secret(delivery.account), now)
        status, error = await self._post(delivery, signed)
        return DeliveryTry(at=now, status=status, error=error, ms=round((time.perf_counter() - started) * 1000, 1))

    async def _post(self, delivery: Delivery, signed: Mapping[str, str]) -> tuple[int | None, str]:
        sent = {"Content-Type": "application/json", "User-Agent": "Pisces-Webhooks/1", **signed}
        try:
            async with asyncio.timeout(SECONDS):
                where = self._address(delivery.url)
                async with self._session.post(where, data=delivery.body, headers=sent, allow_redirects=False) as response:
                    return response.status, "" if 200 <= response.status < 300 else f"answered {response.status}"
        except TimeoutError:
            return None, f"no answer within {SECONDS:.0f} s"
        except BadRequest as refused:
            return None, refused.message
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            return None, str(getattr(failure, "os_error", None) or failure)[:300] or type(failure).__name__

    def _address(self, url: str) -> Any:
        """Checked at each attempt: names by the session's resolver, addresses here, for they skip it."""
        where = URL(checked(url, self._dev))
        if not self._dev and is_literal(where.host or "") and not public(where.host or ""):
            raise BadRequest(f"{where.host} is not a public address.")
        return where
