"""Sizes as Seedream takes them: a class (2K), or pixels within an area that differs from version to version."""

from __future__ import annotations

import math

from pisces_proxy.chat import Loss
from pisces_proxy.media import Image
from pisces_proxy.plugin import longest_prefix
from pisces_proxy.shapes import pixels

_CLASSES = {"1K": 1024, "2K": 2048, "3K": 3072, "4K": 4096}
# (least, most) pixels: https://www.volcengine.com/docs/82379/1541523
_AREAS = {
    "doubao-seedream-3": {"least": 512 * 512, "most": 2048 * 2048},
    "doubao-seedream-4-0": {"least": 1280 * 720, "most": 4096 * 4096},
    "doubao-seedream-4": {"least": 2560 * 1440, "most": 4096 * 4096},
    "doubao-seedream-5": {"least": 2560 * 1440, "most": 4096 * 4096},
}
_STEP = 16


def size_for(request: Image, model: str) -> tuple[str, tuple[Loss, ...]]:
    """The size to ask for, empty where the model is to choose. OpenAI's 1024x1024 is too small for the newer ones: the same
    shape is drawn larger, and said so."""
    size, ratio = request.size, request.aspect_ratio
    wanted = pixels(size)
    if wanted is None and not ratio:
        return size, ()
    if wanted is None:
        side, shape = _CLASSES.get(size, 2048), _shape(ratio)
        wanted = round(side * math.sqrt(shape)), round(side / math.sqrt(shape))
    drawn = _within(wanted, model)
    said = f"{drawn[0]}x{drawn[1]}"
    changed = size not in ("", said) and size not in _CLASSES
    return said, (Loss(field="size", action="changed", reason=f"drawn as {said}"),) if changed else ()


def _shape(ratio: str) -> float:
    wide, _, high = ratio.partition(":")
    return float(wide) / float(high)


def _within(wanted: tuple[int, int], model: str) -> tuple[int, int]:
    bare = model.lower().rpartition("/")[2]
    areas = longest_prefix(_AREAS, bare if bare.startswith("doubao-") else f"doubao-{bare}")
    area = wanted[0] * wanted[1]
    least, most = areas.get("least", 0), areas.get("most", area)
    if least <= area <= most:
        return wanted
    factor = math.sqrt((least if area < least else most) / area)
    bring = math.ceil if area < least else math.floor  # rounded to the inside
    return bring(wanted[0] * factor / _STEP) * _STEP, bring(wanted[1] * factor / _STEP) * _STEP
