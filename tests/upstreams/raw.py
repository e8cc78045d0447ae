"""An upstream that says exactly the bytes it is told to, over a raw socket."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Script = Callable[["Peer"], Awaitable[None]]


@dataclass
class Heard:
    """A request, as it came."""

    line: str
    headers: dict[str, str]  # lower-case names
    body: bytes


@dataclass
class Raw:
    """What happens at the upstream."""

    url: str = ""
    port: int = 0
    connections: int = 0
    left: int = 0  # connections that the client has closed
    requests: list[Heard] = field(default_factory=list)


class Peer:
    """One connection of the client's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        self.reader, self.writer, self.raw = reader, writer, raw

    async def head(self) -> Heard:
        """A request without its body."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = dict(line.split(": ", 1) for line in lines[1:])
        assert len(headers) == len(lines) - 1, lines
        heard = Heard(lines[0], {name.lower(): value for name, value in headers.items()}, b"")
        self.raw.requests.append(heard)
        return heard

    async def request(self) -> Heard:
        """A request with its body."""
        heard = await self.head()
        if "transfer-encoding" in heard.headers:
            assert "content-length" not in heard.headers
            while size := int((await self.reader.readuntil(b"\r\n")).strip(), 16):
                heard.body += await self.reader.readexactly(size)
                assert await self.reader.readexactly(2) == b"\r\n"
            assert await self.reader.readexactly(2) == b"\r\n"
        elif "content-length" in heard.headers:
            heard.body = await self.reader.readexactly(int(heard.headers["content-length"]))
        return heard

    async def say(self, *parts: bytes) -> None:
        """Each part a packet of its own, as far as that can be had."""
        for number, part in enumerate(parts):
            if number:
                await asyncio.sleep(0.001)
            self.writer.write(part)
            await self.writer.drain()

    def reset(self) -> None:
        self.writer.transport.abort()


def saying(*answers: bytes) -> Script:
    """One answer for each request of a connection; then it is closed."""

    async def script(peer: Peer) -> None:
        for answer in answers:
            await peer.request()
            await peer.say(answer)

    return script


def always(*parts: bytes) -> Script:
    """The same answer to every request."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.say(*parts)

    return script


@contextlib.asynccontextmanager
async def raw(script: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Raw]:
    """Listens while the block runs."""
    seen, serving = Raw(), set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        task = asyncio.current_task()
        serving.add(task)
        try:
            await script(Peer(reader, writer, seen))
        except (asyncio.IncompleteReadError, ConnectionError):
            seen.left += 1
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            serving.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1)

    server = await asyncio.start_server(serve, host, 0, ssl=tls, limit=2**24)
    seen.port = server.sockets[0].getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    seen.url = f"{'https' if tls else 'http'}://{shown}:{seen.port}"
    try:
        yield seen
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def until(true: Callable[[], bool], seconds: float = 3.0) -> None:
    """Wait for something at the other end."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)
