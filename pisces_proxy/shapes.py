"""Sizes of pictures and videos: pixels, ratios, and the nearest that a model makes. No I/O."""

from __future__ import annotations

import math
from collections.abc import Iterable

RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "9:21")
_SIDES = {"1K": 1024, "2K": 2048, "4K": 4096}  # of a square


def pixels(size: str) -> tuple[int, int] | None:
    """Width and height of `WxH`."""
    wide, _, high = size.partition("x")
    return (int(wide), int(high)) if wide.isdigit() and high.isdigit() and int(wide) and int(high) else None


def shape_of(size: str, ratio: str) -> float | None:
    """Width by height, of `WxH` or else `W:H`; None where neither says."""
    if found := pixels(size):
        return found[0] / found[1]
    wide, _, high = ratio.partition(":")
    try:
        return float(wide) / float(high)
    except (ValueError, ZeroDivisionError):
        return None  # `auto`, `adaptive`


def nearest(shape: float, names: Iterable[str]) -> str:
    """Of ratios the one most alike in shape, the first of equals."""
    return min(names, key=lambda name: round(abs(math.log(shape / (shape_of("", name) or 1.0))), 9))


def ratio_for(size: str, ratio: str, known: Iterable[str] = RATIOS) -> str:
    """The nearest ratio that is known; empty where the model is to choose."""
    shape = shape_of(size, ratio)
    return nearest(shape, known) if shape else ""


def pixels_for(size: str, ratio: str, *, step: int, least: int, most: int) -> tuple[int, int] | None:
    """Width and height in whole steps, each side from `least` to `most`; None where the model is to choose."""
    wanted = pixels(size)
    if wanted is None:
        shape = shape_of("", ratio) or (1.0 if size in _SIDES else None)
        if shape is None:
            return None
        side = _SIDES.get(size, 1024)
        wanted = round(side * math.sqrt(shape)), round(side / math.sqrt(shape))
    factor = min(1.0, most / max(wanted))
    wide, high = (max(least, round(side * factor / step) * step) for side in wanted)
    return min(wide, most), min(high, most)
