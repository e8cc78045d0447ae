"""PNG, written and read without a library: eight bits a channel, not interlaced."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

Colour = tuple[int, int, int]
_MAGIC = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_MOST = 4_000_000  # pixels that are read: each filtered byte takes a step of its own


class Raster(NamedTuple):
    """Rows of RGB."""

    width: int
    height: int
    rows: list[bytes]


class Box(NamedTuple):
    """From the left and the top; right and bottom are outside."""

    left: int
    top: int
    right: int
    bottom: int


class _Decoded(NamedTuple):
    """Rows as they are stored, without their filters."""

    width: int
    height: int
    kind: int
    rows: list[bytes]
    palette: bytes


def write_palette(width: int, height: int, palette: list[Colour], rows: Iterator[bytes]) -> bytes:
    """A PNG of rows that hold numbers of colours."""
    return _written(width, height, 3, rows, _chunk(b"PLTE", b"".join(map(bytes, palette))))


def write(raster: Raster) -> bytes:
    return _written(raster.width, raster.height, 2, iter(raster.rows), b"")


def _written(width: int, height: int, kind: int, rows: Iterator[bytes], palette: bytes) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    packer = zlib.compressobj(6)
    packed = b"".join(packer.compress(b"\0" + row) for row in rows) + packer.flush()
    return _MAGIC + header + palette + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def read(data: bytes) -> Raster | None:
    """The picture, over white where it is transparent; None for what is no PNG of this kind, or damaged."""
    found = _decoded(data)
    if found is None:
        return None
    return Raster(found.width, found.height, [_rgb(found.kind, row, found.palette) for row in found.rows])


def hole(data: bytes) -> Box | None:
    """What encloses everything transparent; None where nothing is."""
    found = _decoded(data)
    if found is None or found.kind not in (4, 6):
        return None
    step = _CHANNELS[found.kind]
    alphas = ((y, row[step - 1 :: step]) for y, row in enumerate(found.rows))
    rows = [(y, alpha) for y, alpha in alphas if 0 in alpha]
    if not rows:
        return None
    left, right = min(alpha.find(0) for _, alpha in rows), max(alpha.rfind(0) for _, alpha in rows)
    return Box(left, rows[0][0], right + 1, rows[-1][0] + 1)


def _decoded(data: bytes) -> _Decoded | None:
    try:
        return _read(data)
    except (ValueError, IndexError, KeyError, struct.error, zlib.error):
        return None


def _read(data: bytes) -> _Decoded | None:
    if data[:8] != _MAGIC:
        return None
    chunks = list(_chunks(data))
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or interlaced or not 0 < width * height <= _MOST:
        return None
    wide = width * _CHANNELS[kind]
    packed = b"".join(body for name, body in chunks if name == b"IDAT")
    raw = zlib.decompressobj().decompress(packed, (wide + 1) * height)
    if len(raw) < (wide + 1) * height:
        return None
    palette = next((body for name, body in chunks if name == b"PLTE"), b"")
    return _Decoded(width, height, kind, list(_unfiltered(raw, wide, height, _CHANNELS[kind])), palette)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += 12 + size


def _unfiltered(raw: bytes, wide: int, height: int, step: int) -> Iterator[bytes]:
    above = bytes(wide)
    for y in range(height):
        start = y * (wide + 1)
        row, filter = bytearray(raw[start + 1 : start + 1 + wide]), raw[start]
        if filter:
            _restore(row, above, step, _FILTERS[filter])
        above = bytes(row)
        yield above


def _restore(row: bytearray, above: bytes, step: int, predict: Callable[[int, int, int], int]) -> None:
    for x in range(len(row)):
        left, corner = (row[x - step], above[x - step]) if x >= step else (0, 0)
        row[x] = (row[x] + predict(left, above[x], corner)) & 0xFF


def _paeth(left: int, up: int, corner: int) -> int:
    by_left, by_up, by_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if by_left <= by_up and by_left <= by_corner:
        return left
    return up if by_up <= by_corner else corner


_FILTERS: dict[int, Callable[[int, int, int], int]] = {
    1: lambda left, up, corner: left,
    2: lambda left, up, corner: up,
    3: lambda left, up, corner: (left + up) // 2,
    4: _paeth,
}


def _rgb(kind: int, row: bytes, palette: bytes) -> bytes:
    match kind:
        case 2:
            return row
        case 3:
            return b"".join(palette[3 * index : 3 * index + 3] for index in row)
        case 0:
            return _woven(row, row, row)
        case 4:
            grey = _over_white(row[::2], row[1::2])
            return _woven(grey, grey, grey)
        case _:
            alpha = row[3::4]
            return _woven(*(_over_white(row[channel::4], alpha) for channel in range(3)))


def _over_white(values: bytes, alpha: bytes) -> bytes:
    if alpha == b"\xff" * len(alpha):
        return values
    return bytes((value * a + 255 * (255 - a)) // 255 for value, a in zip(values, alpha, strict=True))


def _woven(red: bytes, green: bytes, blue: bytes) -> bytes:
    row = bytearray(3 * len(red))
    row[::3], row[1::3], row[2::3] = red, green, blue
    return bytes(row)
