"""A load generator: keep-alive connections, each answer read to its end; N requests at concurrency C, or at their own times."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from typing import NamedTuple

_STAMP = re.compile(rb"t=(\d+) ")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KEPT = 64  # connections that clients have kept from before
_END = b"\r\n0\r\n\r\n"


class Shot(NamedTuple):
    """One kind of request. `chunks` is what a streamed answer holds, 0 for a whole one."""

    path: str
    model: str
    stream: bool = False
    chunks: int = 0

    def request(self, port: int, key: str) -> bytes:
        stream = b',"stream":true' if self.stream else b""
        body = b'{"model":"%b","max_tokens":1000,"messages":[{"role":"user","content":"Say something."}]%b}' % (
            self.model.encode(),
            stream,
        )
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Result(NamedTuple):
    """What came back. `latencies`: seconds per request; `delays`: seconds from the upstream's write to our read of a chunk."""

    ok: int
    failed: int
    seconds: float
    latencies: list[float]
    delays: list[float]
    error: str = ""


class Asking(asyncio.Protocol):
    """One connection that asks again as soon as it has its answer, until nobody has anything left to ask."""

    transport: asyncio.Transport

    def __init__(self, run: Run) -> None:
        self.run = run
        self.head = b""
        self.left: int | None = None
        self.tail = b""
        self.began = 0.0
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.ask()

    def ask(self) -> None:
        if not self.run.take():
            self.transport.close()
            return
        self.head, self.tail, self.left, self.busy = b"", b"", None, True
        self.began = time.perf_counter()
        self.transport.write(self.run.request)

    def data_received(self, data: bytes) -> None:
        if self.run.stamped:
            now = time.monotonic_ns()
            self.run.delays.extend((now - int(stamp)) / 1e9 for stamp in _STAMP.findall(data))
        if self.tail == b"" and self.left is None:
            data = self.begun(data)
        if self.left is not None:
            self.left -= len(data)
            if self.left <= 0 and self.head:
                self.done()
        elif self.tail or data:
            self.tail = (self.tail + data)[-len(_END) :]
            if self.tail == _END:
                self.done()

    def begun(self, data: bytes) -> bytes:
        """The head, once it is complete; returns what of the body came with it."""
        self.head += data
        end = self.head.find(b"\r\n\r\n")
        if end < 0:
            return b""
        head, rest = self.head[: end + 2], self.head[end + 4 :]
        self.head = head
        found = _LENGTH.search(head)
        self.left = int(found[1]) if found else None
        self.tail = b"" if found else b"\r\n"
        return rest

    def done(self) -> None:
        self.busy = False
        self.run.note(self.head[9:12] == b"200", time.perf_counter() - self.began, self.head)
        self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if self.busy:
            self.run.note(False, 0.0, str(error or "closed").encode())
        self.run.closed()


class Run:
    """N requests, shared out among the connections."""

    def __init__(self, request: bytes, count: int, connections: int, stamped: bool) -> None:
        self.request = request
        self.left = count
        self.open = connections
        self.stamped = stamped
        self.ok = self.failed = 0
        self.latencies: list[float] = []
        self.delays: list[float] = []
        self.error = ""
        self.over = asyncio.Event()

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def note(self, ok: bool, seconds: float, why: bytes) -> None:
        if ok:
            self.ok += 1
            self.latencies.append(seconds)
            return
        self.failed += 1
        self.error = self.error or why[:300].decode("latin-1")

    def closed(self) -> None:
        self.open -= 1
        if self.open == 0:
            self.over.set()


async def fire(
    port: int, key: str, shot: Shot, count: int, concurrency: int, *, limit: float = 120, spread: float = 0
) -> Result:
    """`count` requests over `concurrency` connections, opened evenly over `spread` seconds; at most `limit` seconds."""
    connections = min(concurrency, count)
    run = Run(shot.request(port, key), count, connections, "paced" in shot.model)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    for number in range(connections):
        await loop.create_connection(lambda: Asking(run), "127.0.0.1", port)
        if spread:
            await asyncio.sleep(max(0.0, began + spread * (number + 1) / connections - time.perf_counter()))
    try:
        await asyncio.wait_for(run.over.wait(), limit)
    except TimeoutError:
        run.error = run.error or f"not done after {limit:.0f} s"
        run.failed += count - run.ok - run.failed
    return Result(run.ok, run.failed, time.perf_counter() - began, run.latencies, run.delays, run.error)


class Poured(Asking):
    """A connection that asks when it is told to."""

    run: Pouring

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def done(self) -> None:
        self.busy = False
        self.run.note(self.head[9:12] == b"200", time.perf_counter() - self.began, self.head)
        self.run.idle.append(self)


class Pouring(Run):
    """Requests that wait for no answer, each on an idle connection or, where there is none, on a new one."""

    def __init__(self, request: bytes, count: int, port: int) -> None:
        super().__init__(request, count, 0, False)
        self.port = port
        self.count = count
        self.idle: list[Poured] = []
        self.opened: list[Poured] = []

    async def send(self) -> None:
        if not self.idle:
            await self.connect()
        self.idle.pop().ask()

    async def connect(self) -> None:
        _, connection = await asyncio.get_running_loop().create_connection(lambda: Poured(self), "127.0.0.1", self.port)
        self.opened.append(connection)
        self.idle.append(connection)

    def note(self, ok: bool, seconds: float, why: bytes) -> None:
        super().note(ok, seconds, why)
        if self.ok + self.failed == self.count:
            self.over.set()

    def closed(self) -> None:
        """Counted where it was asked something."""


async def pour(port: int, key: str, shot: Shot, gaps: Sequence[float], *, limit: float = 10) -> Result:
    """A request after each of these gaps, in seconds, whatever becomes of those before; at most `limit` seconds longer."""
    run = Pouring(shot.request(port, key), len(gaps), port)
    for _ in range(_KEPT):
        await run.connect()
    await asyncio.sleep(0.2)
    began = due = time.perf_counter()
    for gap in gaps:
        due += gap
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        await run.send()
    try:
        await asyncio.wait_for(run.over.wait(), limit)
    except TimeoutError:
        run.error = run.error or f"not done {limit:.0f} s after the last"
    for connection in run.opened:
        connection.transport.close()
    failed = len(gaps) - run.ok
    return Result(run.ok, failed, time.perf_counter() - began, run.latencies, [], run.error)


def percentile(values: list[float], share: float) -> float:
    """The value that this share of the values does not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
