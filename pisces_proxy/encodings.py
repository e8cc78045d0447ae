"""Compressed answers, opened as they come and never more at a time than fits: gzip, deflate, br, zstd (RFC 9110 8.4.1)."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Protocol

from .errors import PiscesError, UpstreamBroken, UpstreamError
from .exchange import Exchange, whole

_GZIP = b"\x1f\x8b"
BOUND = 256 * 1024  # bytes of one decoded chunk: a kilobyte of gzip can hold a megabyte of zeros


class Decoder(Protocol):
    """`full`: there is more to be had without more input. `done`: everything that was compressed has come out."""

    full: bool
    done: bool

    def feed(self, data: bytes) -> bytes:
        """At most BOUND bytes; the rest waits for the next call."""


class _Inflated:
    """gzip (members may follow one another, RFC 1952 2.2) and deflate, with its zlib header or, as many send it, without."""

    def __init__(self, gzip: bool) -> None:
        self._gzip = gzip
        self._stream: Any = zlib.decompressobj(16 + zlib.MAX_WBITS) if gzip else None
        self._rest = b""
        self.full = self.done = False

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data if self._rest else data
        if self._stream is None:
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if _zlib_header(data) else -zlib.MAX_WBITS)
        elif self.done:
            if not self._gzip or not _GZIP.startswith(data[:2]):
                return self._ended(b"", b"")  # padding, which gzip(1) passes over too
            if len(data) < len(_GZIP):
                self._rest = data
                return b""
            self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        out: bytes = self._stream.decompress(data, BOUND)
        self.done = self._stream.eof
        if self.done:
            return self._ended(out, self._stream.unused_data)
        self._rest = self._stream.unconsumed_tail
        self.full = bool(self._rest) or len(out) >= BOUND
        return out

    def _ended(self, out: bytes, rest: bytes) -> bytes:
        self._rest, self.full = rest, len(rest) >= len(_GZIP)
        return out


def _zlib_header(data: bytes) -> bool:
    """RFC 1950 2.2: method 8, and a first byte that with any second is no raw block that zlib would write."""
    return data[0] & 0x0F == 8


class _Brotli:
    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped]

        self._stream = brotli.Decompressor()
        self.full = self.done = False

    def feed(self, data: bytes) -> bytes:
        if self.done:
            return b""
        out: bytes = self._stream.process(data, output_buffer_limit=BOUND)
        self.done = self._stream.is_finished()
        self.full = not self.done and not self._stream.can_accept_more_data()
        return out


class _Zstd:
    def __init__(self) -> None:
        self._stream = _zstd_stream()
        self._rest = b""
        self.full = self.done = False

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data if self._rest else data
        if self.done:  # frames may follow one another (RFC 8878 3.1)
            self._stream = _zstd_stream()
        out: bytes = self._stream.decompress(data, BOUND)
        self.done = self._stream.eof
        self._rest = self._stream.unused_data if self.done else b""
        self.full = bool(self._rest) if self.done else not self._stream.needs_input
        return out


def _zstd_stream() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.ZstdDecompressor()


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: _Inflated(True),
    "x-gzip": lambda: _Inflated(True),
    "deflate": lambda: _Inflated(False),
    "br": _Brotli,
    "zstd": _Zstd,
}


def opened(exchange: Exchange, encoding: str) -> Exchange:
    """The answer without its compression. One in an encoding that nobody here knows has a status, and no body to read."""
    return Opened(exchange, encoding)


class Opened:
    """An answer that came compressed."""

    __slots__ = ("_decoder", "_encoding", "_exchange", "_fed", "status")

    def __init__(self, exchange: Exchange, encoding: str) -> None:
        self._exchange = exchange
        self._encoding = encoding
        known = _DECODERS.get(encoding)
        self._decoder = known() if known is not None else None
        self._fed = False
        self.status = exchange.status

    ERRORS: ClassVar[tuple[type[Exception], ...]] = (UpstreamError,)

    def explained(self, error: Exception) -> PiscesError:
        assert isinstance(error, PiscesError)
        return error

    @property
    def headers(self) -> Mapping[str, str]:
        return self._exchange.headers

    @property
    def reader(self) -> Callable[[], Awaitable[bytes]]:
        return self.chunk

    async def chunk(self) -> bytes:
        decoder = self._decoder
        if decoder is None:
            raise self._broken("an encoding that was not asked for and is not known here")
        while True:
            data = b""
            if not decoder.full:
                data = await self._exchange.chunk()
                if not data:
                    return self._end(decoder)
                self._fed = True
            try:
                out = decoder.feed(data)
            except Exception as error:  # each library has its own
                raise self._broken(f"it cannot be decompressed ({type(error).__name__})") from None
            if out:
                return out

    def _end(self, decoder: Decoder) -> bytes:
        if self._fed and not decoder.done:
            raise self._broken("it is cut off")
        return b""

    def _broken(self, how: str) -> UpstreamBroken:
        self.close()
        return UpstreamBroken(f"The upstream's answer came as {self._encoding[:40]!r}: {how}.")

    async def read(self, limit: int) -> bytes:
        return await whole(self, limit)

    @property
    def ended(self) -> bool:
        return self._exchange.ended and (self._decoder is None or not self._decoder.full)

    def unwatched(self) -> None:
        self._exchange.unwatched()

    def expire(self) -> None:
        self._exchange.expire()

    def close(self) -> None:
        self._exchange.close()
