"""Sizes and shapes in Google's words: ratios from a list, the nearest to what was asked for."""

from __future__ import annotations

from collections.abc import Sequence

RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")  # of image models
IMAGEN_RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
VEO_RATIOS = ("16:9", "9:16")


def ratio_of(size: str, ratio: str, known: Sequence[str] = RATIOS) -> str:
    """The nearest ratio; empty where the model is to choose."""
    shape = shape_of(size, ratio)
    return "" if shape is None else min(known, key=lambda name: _distance(shape, _shape(name)))


def shape_of(size: str, ratio: str) -> float | None:
    """Width by height, of `WxH` or else `W:H`."""
    for text, mark in ((size, "x"), (ratio, ":")):
        wide, found, high = text.partition(mark)
        try:
            if found and float(high) > 0 and float(wide) > 0:
                return float(wide) / float(high)
        except ValueError:
            continue
    return None


def _shape(ratio: str) -> float:
    wide, _, high = ratio.partition(":")
    return float(wide) / float(high)


def _distance(one: float, other: float) -> float:
    return max(one / other, other / one)
