"""The driver `replicate.images`: pictures by any of Replicate's models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pisces_proxy import shapes
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.inputs import check_count, link, own_members, unheard
from pisces_proxy.media import Asset, Image
from pisces_proxy.plans import Ask
from pisces_proxy.plugin import Profile
from pisces_proxy.task import Progress
from pisces_proxy.usage import Usage

from .predictions import Predictions, bare, handed_over

# models that take pixels; the others take a ratio
_PIXELS = ("sdxl", "stable-diffusion", "realvis", "playground-v2", "kandinsky", "latent-consistency", "proteus")
# what pictures to begin with are called, by what the model's name begins with; lists take several
_LISTS = {
    "nano-banana": "image_input", "seedream": "image_input", "gemini": "image_input", "gpt-image": "input_images",
    "flux-2": "input_images",
}  # fmt: skip
_SINGLES = {
    "flux-kontext": "input_image", "flux-1.1": "image_prompt", "flux-pro": "image_prompt", "qwen-image-edit": "image",
}  # fmt: skip
_COUNTS = {"gpt-image": "number_of_images"}
_UNKNOWN = ("style", "moderation", "input_fidelity")


class ReplicateImages(Predictions):
    name: ClassVar[str] = "replicate.images"
    kind: ClassVar[str] = "image"
    deadline: ClassVar[float] = 900.0
    fleeting: ClassVar[bool] = True  # its URLs live for an hour

    def submit(self, request: Image, model: str, profile: Profile, tag: str) -> Ask:
        check_count(request.n, profile.n_max)
        if request.action == "variation":
            raise Unsupported("This model makes no variations: send the picture to /v1/images/edits.", param="image")
        own, _ = own_members(request.extra)  # each model has words of its own, and ignores the others'
        name = bare(model)
        members = {**profile.defaults, "prompt": request.prompt, **_size(request, name), **_pictures(request, name)}
        members |= {key: value for key, value in _named(request, name).items() if value not in ("", None, "auto")}
        return handed_over(model, {**members, **own})

    def losses(self, request: Image, model: str, profile: Profile) -> tuple[Loss, ...]:
        ratio = _size(request, bare(model)).get("aspect_ratio")
        changed = (Loss("size", "changed", f"the model takes a ratio: {ratio}"),) if request.size and ratio else ()
        return (*unheard(request, _UNKNOWN), *changed)

    def made(self, assets: tuple[Asset, ...], metrics: Mapping[str, Any]) -> Progress:
        return Progress(status="completed", assets=assets, usage=Usage())

    def delay(self, polls: int) -> float:
        """The quickest models draw in less than a second."""
        return min(0.5 * 1.3**polls, 5.0)


def _size(request: Image, name: str) -> dict[str, Any]:
    if name.startswith(_PIXELS):
        found = shapes.pixels_for(request.size, request.aspect_ratio, step=64, least=256, most=2048)
        return {"width": found[0], "height": found[1]} if found else {}
    ratio = shapes.ratio_for(request.size, request.aspect_ratio)
    return {"aspect_ratio": ratio} if ratio else {}


def _pictures(request: Image, name: str) -> dict[str, Any]:
    links = [link(asset) for asset in request.images]
    mask = {"mask": link(request.mask)} if request.mask is not None else {}
    listed = next((member for begin, member in _LISTS.items() if name.startswith(begin)), "")
    if not links:
        return mask
    if listed:
        return {listed: links, **mask}
    if len(links) > 1:
        raise Unsupported(f"This model takes one picture, not {len(links)}.", param="image")
    single = next((member for begin, member in _SINGLES.items() if name.startswith(begin)), "image")
    return {single: links[0], **mask}


def _named(request: Image, name: str) -> dict[str, Any]:
    count = next((member for begin, member in _COUNTS.items() if name.startswith(begin)), "num_outputs")
    return {
        count: request.n if request.n > 1 else None,
        "negative_prompt": request.negative_prompt,
        "seed": request.seed if request.seed is None or request.seed >= 0 else None,
        "output_format": "jpg"
        if request.output_format == "jpeg" and not name.startswith("gpt-image")
        else request.output_format,
        "output_quality": request.output_compression,
        "quality": request.quality,
        "background": request.background,
    }
