"""Sizes as DashScope's picture models take them: `W*H`, from a list or within an area, never OpenAI's own by chance."""

from __future__ import annotations

import math

from pisces_proxy.chat import Loss
from pisces_proxy.media import Image
from pisces_proxy.plugin import Profile, longest_prefix
from pisces_proxy.shapes import pixels

_SQUARE = 1280
_CLASSES = {"1K": 1024, "2K": 2048, "4K": 4096}
# the sides of the smallest and the largest square: https://www.alibabacloud.com/help/en/model-studio/text-to-image-v2-api-reference
_SIDES = {
    "qwen-image": {"least": 512, "most": 2048},
    "wan2.5": {"least": 1280, "most": 1440},
    "wan2.6": {"least": 1280, "most": 1440},
    "wan2.6-image": {"least": 768, "most": 1280},
    "wan2.7": {"least": 768, "most": 2048},
    "wan2.7-image-pro": {"least": 768, "most": 4096},
    "wan": {"least": 512, "most": 1440},
    "z-image": {"least": 512, "most": 2048},
}
_STEP = 16


def size_for(request: Image, model: str, profile: Profile) -> tuple[str, tuple[Loss, ...]]:
    """The size to ask for, empty where the model is to choose."""
    wanted = _wanted(request)
    if wanted is None:
        return "", ()
    drawn = _drawn(wanted, model, profile)
    lost = bool(request.size) and request.size not in _CLASSES and drawn != wanted
    said = f"{drawn[0]}x{drawn[1]}"
    losses = (Loss(field="size", action="changed", reason=f"drawn as {said}"),) if lost else ()
    return f"{drawn[0]}*{drawn[1]}", losses


def _wanted(request: Image) -> tuple[int, int] | None:
    if found := pixels(request.size):
        return found
    if request.size not in _CLASSES and not request.aspect_ratio:
        return None
    shape = _shape(request.aspect_ratio)
    side = _CLASSES.get(request.size, _SQUARE)
    return _near(side * math.sqrt(shape)), _near(side / math.sqrt(shape))


def _shape(ratio: str) -> float:
    wide, _, high = ratio.partition(":")
    return float(wide) / float(high) if high else 1.0


def _near(side: float) -> int:
    return max(_STEP, round(side / _STEP) * _STEP)


def _drawn(wanted: tuple[int, int], model: str, profile: Profile) -> tuple[int, int]:
    """The listed size most alike in shape, or the same shape with an area that the model draws."""
    listed = [found for each in profile.image_sizes if (found := pixels(each))]
    if listed:
        shape = math.log(wanted[0] / wanted[1])
        return min(listed, key=lambda each: (each != wanted, abs(math.log(each[0] / each[1]) - shape)))
    sides = longest_prefix(_SIDES, model)
    area = wanted[0] * wanted[1]
    least, most = sides.get("least", 0) ** 2, sides.get("most", 4096) ** 2
    if least <= area <= most:
        return wanted
    factor = math.sqrt((least if area < least else most) / area)
    bring = math.ceil if area < least else math.floor  # rounded to the inside
    return bring(wanted[0] * factor / _STEP) * _STEP, bring(wanted[1] * factor / _STEP) * _STEP
