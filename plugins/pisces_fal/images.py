"""The driver `fal.images`: pictures by any of fal's models."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pisces_proxy import shapes
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.inputs import check_count, link, own_members, unheard
from pisces_proxy.media import Image
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import Images, Measures
from pisces_proxy.task import Progress
from pisces_proxy.usage import Usage

from .queue import File, Queued, asset_of, handed_over

# models with a ratio in place of a size; the others take pixels
_RATIOS = ("kontext", "ultra", "imagen", "nano-banana", "gemini", "ideogram/v2", "photon", "grok", "minimax/image")
_LISTS = ("nano-banana", "gemini", "flux-2", "seedream", "/multi", "gpt-image", "qwen-image-edit-plus", "grok")
_UNKNOWN = ("style", "output_compression", "moderation")
_SIDES = {"step": 16, "least": 256, "most": 4096}


class FalImages(Queued):
    name: ClassVar[str] = "fal.images"
    kind: ClassVar[str] = "image"
    deadline: ClassVar[float] = 900.0

    def submit(self, request: Image, model: str, profile: Profile, tag: str) -> Ask:
        check_count(request.n, profile.n_max)
        if request.action == "variation":
            raise Unsupported("fal's models make no variations: send the picture to /v1/images/edits.", param="image")
        own, _ = own_members(request.extra)  # each model has words of its own, and ignores the others'
        body = {**profile.defaults, "prompt": request.prompt, **_size(request, model), **_pictures(request, model)}
        body |= {name: value for name, value in _named(request).items() if value not in ("", None, "auto")}
        if request.n > 1:
            body["num_images"] = request.n
        return handed_over(model, {**body, **own})

    def losses(self, request: Image, model: str, profile: Profile) -> tuple[Loss, ...]:
        ratio = _size(request, model).get("aspect_ratio")
        changed = (Loss("size", "changed", f"the model takes a ratio: {ratio}"),) if request.size and ratio else ()
        return (*unheard(request, _UNKNOWN), *changed)

    def answered(self, got: Got) -> Progress:
        answer = _answer.decode(got.body)
        files = [file for file in (*(answer.images or ()), *((answer.image,) if answer.image else ())) if file.url]
        unsafe = answer.has_nsfw_concepts or []
        shown = [file for file, hidden in zip(files, [*unsafe, *[False] * len(files)], strict=False) if not hidden]
        if files and not shown:
            message = "The upstream's filter blackened the picture. Change the prompt."
            return Progress(status="failed", error_code="content_policy", error_message=message)
        return Progress(
            status="completed", assets=tuple(asset_of(file) for file in shown), usage=Usage(), measures=_measures(files)
        )

    def delay(self, polls: int) -> float:
        """The quickest models draw in less than a second."""
        return min(0.5 * 1.3**polls, 5.0)


def _size(request: Image, model: str) -> dict[str, Any]:
    if any(word in model.lower() for word in _RATIOS):
        ratio = shapes.ratio_for(request.size, request.aspect_ratio)
        return {"aspect_ratio": ratio} if ratio else {}
    found = shapes.pixels_for(request.size, request.aspect_ratio, **_SIDES)
    return {"image_size": {"width": found[0], "height": found[1]}} if found else {}


def _pictures(request: Image, model: str) -> dict[str, Any]:
    links = [link(asset) for asset in request.images]
    mask = {"mask_url": link(request.mask)} if request.mask is not None else {}
    if not links:
        return mask
    if len(links) > 1 or any(word in model.lower() for word in _LISTS):
        return {"image_urls": links, **mask}
    return {"image_url": links[0], **mask}


def _named(request: Image) -> dict[str, Any]:
    return {
        "negative_prompt": request.negative_prompt,
        "seed": request.seed if request.seed is None or request.seed >= 0 else None,
        "output_format": request.output_format,
        "quality": request.quality,
        "background": request.background,
        "input_fidelity": request.input_fidelity,
    }


class _Answer(msgspec.Struct):
    images: list[File] | None = None
    image: File | None = None
    has_nsfw_concepts: list[bool] | None = None


_answer = msgspec.json.Decoder(_Answer)


def _measures(files: list[File]) -> Measures:
    first = files[0] if files else File()
    size = f"{first.width}x{first.height}" if first.width and first.height else "auto"
    return Measures(images=(Images(count=len(files), size=size, quality="auto"),)) if files else Measures()
