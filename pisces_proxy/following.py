"""A stream that another process runs: its bytes go through the storage, for as long as somebody asks for them.

Nothing of this costs anything until a second process claims the key of a stream that runs. Its claim is what the runner
sees at its next pulse; from then on it publishes what it has, from the first byte, and whoever follows reads that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from .errors import Conflict, PiscesError, UpstreamBroken
from .ledger import Claim, Stored
from .log import log
from .relay import Sink
from .storage import Storage

PULSE = 1.0  # seconds between two looks of a runner at who asks
STEP = 0.2  # seconds between two pieces
ASKED = 5.0  # seconds after which somebody who has not asked again is gone


class AlreadyDone(Conflict):
    """Asking again brings nothing."""

    retryable = False


class Publisher:
    """What a runner has told those in other processes."""

    def __init__(self, storage: Storage, scope: str, key: str, request_id: str) -> None:
        self._storage = storage
        self._of = (scope, key, request_id)
        self._parts = 0
        self._offset = 0
        self.asked_at = 0.0

    @property
    def wanted(self) -> bool:
        return time.time() - self.asked_at < ASKED

    async def publish(self, headers: Mapping[str, str], parts: list[bytes]) -> None:
        """What is new of all parts so far."""
        data = b"".join(parts[self._parts :])
        if not data:
            return
        try:
            await self._storage.publish(*self._of, headers, self._offset, data)
        except PiscesError as error:
            log.warning("stream_not_published", request_id=self._of[2], error=error.message)
            return
        self._parts, self._offset = len(parts), self._offset + len(data)


class Follower:
    """One client that hears a stream of another process, from its beginning. `ask` claims the key once more."""

    def __init__(self, storage: Storage, ask: Callable[[], Awaitable[Claim]]) -> None:
        self._storage = storage
        self._ask = ask
        self._at = 0

    async def follow(self, claim: Claim, sink: Sink, extra: Mapping[str, str]) -> Claim | None:
        """Send all of it. A Claim where the key has become ours, for the run has ended with nothing to hear: the request is
        still to be run. Raises UpstreamBroken where it breaks off."""
        runner = claim.request_id
        while claim.state == "running":
            if claim.request_id != runner and sink.opened:
                raise broken_off()  # another run of the same request says other words
            runner = claim.request_id
            await self._hear(runner, sink, extra)
            await asyncio.sleep(STEP)
            claim = await self._ask()
        if claim.stored is None:
            return claim
        await self._end(claim.stored, sink, extra)
        return None

    async def _hear(self, runner: str, sink: Sink, extra: Mapping[str, str]) -> None:
        heard = await self._storage.published(runner, self._at)
        if heard is None:
            return
        if not sink.opened:
            await sink.open({**heard.headers, **extra})
        await sink.write(heard.data)
        self._at += len(heard.data)

    async def _end(self, stored: Stored, sink: Sink, extra: Mapping[str, str]) -> None:
        if stored.body is None:
            raise broken_off() if sink.opened else lost(stored)
        if not sink.opened:
            await sink.open({**stored.headers, **extra})
        if rest := stored.body[self._at :]:
            await sink.write(rest)
        await sink.close()


def broken_off() -> UpstreamBroken:
    """Some of it has been heard, and the rest will never be."""
    return UpstreamBroken("The answer broke off in the process that ran it. Send the request again.")


def lost(stored: Stored) -> AlreadyDone:
    """A finished answer that was too large to keep."""
    return AlreadyDone(
        f"The request with this Idempotency-Key is already done (see {stored.request_id}), but its answer was too large "
        "to keep.",
        code="idempotency_done",
    )
