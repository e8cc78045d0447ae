"""From the upstream's chunks to the client's connection: headers late, heartbeats, backpressure, one settlement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Protocol

from .errors import PiscesError, UpstreamTimeout
from .transform import Transform
from .upstream import Exchange

DRAIN_TOKENS = 16_384  # how long an answer is read on to where the client set no limit
DRAIN_SECONDS = 300.0  # how long a drained answer may go on behind a client that left


class ClientLeft(Exception):
    """The connection to the client is gone; whoever writes to it stops."""


class Sink(Protocol):
    """The client's connection, for a streamed answer."""

    @property
    def opened(self) -> bool: ...

    async def open(self, headers: Mapping[str, str]) -> None:
        """Send status 200 and headers. From here on the status is told."""

    async def write(self, data: bytes) -> None:
        """Send, and wait while the client is slow. Raises ClientLeft."""

    @property
    def writer(self) -> Callable[[bytes], Awaitable[None]]:
        """The same of an opened one with nothing around it: raises ConnectionError where the client has left."""

    @property
    def idle(self) -> bool:
        """Whether everything written has left: only then may a heartbeat be put in between."""

    async def close(self) -> None: ...

    async def abort(self) -> None:
        """Break the connection off: what was sent is not whole, and there is no other way to say so."""


class Stream:
    """A streamed answer that is open towards a client. `headers` are known once a channel is being tried."""

    __slots__ = ("early", "exchange", "headers", "heard", "heartbeat", "idle", "last", "sink", "useful")

    def __init__(self, sink: Sink, headers: Mapping[str, str], heartbeat: bytes, early: bytes, now: float) -> None:
        self.sink = sink
        self.headers = headers
        self.heartbeat = heartbeat
        self.early = early
        self.last = now
        self.useful = False
        self.exchange: Exchange | None = None  # while it is relayed
        self.heard = now
        self.idle = 0.0

    def watch(self, exchange: Exchange, idle: float, now: float) -> None:
        """See to it that this upstream does not fall silent for more than `idle` seconds."""
        exchange.unwatched()
        self.exchange, self.idle, self.heard = exchange, idle, now

    async def write(self, data: bytes, now: float) -> None:
        if not self.sink.opened:
            await self.sink.open(self.headers)
        self.last = now
        await self.sink.write(data)

    async def beat(self, now: float) -> None:
        """A sign of life between two frames, where nothing waits to be sent."""
        sign = self.heartbeat if self.useful else self.early
        if not sign or (self.sink.opened and not self.sink.idle):
            return
        try:
            await self.write(sign, now)
        except ClientLeft:
            return  # the relay itself will meet it


class Hearts:
    """One clock for the heartbeats of all open streams."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._streams: set[Stream] = set()

    @contextmanager
    def beating(self, stream: Stream) -> Iterator[None]:
        self._streams.add(stream)
        try:
            yield
        finally:
            self._streams.discard(stream)

    def __len__(self) -> int:
        return len(self._streams)

    async def run(self) -> None:
        """Beat for as long as the gateway runs."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(min(1.0, self._interval / 3))
            now = clock()
            for stream in list(self._streams):
                if stream.exchange is not None and now - stream.heard >= stream.idle:
                    stream.exchange.expire()
                elif now - stream.last >= self._interval:
                    await stream.beat(now)


async def first_useful(exchange: Exchange, transform: Transform, seconds: float) -> bytes:
    """Read until something useful has come. What the client will get for it, nothing of which has been sent.

    Raises the upstream's error where it fails or ends before that, or has not come to it in time: another channel may be
    tried.
    """
    held = b""
    try:
        async with asyncio.timeout(seconds):
            while not transform.useful and transform.failure is None:
                chunk = await exchange.chunk()
                held += transform.feed(chunk) if chunk else transform.end()
                if not chunk:
                    break
    except TimeoutError:
        raise UpstreamTimeout(f"The upstream sent nothing useful within {seconds:.0f} s.") from None
    if transform.failure is not None and not transform.useful:
        raise transform.failure
    return held


async def relay(
    exchange: Exchange, transform: Transform, stream: Stream, held: bytes, settle: Callable[[], Awaitable[None]]
) -> None:
    """Send on until the end. From here on bytes may have reached the client: there is no other channel to try.

    `settle` is awaited before the last bytes leave, so that what a client has seen complete is accounted for. An upstream's
    fault becomes a typed error in the client's dialect. Raises ClientLeft (and CancelledError) for a client that left.
    """
    clock = asyncio.get_running_loop().time
    stream.useful = True
    if not stream.sink.opened:
        await stream.sink.open(stream.headers)
    # bound once, and unwrapped: this loop runs for every chunk of every stream
    out, feed, write, read = held, transform.feed, stream.sink.writer, exchange.reader
    while not transform.finished and transform.failure is None:
        if out:
            try:
                await write(out)
            except ConnectionError:  # never in one `try` with the upstream's: theirs are ConnectionErrors too
                raise ClientLeft from None
        try:
            chunk = await read()
        except exchange.ERRORS as error:
            out = transform.fail(exchange.explained(error))
            break
        if not chunk:
            out = transform.end()
            break
        stream.heard = stream.last = clock()
        out = feed(chunk)
    else:
        out += transform.end()
    stream.exchange = None
    await settle()
    if out:
        await stream.write(out, clock())
    await stream.sink.close()


async def ended(exchange: Exchange) -> None:
    """Give an upstream that has said everything a moment to end its stream, so that the connection can be used again."""
    if not exchange.ended:
        with suppress(PiscesError, TimeoutError):
            async with asyncio.timeout(0.2):
                while await exchange.chunk():
                    pass


async def drain(exchange: Exchange, transform: Transform, longest: int | None) -> None:
    """Read on for the usage alone, behind a client that left: for so long, and for so many tokens as that allowed."""
    letters = 8 * (DRAIN_TOKENS if longest is None else longest)  # a token has seldom more
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while not transform.finished and transform.failure is None and transform.letters <= letters:
                chunk = await exchange.chunk()
                transform.feed(chunk) if chunk else transform.end()
                if not chunk:
                    break
    except (PiscesError, TimeoutError):
        return  # what was counted up to here is what there is
