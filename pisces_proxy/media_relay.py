"""Streamed media on its way through: audio bytes and events, as they come, read along for what they are worth."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from .asking import Asker
from .attempts import clock, elapsed_ms, noted
from .calls import extension, refusal, reply_to
from .errors import PiscesError, UpstreamBroken
from .media_calls import MediaCall, worth
from .mediawire import Counted, MediaWire, Watcher
from .plugin import Profile, Reply
from .records import CLIENT_LEFT, Books
from .relay import ClientLeft, Stream, ended, first_useful, relay
from .routing import Candidate
from .storage import Attempt
from .transform import Transform
from .upstream import Exchange
from .usage import Usage

_REFUSAL = 1024 * 1024  # bytes of an error that are read


class Cut(Exception):
    """The upstream broke off in the middle of bytes that have no place for an error: the connection says it."""

    def __init__(self, error: PiscesError) -> None:
        self.error = error


class Watched(Transform):
    """A stream that passes through a Watcher. `failed` writes an error for the client, None where it reads bare bytes."""

    def __init__(self, watcher: Watcher, failed: Callable[[PiscesError], bytes] | None) -> None:
        self.watcher = watcher
        self._failed = failed
        self._held = b""

    @property
    def usage(self) -> Usage | None:
        return self.watcher.usage

    @property
    def shrunk(self) -> bool:
        return False  # what is not a conversation is counted once

    def feed(self, chunk: bytes) -> bytes:
        out = self.watcher.feed(chunk)
        self.failure = self.watcher.failure
        self.useful = self.useful or (bool(out) and self.failure is None)
        if not self.watcher.done:
            return out
        self.useful, self._held = True, self._held + out  # its end: it leaves once it is settled
        return b""

    def end(self) -> bytes:
        out = self._held + self.watcher.end()
        self._held = b""
        self.failure = self.failure or self.watcher.failure
        if not self.useful and not out and self.failure is None:
            self.failure = UpstreamBroken("The upstream's answer is empty.")
        self.useful = self.useful or self.failure is None
        return out

    def fail(self, error: PiscesError) -> bytes:
        if self.watcher.done:
            return self.end()
        self.failure = error
        if self._failed is None:
            raise Cut(error)
        return self._failed(error)


class Opening:
    """An upstream's stream whose first bytes have come, nothing of which has been sent."""

    def __init__(
        self, call: MediaCall, exchange: Exchange, watched: Watched, held: bytes, idle: float, attempt: Attempt
    ) -> None:
        self._call = call
        self._exchange = exchange
        self._watched = watched
        self._held = held
        self._idle = idle
        self._attempt = attempt

    async def run(self, stream: Stream, headers: Mapping[str, str], books: Books) -> None:
        """Send it on to its end."""
        call, watched = self._call, self._watched
        call.record.first_byte_ms = elapsed_ms(call)
        if not stream.sink.opened:
            stream.headers = {**stream.headers, **self._typed(), **headers}
        stream.watch(self._exchange, self._idle, clock())
        try:
            await relay(self._exchange, watched, stream, self._held, lambda: self._settle(books, 200, watched.failure))
            await ended(self._exchange)
        except Cut as cut:
            await self._settle(books, 200, cut.error)
            await stream.sink.abort()
        except (ClientLeft, asyncio.CancelledError):
            if not call.settled:
                call.record.flags.append("client_left")
                await asyncio.shield(self._settle(books, CLIENT_LEFT, None))
            raise
        finally:
            self._exchange.close()

    def _typed(self) -> dict[str, str]:
        """Bare bytes are of the type that the upstream says."""
        if self._call.operation.stream:
            return {}
        return {"Content-Type": self._exchange.headers.get("content-type", "application/octet-stream")}

    async def _settle(self, books: Books, status: int, failure: PiscesError | None) -> None:
        call, watcher = self._call, self._watched.watcher
        self._attempt.total_ms = elapsed_ms(call)
        if failure is not None:
            self._attempt.error = noted(failure)
        usage, call.measures = worth(call, Counted(usage=watcher.usage, measures=watcher.measures))
        await books.settle(call, status, usage, failure)


async def relayed(
    call: MediaCall, wire: MediaWire, asker: Asker, profile: Profile, candidate: Candidate, attempt: Attempt
) -> Opening:
    """Ask for a stream and wait for its first bytes. Raises the upstream's refusal."""
    exchange = await asker.open(wire.rewrite(call.operation, candidate.model, profile))
    attempt.status, attempt.first_byte_ms = exchange.status, elapsed_ms(call)
    try:
        if not 200 <= exchange.status < 300:
            headers = {name.lower(): value for name, value in exchange.headers.items()}
            raise refusal(wire, exchange.status, headers, await exchange.read(_REFUSAL))
        reply = reply_to(call, extension=extension(call, candidate.target.channel.name, ()))
        watched = Watched(wire.watcher(call.operation, profile, reply), _failing(call, reply))
        channel = candidate.target.channel
        held = await first_useful(exchange, watched, asker.timeouts.first_byte)
    except BaseException:
        exchange.close()
        raise
    return Opening(call, exchange, watched, held, channel.idle_timeout, attempt)


def _failing(call: MediaCall, reply: Reply) -> Callable[[PiscesError], bytes] | None:
    if not call.operation.stream:
        return None
    return lambda error: call.wire.encoder(call.canonical(), reply).failed(error)
