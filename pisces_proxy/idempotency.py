"""The same request again: run once, charged once, every byte the same (`Idempotency-Key`).

A request with a key runs by itself, on a `Tape`; the client that sent it listens, and so may others that send the same
key: from the beginning, then live. Nobody listening for `GRACE` seconds ends it. What finished well is stored and
replayed for a day, also by another process or after a restart.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

from . import splice
from .background import Background
from .billing import dead
from .errors import BadRequest, Conflict, KeyReused, PiscesError
from .following import PULSE, STEP, Follower, Publisher, broken_off
from .forms import Form
from .ledger import Claim, Stored
from .log import log
from .plugin import Operation
from .relay import Sink
from .storage import Storage

GRACE = 30.0  # seconds that a run goes on with nobody listening
KEPT = 24 * 3600.0  # seconds that a finished answer can be replayed
LEASE = 60.0  # seconds after which a run that nobody renews counts as dead
LIMIT = 8 * 1024 * 1024  # bytes of one answer that are kept
WINDOW = 256 * 1024  # bytes by which a run may be ahead of its slowest listener
LONGEST_KEY = 255

REPLAYED = {"Idempotency-Replayed": "true"}


def fingerprint(method: str, path: str, operation: Operation) -> str:
    """What must be equal for a request to be the same one: method, path, form, and the body without credentials."""
    whole = hashlib.sha256(
        f"{method} {path} {operation.model} {operation.form} {operation.stream}\n".encode("utf-8", "replace")
    )
    if operation.upload is not None:
        whole.update(_digest(operation.upload))
    try:
        # put together anew: a body from which a key was taken is the same as one that never had it
        whole.update(splice.edit(operation.body, {}))
    except BadRequest:
        whole.update(operation.body)
    return whole.hexdigest()


def _digest(form: Form) -> bytes:
    """Names and contents, whatever the boundary between them."""
    whole = hashlib.sha256()
    for part in form.parts:
        size = part.file.size if part.file is not None else len(part.value.encode())
        whole.update(f"{len(part.name)} {part.name} {part.filename!r} {size}\n".encode("utf-8", "replace"))
        for piece in part.file.chunks() if part.file is not None else (part.value.encode(),):
            whole.update(piece)
    return whole.digest()


def checked(key: str) -> str:
    """A usable key. Raises BadRequest."""
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise BadRequest(f"Idempotency-Key must have 1 to {LONGEST_KEY} printable characters.", code="invalid_idempotency_key")
    return key


class Tape:
    """An answer from its first byte on, for whoever listens. It is the sink that a run writes to."""

    def __init__(self, request_id: str, fingerprint: str) -> None:
        self.request_id = request_id
        self.fingerprint = fingerprint
        self.status = 0
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.size = 0
        self.dropped = 0  # parts let go because the answer is larger than can be kept
        self.stream = False
        self.over = asyncio.Event()
        self.error: PiscesError | None = None
        self.spoiled = False  # it ended in an error that was told in band: nothing to replay
        self._changed = asyncio.Event()
        self._positions: dict[object, int] = {}  # listener -> parts that it has had
        self.alone_since: float | None = None

    # -- as a sink

    @property
    def opened(self) -> bool:
        return self.status != 0

    @property
    def idle(self) -> bool:
        return True

    async def open(self, headers: Mapping[str, str]) -> None:
        self.status, self.headers, self.stream = 200, dict(headers), True
        self._tell()

    async def write(self, data: bytes) -> None:
        self.parts.append(data)
        self.size += len(data)
        self._tell()
        while self._positions and self._ahead() > WINDOW:
            await self._wait()
        if self.size > LIMIT:
            self._let_go()

    @property
    def writer(self) -> Callable[[bytes], Awaitable[None]]:
        return self.write

    async def close(self) -> None:
        self.over.set()
        self._tell()

    async def abort(self) -> None:
        self.broken()

    # -- whole answers and ends

    def put(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """A whole answer at once."""
        self.status, self.headers, self.parts, self.size = status, dict(headers), [body], len(body)
        self.over.set()
        self._tell()

    def fail(self, error: PiscesError) -> None:
        self.error = error
        self.over.set()
        self._tell()

    def broken(self) -> None:
        """The run ended without an end: its listeners are cut off."""
        self.error = self.error or Conflict("The request with this Idempotency-Key was cut off.", retry_after=1)
        self.over.set()
        self._tell()

    # -- for listeners

    @property
    def whole(self) -> bool:
        """Whether a new listener can still hear it from the beginning."""
        return self.dropped == 0

    async def begun(self) -> None:
        """Until it is known whether it comes in pieces or at once."""
        with self.listening() as me:
            while not (self.opened or self.over.is_set()):
                await self._wait()
            self._positions[me] = self.dropped + len(self.parts)  # it waits for nobody

    async def play(self, sink: Sink, extra: Mapping[str, str]) -> None:
        """Send everything from the beginning and then live. Raises the run's error, where that has not been told in band."""
        with self.listening() as me:
            while True:
                await self._play_new(me, sink, extra)
                if self.over.is_set() and self._positions[me] == self.dropped + len(self.parts):
                    break
                await self._wait()
            if self.error is not None:
                raise self.error
            await sink.close()

    @contextmanager
    def listening(self) -> Iterator[object]:
        """While somebody listens, the run goes on."""
        me = object()
        self._positions[me] = 0
        self.alone_since = None
        try:
            yield me
        finally:
            del self._positions[me]
            if not self._positions:
                self.alone_since = time.monotonic()
            self._tell()

    async def _play_new(self, me: object, sink: Sink, extra: Mapping[str, str]) -> None:
        if self.opened and self.stream and not sink.opened:
            await sink.open({**self.headers, **extra})
        while (at := self._positions[me] - self.dropped) < len(self.parts):
            await sink.write(self.parts[at])
            self._positions[me] += 1
            self._tell()

    def _ahead(self) -> int:
        slowest = min(self._positions.values()) - self.dropped
        return sum(len(part) for part in self.parts[slowest:])

    def _let_go(self) -> None:
        """Too large to keep: hold only what listeners have not had."""
        had = (min(self._positions.values()) if self._positions else self.dropped + len(self.parts)) - self.dropped
        if had > 0:
            del self.parts[:had]
            self.dropped += had

    def _tell(self) -> None:
        self._changed.set()

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()


class Idempotency:
    """Runs by key, in this process and, through the storage, in all."""

    def __init__(self, storage: Storage, tasks: Background, owner: str = "") -> None:
        self._storage = storage
        self._tasks = tasks
        self._owner = owner
        self._running: dict[tuple[str, str], Tape] = {}

    async def claim(self, scope: str, key: str, print_: str, request_id: str, now: float) -> Claim:
        claim = await self._claim(scope, key, print_, request_id, now)
        if claim.state == "other":
            raise KeyReused(
                "This Idempotency-Key was used with another request. Use a new key for each new request.",
                code="idempotency_mismatch",
            )
        return claim

    async def _claim(self, scope: str, key: str, print_: str, request_id: str, now: float) -> Claim:
        gone = lambda owner: dead(owner, self._owner)  # noqa: E731
        until = now + LEASE
        return await self._storage.claim(scope, key, print_, request_id, now, until, owner=self._owner, dead=gone)

    def tape(self, scope: str, key: str) -> Tape | None:
        """The run under this key in this process."""
        return self._running.get((scope, key))

    def refuse_second(self) -> Conflict:
        """What a request gets whose twin is still running where it cannot be joined."""
        return Conflict(
            "A request with this Idempotency-Key is still running. Ask again in a moment with the same key: the answer is "
            "replayed once it is there.",
            code="idempotency_conflict",
            retry_after=1.0,
        )

    async def follow(self, scope: str, key: str, print_: str, me: str, claim: Claim, sink: Sink) -> Claim | None:
        """Hear a stream of another process. A Claim where its run has ended with nothing to hear: the key is ours then, and
        the request is still to be run. Raises UpstreamBroken where it breaks off."""

        async def ask() -> Claim:
            return await self.claim(scope, key, print_, me, time.time())

        left = await Follower(self._storage, ask).follow(claim, sink, REPLAYED)
        if left is not None and sink.opened:
            await self._storage.unclaim(scope, key, me)
            raise broken_off()
        return left

    def start(self, scope: str, key: str, tape: Tape, run: Callable[[Tape], Awaitable[None]]) -> None:
        """Run a request by itself, on its tape."""
        self._running[scope, key] = tape
        self._tasks.start(self._live(scope, key, tape, run))

    async def _live(self, scope: str, key: str, tape: Tape, run: Callable[[Tape], Awaitable[None]]) -> None:
        work = asyncio.ensure_future(run(tape))
        publisher = Publisher(self._storage, scope, key, tape.request_id)
        pulse = 0.0
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=STEP if publisher.wanted else PULSE)
                if work.done():
                    break
                if time.monotonic() - pulse >= PULSE:
                    pulse = time.monotonic()
                    await self._renew_or_end(scope, key, tape, work, publisher)
                if publisher.wanted and tape.stream and tape.size <= LIMIT:
                    await publisher.publish(tape.headers, tape.parts)
            await asyncio.gather(work, return_exceptions=True)
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            raise
        finally:
            await self._ended(scope, key, tape)

    async def _renew_or_end(self, scope: str, key: str, tape: Tape, work: asyncio.Future[None], publisher: Publisher) -> None:
        """While somebody listens, here or (by asking for the same) in another process."""
        now = time.time()
        try:
            claim = await self._claim(scope, key, tape.fingerprint, tape.request_id, now)
            publisher.asked_at = claim.asked_at
        except PiscesError as error:
            log.warning("lease_not_renewed", request_id=tape.request_id, error=error.message)
        alone = tape.alone_since is not None and time.monotonic() - tape.alone_since > GRACE
        if alone and now - publisher.asked_at > GRACE:
            work.cancel()

    async def _ended(self, scope: str, key: str, tape: Tape) -> None:
        if not tape.over.is_set():
            tape.broken()
        try:
            if tape.error is None and not tape.spoiled and 0 < tape.status < 500:
                body = b"".join(tape.parts) if tape.whole and tape.size <= LIMIT else None
                stored = Stored(
                    request_id=tape.request_id, status=tape.status, headers=tape.headers, body=body, stream=tape.stream
                )
                await self._storage.keep(scope, key, stored, time.time() + KEPT)
            else:
                await self._storage.unclaim(scope, key, tape.request_id)
        except PiscesError as error:
            log.error("answer_not_kept", request_id=tape.request_id, error=error.message)
        finally:
            self._running.pop((scope, key), None)
