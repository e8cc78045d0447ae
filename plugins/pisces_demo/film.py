"""A film for those who ask for one: a square that wanders over a plain ground, as H.264 that any player shows.

What changes is written as raw blocks of 16x16 (I_PCM), what stays is skipped, and the ground is predicted from its first
block: that needs no transform and no search, and stays small.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from . import mp4, paint
from .bits import Bits
from .png import Colour

RATE = 8  # frames a second
_BLOCK = 16


class Grid(NamedTuple):
    """Blocks across and down, of a picture of this size."""

    width: int
    height: int

    @property
    def across(self) -> int:
        return -(-self.width // _BLOCK)

    @property
    def down(self) -> int:
        return -(-self.height // _BLOCK)


def film(words: str, width: int, height: int, seconds: float) -> bytes:
    """An MP4; its colours come of the words."""
    grid = Grid(width - width % 2, height - height % 2)
    seed = hashlib.sha256(words.encode()).digest()
    ground = _block(tuple(200 + value // 5 for value in seed[3:6]))
    square = _block(paint.named(words) or tuple(40 + value * 3 // 4 for value in seed[0:3]))
    count = max(1, round(seconds * RATE))
    return mp4.write(list(_frames(grid, ground, square, count)), _sequence(grid), _picture(), grid.width, grid.height, RATE)


def _frames(grid: Grid, ground: bytes, square: bytes, count: int) -> Iterator[bytes]:
    yield _unit(5, _first(grid, ground))
    before: set[int] = set()
    for number in range(1, count):
        now = _place(grid, number)
        changed = {at: ground for at in before - now} | {at: square for at in now - before}
        yield _unit(1, _next(grid, changed, number))
        before = now


def _place(grid: Grid, number: int) -> set[int]:
    """The blocks under the square: it goes from side to side, and up and down, one block a frame."""
    side = max(1, min(6, grid.across // 4, grid.down // 3))
    left, top = _swing(number, grid.across - side), _swing(number, grid.down - side)
    return {(top + y) * grid.across + left + x for y in range(side) for x in range(side)}


def _swing(number: int, room: int) -> int:
    """There and back between 0 and `room`."""
    return room - abs(number % (2 * room) - room) if room > 0 else 0


def _block(colour: Colour | tuple[int, ...]) -> bytes:
    """A block of one colour: 256 of luma, 64 of each chroma (BT.601)."""
    red, green, blue = colour
    luma = 16 + (66 * red + 129 * green + 25 * blue) // 256
    first = 128 + (-38 * red - 74 * green + 112 * blue) // 256
    second = 128 + (112 * red - 94 * green - 18 * blue) // 256
    return bytes([luma]) * 256 + bytes([first]) * 64 + bytes([second]) * 64


# -- the bits of H.264: ITU-T H.264, sections 7.3.2 to 7.3.5 -------------------------------------------------------------


def _sequence(grid: Grid) -> bytes:
    """The sequence parameter set: constrained baseline, level 4."""
    bits = Bits()
    bits.aligned(bytes((66, 0xC0, 40)))
    for value in (0, 0, 2, 1):  # its id, 16 frame numbers, shown in the order they come, one picture to refer to
        bits.unsigned(value)
    bits.put(0, 1)
    bits.unsigned(grid.across - 1)
    bits.unsigned(grid.down - 1)
    bits.text("11")  # frames, not fields
    right, bottom = grid.across * _BLOCK - grid.width, grid.down * _BLOCK - grid.height
    bits.put(1 if right or bottom else 0, 1)
    if right or bottom:
        for value in (0, right // 2, 0, bottom // 2):
            bits.unsigned(value)
    bits.put(0, 1)
    return _unit(7, _ended(bits))


def _picture() -> bytes:
    """The picture parameter set: Huffman-like codes, filters between blocks to be switched off."""
    bits = Bits()
    bits.unsigned(0)
    bits.unsigned(0)
    bits.text("00")
    for _ in range(3):
        bits.unsigned(0)
    bits.text("000")
    for _ in range(3):
        bits.unsigned(0)
    bits.text("100")
    return _unit(8, _ended(bits))


def _first(grid: Grid, ground: bytes) -> bytes:
    """A picture of the ground alone: its first block raw, each other one as its neighbours are."""
    bits = Bits()
    for value in (0, 7, 0):
        bits.unsigned(value)
    bits.put(0, 4)
    bits.unsigned(0)
    bits.text("00")
    _filtered(bits)
    bits.unsigned(25)
    bits.aligned(ground)
    beside_the_raw_one = {1, grid.across}
    for at in range(1, grid.across * grid.down):
        bits.text("00100" + "1" + "1")  # 16x16 of the neighbours' mean, nothing left over, the same step
        bits.text("000011" if at in beside_the_raw_one else "1")  # no coefficients, by the neighbours' count of them
    return _ended(bits)


def _next(grid: Grid, changed: dict[int, bytes], number: int) -> bytes:
    bits = Bits()
    for value in (0, 5, 0):
        bits.unsigned(value)
    bits.put(number % 16, 4)
    bits.text("000")
    _filtered(bits)
    skipped = 0
    for at in range(grid.across * grid.down):
        if at not in changed:
            skipped += 1
            continue
        bits.unsigned(skipped)
        bits.unsigned(30)
        bits.aligned(changed[at])
        skipped = 0
    if skipped:
        bits.unsigned(skipped)
    return _ended(bits)


def _filtered(bits: Bits) -> None:
    bits.unsigned(0)
    bits.unsigned(1)


def _ended(bits: Bits) -> bytes:
    bits.text("1")
    return bits.bytes()


def _unit(kind: int, payload: bytes) -> bytes:
    """A network abstraction unit: no start code may be seen in it."""
    out, zeros = bytearray([0x60 | kind]), 0
    for value in payload:
        if zeros >= 2 and value <= 3:
            out.append(3)
            zeros = 0
        out.append(value)
        zeros = zeros + 1 if value == 0 else 0
    return bytes(out)
