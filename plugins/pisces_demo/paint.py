"""A picture for those who ask for one: a coloured disc on white, as PNG."""

from __future__ import annotations

import base64
import struct
import zlib

_SIZE = 128
_COLOURS = {
    ("red", "红"): (220, 40, 40),
    ("green", "绿"): (40, 160, 80),
    ("yellow", "黄"): (240, 200, 40),
    ("orange", "橙"): (240, 140, 30),
    ("black", "黑"): (20, 20, 20),
    ("blue", "蓝"): (40, 90, 220),
}


def disc(prompt: str) -> str:
    """The PNG in base64, in the first colour that the prompt names, else blue."""
    lower = prompt.lower()
    colour = next((rgb for names, rgb in _COLOURS.items() if any(name in lower for name in names)), (40, 90, 220))
    return base64.b64encode(_png(colour)).decode()


def _png(colour: tuple[int, int, int]) -> bytes:
    header = struct.pack(">IIBBBBB", _SIZE, _SIZE, 8, 3, 0, 0, 0)  # eight bits, palette
    palette = b"\xff\xff\xff" + bytes(colour)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"PLTE", palette)
        + _chunk(b"IDAT", zlib.compress(_pixels(), 9))
        + _chunk(b"IEND", b"")
    )


def _pixels() -> bytes:
    return b"".join(b"\0" + bytes(_inside(x, y) for x in range(_SIZE)) for y in range(_SIZE))


def _inside(x: int, y: int) -> bool:
    middle = (_SIZE - 1) / 2
    return (x - middle) ** 2 + (y - middle) ** 2 <= (_SIZE * 0.4) ** 2


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
