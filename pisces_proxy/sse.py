"""Server-sent events, without the server: bytes in, frames out.

Tolerant of what real upstreams send (WHATWG HTML 9.2.6 and beyond): CRLF, CR and LF line ends, a BOM, comments, no space
after the colon, a leading space before the field, a last event without its blank line, JSON that is no event at all.
Never splits on U+2028. Linear time however long a frame is; memory is bounded by `limit`.
"""

from __future__ import annotations

from typing import NamedTuple

from .errors import UpstreamBroken

LIMIT = 64 * 1024 * 1024  # one frame, in bytes: a generated image in base64 fits

BOM = b"\xef\xbb\xbf"


class Frame(NamedTuple):
    """One event: its `event:` name (empty where unnamed) and its data lines joined by a newline."""

    event: bytes
    data: bytes


class Cutter:
    """Holds back the bytes of an unfinished frame; what comes out ends at a frame's end and is otherwise untouched."""

    __slots__ = ("_held", "_limit", "_size", "_tail")

    def __init__(self, limit: int = LIMIT) -> None:
        self._held: list[bytes] = []
        self._size = 0
        self._tail = b""  # the last bytes held, for an end that lies across two chunks
        self._limit = limit

    def feed(self, chunk: bytes) -> bytes:
        """Complete frames, as received; empty while none is complete."""
        if not self._held and chunk.endswith(b"\n\n"):
            return chunk  # as nearly all do
        end = _last_end(self._tail + chunk) - len(self._tail)
        if end <= 0:
            self._hold(chunk)
            return b""
        block = b"".join((*self._held, chunk[:end])) if self._held else chunk[:end]
        self._held, self._size, self._tail = [], 0, b""
        self._hold(chunk[end:])
        return block

    def _hold(self, chunk: bytes) -> None:
        if not chunk:
            return
        self._held.append(chunk)
        self._size += len(chunk)
        self._tail = (self._tail + chunk)[-3:]
        if self._size > self._limit:
            raise UpstreamBroken(f"The upstream sent one event of more than {self._limit} bytes.")

    @property
    def holding(self) -> bool:
        """Whether an unfinished frame is held."""
        return bool(self._held)

    def rest(self) -> bytes:
        """What is left at the end of the stream."""
        rest = b"".join(self._held)
        self._held, self._size, self._tail = [], 0, b""
        return rest


def _last_end(probe: bytes) -> int:
    """Where the last complete frame of these bytes ends, 0 where none does."""
    end = probe.rfind(b"\n\n") + 2
    end = end if end > 1 else 0
    if b"\r" in probe:
        for mark in (b"\n\r\n", b"\r\r"):
            at = probe.rfind(mark)
            end = max(end, at + len(mark) if at >= 0 else 0)
    return end


def split(block: bytes) -> list[bytes]:
    """The raw frames of a block that ends at a frame's end, each without its blank line; no empty ones."""
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return [raw for raw in block.split(b"\n\n") if raw]


def parse(raw: bytes) -> Frame | None:
    """One raw frame (LF line ends). None for comments, blank lines and fields that carry no data."""
    if raw.startswith(b"data: ") and b"\n" not in raw:
        return Frame(b"", raw[6:])
    return _parse_lines(raw)


def _parse_lines(raw: bytes) -> Frame | None:
    event, data = b"", []
    lines = raw.removeprefix(BOM).split(b"\n")
    for number, line in enumerate(lines):
        field, colon, value = line.lstrip(b" ").partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if field == b"data":
            data.append(value)
        elif field == b"event":
            event = value
        elif field == b"error" and colon:  # llama-box writes its failure as a field of that name
            event, data = b"error", [*data, value]
        elif line[:1] in (b"{", b"[") and not data:  # a plain JSON body where an event should be
            return Frame(b"", b"\n".join(lines[number:]).strip())
    return Frame(event, b"\n".join(data)) if data else None


class Reader:
    """Chunks in, frames out: a `Cutter` and `parse` in one."""

    __slots__ = ("_cutter",)

    def __init__(self, limit: int = LIMIT) -> None:
        self._cutter = Cutter(limit)

    def feed(self, chunk: bytes) -> list[Frame]:
        block = self._cutter.feed(chunk)
        return frames(block) if block else []

    def end(self) -> list[Frame]:
        """The event that nobody closed with a blank line."""
        return frames(self._cutter.rest())


def frames(block: bytes) -> list[Frame]:
    return [frame for raw in split(block) if (frame := parse(raw)) is not None]
