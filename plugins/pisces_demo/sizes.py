"""Width and height of what is asked for: in pixels, in lines, by a ratio."""

from __future__ import annotations

_AREAS = {"1K": 1024**2, "2K": 2048**2, "4K": 4096**2}
_LINES = {"1k": 720, "2k": 1080, "4k": 1080}
_SHORTEST, _MOST_LINES = 64, 1080


def of_picture(size: str, ratio: str) -> tuple[int, int]:
    """`1024x1024`, or `2K` and a ratio."""
    if (found := _pixels(size)) is not None:
        return found
    area, shape = _AREAS.get(size.upper(), _AREAS["1K"]), _shape(ratio) or 1.0
    wide = round((area * shape) ** 0.5 / 16) * 16
    return wide, round(area / wide / 16) * 16


def of_film(size: str, resolution: str, ratio: str) -> tuple[int, int]:
    """Never more than 1080 lines: the demo's films are for trying things out."""
    found: tuple[float, float] | None = _pixels(size)
    if found is None:
        lines = int(resolution[:-1]) if resolution[:-1].isdigit() and resolution.endswith("p") else _LINES.get(resolution, 720)
        shape = _shape(ratio) or 16 / 9
        found = (lines * shape, lines) if shape >= 1 else (lines, lines / shape)
    shrink = min(1.0, _MOST_LINES / min(found), 1920 / max(found))
    wide, high = (max(_SHORTEST, round(side * shrink / 2) * 2) for side in found)
    return wide, high


def _pixels(size: str) -> tuple[int, int] | None:
    wide, _, high = size.partition("x")
    return (int(wide), int(high)) if wide.isdigit() and high.isdigit() else None


def _shape(ratio: str) -> float | None:
    """Width by height."""
    wide, _, high = ratio.partition(":")
    try:
        return float(wide) / float(high)
    except (ValueError, ZeroDivisionError):
        return None
