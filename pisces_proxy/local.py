"""Providers that answer in this process, behind the same seam as the network: canonical events become their wire's bytes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import ClassVar

from . import chat
from .errors import PiscesError
from .plugin import LocalProvider, Operation, Reply, Wire
from .seals import Seals


class LocalExchange:
    """An answer of a LocalProvider, as an upstream would send it."""

    def __init__(self, status: int, headers: Mapping[str, str], chunks: AsyncIterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self._chunks = chunks
        self.ended = False

    async def chunk(self) -> bytes:
        async for chunk in self._chunks:
            if chunk:
                return chunk
        self.ended = True
        return b""

    ERRORS: ClassVar[tuple[type[Exception], ...]] = (PiscesError,)

    def explained(self, error: Exception) -> PiscesError:
        assert isinstance(error, PiscesError)
        return error

    @property
    def reader(self) -> Callable[[], Awaitable[bytes]]:
        return self.chunk

    async def read(self, limit: int) -> bytes:
        parts = []
        while part := await self.chunk():
            parts.append(part)
        return b"".join(parts)

    def unwatched(self) -> None:
        """Nothing watches it: it cannot fall silent but by its own choice."""

    def expire(self) -> None:
        """See `unwatched`."""

    def close(self) -> None:
        """The iterator is let go; what it waits for is cancelled with the task that reads it."""


async def answer(provider: LocalProvider, wire: Wire, operation: Operation, seals: Seals, request_id: str) -> LocalExchange:
    """Ask a local provider on one of its wires. `operation` is the upstream request: its body, model and stream flag."""
    try:
        request = wire.decode_request(operation, seals)
        reply = Reply(
            model=operation.model,
            request_id=request_id,
            created=int(time.time()),
            stream=operation.stream,
            include_usage=True,
            request=request,
            seals=seals,
        )
        events = provider.respond(request, operation)
        if operation.stream:
            first = await anext(events)
            return LocalExchange(200, wire.stream_headers("sse"), _streamed(first, events, wire, reply))
        body = wire.encode_response(chat.fold([event async for event in events]), reply)
        return LocalExchange(200, {"Content-Type": "application/json"}, _once(body))
    except PiscesError as error:
        status, body = wire.encode_error(error, request_id, b"")
        return LocalExchange(status, {"Content-Type": "application/json", **_retry(error)}, _once(body))


def _retry(error: PiscesError) -> dict[str, str]:
    return {"Retry-After": str(int(error.retry_after))} if error.retry_after else {}


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _streamed(first: chat.Event, events: AsyncIterator[chat.Event], wire: Wire, reply: Reply) -> AsyncIterator[bytes]:
    encoder = wire.encoder(reply)
    yield encoder.encode([first])
    with suppress(ConnectionError):  # a provider that breaks off on purpose ends without an end
        try:
            async for event in events:
                yield encoder.encode([event])
        except PiscesError as error:
            yield encoder.encode([chat.Failed(error=error)])
