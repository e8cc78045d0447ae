"""What a model can draw, as its profile says: sizes, shapes and qualities brought to the nearest it has."""

from __future__ import annotations

from collections.abc import Iterable

from pisces_proxy.plugin import Profile

RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")  # what those who take ratios take
_AREA = 1024 * 1024
_STEP = 32
# S1-45, S2-53: two vocabularies for one thing; from each word to the others, nearest first
_NEAREST = {
    "low": ("standard", "medium"),
    "medium": ("standard", "low"),
    "high": ("hd", "medium"),
    "xhigh": ("max", "high", "hd"),
    "max": ("xhigh", "high", "hd"),
    "standard": ("medium", "auto"),
    "hd": ("high",),
    "auto": ("standard",),
}


def quality_for(quality: str, profile: Profile) -> str:
    """The model's own word for a quality; empty where it has none."""
    known = profile.image_qualities
    if not quality or known is None or quality in known:
        return quality
    return next((word for word in _NEAREST.get(quality, ()) if word in known), "")


def kind_of(size: str, quality: str, profile: Profile) -> tuple[str, str]:
    """What is drawn where the answer does not say: as it was asked for, else the model's own default, its first."""
    default = (profile.image_qualities or ("",))[0]
    return size or (profile.image_sizes or ("",))[0], quality_for(quality, profile) or default


def pixels(size: str) -> tuple[int, int] | None:
    wide, _, high = size.partition("x")
    return (int(wide), int(high)) if wide.isdigit() and high.isdigit() else None


def size_for(size: str, ratio: str, profile: Profile) -> str:
    """A size in pixels that the model draws; empty where it is to choose."""
    if size and (not profile.image_sizes or size in profile.image_sizes):
        return size
    shape = shape_of(size, ratio)
    if shape is None:
        return ""
    if profile.image_sizes:
        return nearest(shape, (known for known in profile.image_sizes if pixels(known)))
    wide = round((_AREA * shape) ** 0.5 / _STEP) * _STEP
    return f"{wide}x{round(_AREA / wide / _STEP) * _STEP}"


def ratio_for(size: str, ratio: str) -> str:
    """The ratio for those who take no pixels; empty where the model is to choose."""
    shape = shape_of(size, ratio)
    return ratio or (nearest(shape, RATIOS) if shape is not None else "")


def shape_of(size: str, ratio: str) -> float | None:
    """Width by height."""
    if found := pixels(size):
        return found[0] / found[1]
    wide, _, high = ratio.partition(":")
    return float(wide) / float(high) if ratio else None


def nearest(shape: float, names: Iterable[str]) -> str:
    """Of sizes or ratios the one most alike in shape, the first of equals."""
    return min(names, key=lambda name: _distance(shape, _shape(name)), default="")


def _distance(one: float, other: float) -> float:
    return max(one / other, other / one)


def _shape(name: str) -> float:
    wide, _, high = name.replace("x", ":").partition(":")
    return float(wide) / float(high)
