"""What each family of FLUX is asked with (https://docs.bfl.ai): pixels or a ratio, and where pictures to begin with go."""

from __future__ import annotations

import msgspec

from pisces_proxy.plugin import longest_prefix


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """`images`: the members for pictures to begin with, in order. `ratio`: takes a ratio, else pixels in steps of `step`, each
    side from `least` to `most`; neither where `most` is 0."""

    images: tuple[str, ...] = ("image_prompt",)
    ratio: bool = False
    step: int = 32
    least: int = 256
    most: int = 1440
    mask: bool = False
    formats: tuple[str, ...] = ("jpeg", "png")


def _inputs(count: int) -> tuple[str, ...]:
    return ("input_image", *(f"input_image_{number}" for number in range(2, count + 1)))


_FAMILIES = {
    "flux": Family(),
    "flux-pro-1.1-ultra": Family(ratio=True),
    "flux-pro-1.0-fill": Family(images=("image",), most=0, mask=True),
    "flux-kontext": Family(images=_inputs(4), ratio=True),
    "flux-2": Family(images=_inputs(8), step=16, least=64, most=2048, formats=("jpeg", "png", "webp")),
    "flux-2-klein": Family(images=_inputs(4), step=16, least=64, most=2048, formats=("jpeg", "png", "webp")),
}
_ROWS = {name: {"family": family} for name, family in _FAMILIES.items()}


def family_of(model: str) -> Family:
    """The newest family where the name says nothing."""
    found = longest_prefix(_ROWS, model).get("family", _FAMILIES["flux-2"])
    assert isinstance(found, Family)
    return found
