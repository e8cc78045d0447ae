"""HTTP/1.1 as a client speaks it: one connection, one exchange at a time, the parser of httptools (RFC 9112).

The costs are per request and per read, not per header or chunk: no timer for each, no task, no wakeup without news.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import AsyncIterable
from typing import Any, Protocol

import httptools

from .errors import UpstreamBroken, UpstreamTimeout
from .exchange import Body, Timeouts
from .heads import Origin
from .incoming import BUFFERED, Answer

_LINE = 32 * 1024  # bytes of one header
_BARREN = 256 * 1024  # bytes in a row that are no body: heads, trailers, chunk extensions
_KEPT = 30.0  # seconds that an idle connection is kept
_QUIET = 1.0  # seconds of rest after which a connection is looked at before it is used


class Keeper(Protocol):
    """Who keeps connections between exchanges."""

    def opened(self, connection: Connection) -> None:
        """It stands."""

    def release(self, connection: Connection) -> None:
        """It is free for another request."""

    def forget(self, connection: Connection) -> None:
        """It is gone."""


class Connection(asyncio.Protocol):
    """A connection to an origin."""

    __slots__ = (
        "_aligned", "_answer", "_barren", "_bodyless", "_complete", "_fields", "_first_byte", "_idle", "_keeper", "_kept",
        "_loop", "_over_at", "_parser", "_paused", "_pieces", "_quiet_until", "_rings", "_room", "_sending", "_timer",
        "_transport", "heard", "on_body", "origin", "since", "until", "usable",
    )  # fmt: skip

    def __init__(self, origin: Origin, keeper: Keeper, loop: asyncio.AbstractEventLoop) -> None:
        self.origin = origin
        self.since = self.until = 0.0  # when it was free the last time, and until when it may be used again
        self.heard = False  # whether anything has come since the last request
        self.usable = False
        self._keeper = keeper
        self._loop = loop
        self._kept = _KEPT
        self._answer: Answer | None = None
        self._transport: Any = None
        # what the parser says
        self._fields: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append
        self._bodyless = self._complete = self._aligned = False
        self._barren = 0
        self._parser: Any = httptools.HttpResponseParser(self)
        # a lone LF ends a line (RFC 9112 2.2); spaces behind a chunk's size have been seen in the wild
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True)
        # flow
        self._sending = False  # a body is still being uploaded
        self._room: asyncio.Future[None] | None = None  # set while the transport takes no more
        self._paused = False
        # time: one timer, armed again when it rings, not when something comes
        self._timer: asyncio.TimerHandle | None = None
        self._rings = self._quiet_until = self._over_at = math.inf
        self._idle = self._first_byte = math.inf

    # -- an exchange

    async def ask(self, method: str, head: bytes, body: Body, length: int | None, timeouts: Timeouts, over_at: float) -> Answer:
        """Send, and wait for status and headers. Cancelled, or failed, the connection is closed."""
        if not self.usable:
            raise UpstreamBroken("The upstream closed the connection without an answer.")
        answer = self._answer = Answer(self, self._loop)
        self.heard = self._complete = self._aligned = False
        self._bodyless = method == "HEAD"
        self._barren = 0
        self._over_at, self._idle, self._first_byte = over_at, timeouts.idle, timeouts.first_byte
        try:
            if not isinstance(body, bytes):
                await self._upload(answer, head, body, length)
            else:
                self._send(head, body)
                await answer.head()
        except BaseException:
            if self._answer is answer:  # else it is over, and the connection may be with somebody else
                self.fail(UpstreamBroken("The request was given up."))
            raise
        return answer

    def _send(self, head: bytes, body: bytes) -> None:
        if len(body) < BUFFERED:
            self._transport.write(head + body)
        else:  # without a copy of something large
            self._transport.writelines((head, body))
        self._sent()

    def _sent(self) -> None:
        """The upstream's time begins once it has the request, or nearly."""
        self._watch(math.inf if self._room is not None else self._loop.time() + self._first_byte)

    async def _upload(self, answer: Answer, head: bytes, body: AsyncIterable[bytes], length: int | None) -> None:
        """An answer that comes before everything is sent ends the sending: with the rest unsaid, the connection cannot be
        used again (RFC 9112 9.3 and 9.5)."""
        self._sending = True
        self._transport.write(head)
        self._watch(math.inf)
        sending = self._loop.create_task(self._send_parts(answer, body, length))
        try:
            await answer.head()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _send_parts(self, answer: Answer, body: AsyncIterable[bytes], length: int | None) -> None:
        left = length
        try:
            async for part in body:
                if left is not None:
                    left -= len(part)
                    if left < 0:
                        raise ValueError("a body is longer than was said")
                if part:
                    self._transport.write(part if length is not None else b"%x\r\n%b\r\n" % (len(part), part))
                if self._room is not None:
                    self._watch(self._loop.time() + self._idle)
                    await self._room
                    self._watch(math.inf)
            if left:
                raise ValueError("a body is shorter than was said")
        except Exception as error:
            if self._answer is answer:
                self.fail(error)  # the caller's own, told to the caller
            return
        finally:
            if (aclose := getattr(body, "aclose", None)) is not None:
                await aclose()
        if length is None:
            self._transport.write(b"0\r\n\r\n")
        self._sending = False
        self._sent()

    # -- reading

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:  # nobody has asked for that (RFC 9112 9.2)
            self._drop()
            return
        self.heard = True
        broken = self._parse(data)
        if self._pieces:
            self._barren = 0
            if self._hold(answer):
                self._pause()
        else:
            self._barren += len(data)
            if self._barren > _BARREN:
                broken = "it has no end of headers"
        if self._complete:
            self._finish(answer)
        elif broken:
            self.fail(UpstreamBroken(f"The upstream's answer is no HTTP: {broken}."))
        else:
            if self._idle is not math.inf and answer.status and not self._paused:
                self._quiet_until = self._loop.time() + self._idle
            answer.wake_if_news()

    def _parse(self, data: bytes) -> str:
        """What is wrong with it."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return "it switches to another protocol"
        except httptools.HttpParserError as error:
            self._aligned = False  # behind a complete answer that is all: the answer stands
            return str(error.__context__ or error)
        return ""

    def _hold(self, answer: Answer) -> bool:
        """All pieces of one read are one chunk."""
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return not self._bodyless and answer.add(data)

    def on_message_begin(self) -> None:
        if self._complete:
            raise ValueError("more than one answer")
        self._fields = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) + len(value) > _LINE:
            raise ValueError("a header is too long")
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        fields, self._fields = self._fields, []  # what comes from here on are trailers, and dropped with the next head
        answer = self._answer
        if status < 200 or answer is None:  # interim (RFC 9110 15.2)
            return
        self._kept = _KEPT
        for name, value in fields:
            match len(name):  # cheaper than to fold every name's case
                case 16 if name.lower() == b"content-encoding":
                    answer.encoding = _coding(answer.encoding, value)
                case 17 if name.lower() == b"transfer-encoding" and value.strip().lower() != b"chunked":
                    raise ValueError("a transfer encoding that was not asked for")  # RFC 9112 6.1
                case 10 if name.lower() == b"keep-alive":
                    self._kept = min(_KEPT, _kept(value))
        if status in (204, 304):  # RFC 9112 6.3, rule 1
            self._bodyless = True
        self._complete = self._bodyless
        if not self._complete:
            self._watch(self._loop.time() + self._idle)
        answer.begun(status, fields)

    def on_message_complete(self) -> None:
        if self._answer is not None and self._answer.status:
            self._complete = True
            self._aligned = self._parser.should_keep_alive()

    def _finish(self, answer: Answer) -> None:
        self._answer = None
        if self._paused and self.usable:
            self.drained()
        answer.over()
        if self._aligned and not self._sending and self.usable and not self._transport.get_write_buffer_size():
            self.since = self._loop.time()
            self.until = self.since + self._kept
            self._keeper.release(self)
        else:
            self._drop()

    # -- flow

    def _pause(self) -> None:
        if not self._paused and not self._complete:
            self._paused = True
            self._transport.pause_reading()
            self._quiet_until = math.inf  # it is not the upstream that is silent

    def drained(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
            self._watch(self._loop.time() + self._idle)

    def pause_writing(self) -> None:
        self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)
        if self._answer is not None and not self._answer.status and not self._sending:
            self._sent()

    # -- time

    def _watch(self, quiet_until: float) -> None:
        self._quiet_until = quiet_until
        due = min(quiet_until, self._over_at)
        if due < self._rings:
            if self._timer is not None:
                self._timer.cancel()
            self._rings = due
            self._timer = self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._timer, self._rings = None, math.inf
        if self._answer is None:
            return  # the next request sets it again
        if min(self._quiet_until, self._over_at) > self._loop.time():
            self._watch(self._quiet_until)
        elif self._answer.status:
            self._answer.expire()
        else:
            self.fail(UpstreamTimeout("The upstream did not answer in time (no first byte)."))

    def unwatched(self) -> None:
        self._idle = self._quiet_until = math.inf

    # -- its life

    def fresh(self, now: float) -> bool:
        """Whether it may be used again. One that has rested may have been closed by the other side: seen before a request
        is lost on it, since one that costs money is not sent twice."""
        if not self.usable or now >= self.until or self._transport.is_closing():
            return False
        return now - self.since < _QUIET or not self._readable()

    def _readable(self) -> bool:
        with selectors.PollSelector() if hasattr(selectors, "PollSelector") else selectors.SelectSelector() as waiting:
            waiting.register(self._transport.get_extra_info("socket").fileno(), selectors.EVENT_READ)
            return bool(waiting.select(0))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.usable = True
        self._keeper.opened(self)

    def eof_received(self) -> None:
        self._closed(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._closed(error)
        if self._timer is not None:
            self._timer.cancel()
        self._parser = None  # it holds this connection, as this connection holds it
        self._keeper.forget(self)

    def _closed(self, error: Exception | None) -> None:
        self.usable = False
        self.resume_writing()
        answer = self._answer
        if answer is None:
            return
        if answer.status and error is None and not answer.delimited:
            self._finish(answer)
            return
        how = f" ({type(error).__name__})" if error is not None else ""
        what = "broke off its answer" if self.heard else "closed the connection without an answer"
        self.fail(UpstreamBroken(f"The upstream {what}{how}."))

    def fail(self, error: Exception) -> None:
        """The exchange ends here, and the connection with it."""
        answer, self._answer = self._answer, None
        if answer is not None:
            self._drop()
            answer.over(error)

    def _drop(self) -> None:
        self.usable = False
        self._transport.abort()

    def close(self) -> None:
        """At once."""
        self.fail(UpstreamBroken("The gateway is being closed."))
        self._drop()


def _coding(before: str, value: bytes) -> str:
    """Content codings, as one name; `identity` is none."""
    names = [name.strip() for name in value.decode("latin-1").lower().split(",")]
    return ", ".join(name for name in (before, *names) if name and name != "identity")


def _kept(value: bytes) -> float:
    """The seconds that the server will keep an idle connection, less one for the way."""
    for part in value.split(b","):
        name, _, number = part.strip().partition(b"=")
        if name.strip().lower() == b"timeout" and number.strip().isdigit():
            return max(float(number) - 1.0, 0.0)
    return _KEPT
