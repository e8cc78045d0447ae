"""Pictures for those who ask for some: discs on a coloured ground, the same for the same words; edits paint over what came."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from . import png
from .png import Colour, Raster

_COLOURS: dict[tuple[str, ...], Colour] = {
    ("red", "红"): (220, 40, 40),
    ("green", "绿"): (40, 160, 80),
    ("yellow", "黄"): (240, 200, 40),
    ("orange", "橙", "橘"): (240, 140, 30),
    ("purple", "violet", "紫"): (130, 60, 180),
    ("pink", "粉"): (240, 130, 170),
    ("black", "黑"): (20, 20, 20),
    ("blue", "蓝"): (40, 90, 220),
}
_BLUE: Colour = (40, 90, 220)
_WHITE: Colour = (255, 255, 255)
Disc = tuple[int, int, int, int]  # where its middle is, how far it reaches, which colour


def disc(prompt: str) -> str:
    """A small picture in base64: one disc on white, in the first colour that the prompt names, else blue."""
    return base64.b64encode(_painted(128, 128, [_WHITE, named(prompt) or _BLUE], [(64, 64, 51, 1)])).decode()


def picture(words: str, width: int, height: int) -> bytes:
    """A PNG of this size; its colours and discs come of the words."""
    seed = hashlib.sha256(words.encode()).digest()
    first = named(words) or _bright(seed[0:3])
    palette = [_pale(seed[3:6]), first, _bright(seed[6:9]), _bright(seed[9:12])]
    short = min(width, height)
    discs: list[Disc] = [(width // 2, height // 2, short * 3 // 10, 1)]
    for number in range(6):
        x, y, size, colour = seed[12 + 3 * number : 16 + 3 * number]
        discs.append((x * width // 255, y * height // 255, short * (3 + size % 6) // 60, 2 + colour % 2))
    return _painted(width, height, palette, discs)


def edited(given: bytes, words: str, size: tuple[int, int] | None, mask: bytes) -> bytes | None:
    """The given picture with a frame and a disc in the words' colours, where the mask is transparent, or in a corner; None
    where it cannot be read."""
    found = png.read(given)
    if found is None:
        return None
    place = png.hole(mask)
    mark = _inside(place) if place is not None else _in_the_corner(found)
    if size is not None and size != (found.width, found.height):
        mark = _scaled_disc(mark, found, *size)
        found = _scaled(found, *size)
    seed = hashlib.sha256(words.encode()).digest()
    colour = named(words) or _bright(seed[0:3])
    return png.write(_framed(found, max(1, min(found.width, found.height) // 32), mark, colour))


def named(words: str) -> Colour | None:
    """The first colour that these words name."""
    lower = words.lower()
    return next((colour for names, colour in _COLOURS.items() if any(name in lower for name in names)), None)


def _bright(seed: bytes) -> Colour:
    return 40 + seed[0] * 3 // 4, 40 + seed[1] * 3 // 4, 40 + seed[2] * 3 // 4


def _pale(seed: bytes) -> Colour:
    return 200 + seed[0] // 5, 200 + seed[1] // 5, 200 + seed[2] // 5


def _painted(width: int, height: int, palette: list[Colour], discs: list[Disc]) -> bytes:
    return png.write_palette(width, height, palette, _rows(width, height, discs))


def _rows(width: int, height: int, discs: list[Disc]) -> Iterator[bytes]:
    for y in range(height):
        row = bytearray(width)
        for each in discs:
            if (span := _span(each, y, width)) is not None:
                row[span[0] : span[1]] = bytes([each[3]]) * (span[1] - span[0])
        yield bytes(row)


def _span(disc: Disc, y: int, width: int) -> tuple[int, int] | None:
    """Where a line crosses a disc."""
    x, middle, radius, _ = disc
    square = radius**2 - (y - middle) ** 2
    if square < 0:
        return None
    reach = int(square**0.5)
    return max(0, x - reach), min(width, x + reach + 1)


def _framed(found: Raster, edge: int, mark: Disc, colour: Colour) -> Raster:
    rows, side = [], bytes(colour) * edge
    for y, row in enumerate(found.rows):
        if y < edge or y >= found.height - edge:
            rows.append(bytes(colour) * found.width)
            continue
        line = bytearray(side + row[3 * edge : len(row) - 3 * edge] + side)
        if (span := _span(mark, y, found.width)) is not None:
            line[3 * span[0] : 3 * span[1]] = bytes(colour) * (span[1] - span[0])
        rows.append(bytes(line))
    return Raster(found.width, found.height, rows)


def _inside(place: png.Box) -> Disc:
    middle = (place.left + place.right) // 2, (place.top + place.bottom) // 2
    return *middle, max(1, min(place.right - place.left, place.bottom - place.top) // 2), 1


def _in_the_corner(found: Raster) -> Disc:
    short = min(found.width, found.height)
    return found.width - short // 4, found.height - short // 4, short // 6, 1


def _scaled_disc(mark: Disc, found: Raster, width: int, height: int) -> Disc:
    x, y, radius, colour = mark
    shrink = min(width / found.width, height / found.height)
    return x * width // found.width, y * height // found.height, max(1, round(radius * shrink)), colour


def _scaled(found: Raster, width: int, height: int) -> Raster:
    """To another size, by the nearest pixel."""
    columns = [3 * (x * found.width // width) for x in range(width)]
    made: dict[int, bytes] = {}
    rows = []
    for y in range(height):
        source = y * found.height // height
        if source not in made:
            row = found.rows[source]
            made[source] = b"".join([row[at : at + 3] for at in columns])
        rows.append(made[source])
    return Raster(width, height, rows)
