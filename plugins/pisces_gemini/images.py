"""The wire `gemini.images`: pictures from Gemini's image models, which draw in conversations (wire.md F4)."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from pisces_proxy import blobs
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.media import Asset, Image, Picture, Pictures
from pisces_proxy.plans import Got, Plan, leaving
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import Images, Measures
from pisces_proxy.usage import Usage

from .asked import Made, asking, inline
from .google import IMAGES
from .media_dialect import GeminiMedia
from .shapes import ratio_of

_SIZES = ("1K", "2K", "4K")
_UNHEARD = ("quality", "style", "background", "output_format", "output_compression", "moderation", "input_fidelity")
_COUNTS = ("input", "cached_input", "image_input", "tool_input", "output", "reasoning", "image_output")


class GeminiImages(GeminiMedia):
    """For upstreams. One picture an answer: several are as many questions at once."""

    name: ClassVar[str] = IMAGES
    kind: ClassVar[str] = "image"

    def plan(self, request: Image, model: str, profile: Profile) -> Plan[Pictures]:
        config, losses = _config(request, profile)
        ask = asking(_parts(request), config, profile)
        yield from leaving(losses)
        gots: tuple[Got, ...] = (yield (ask,) * request.n) if request.n > 1 else ((yield ask),)
        made = [Made(got.body, "image") for got in gots]
        pictures = tuple(picture for one in made for picture in _pictures(one))
        if not pictures:
            raise made[0].refusal()
        fewer = Loss(field="n", action="changed", reason=f"{len(pictures)} came of {request.n}")
        return Pictures(
            pictures=pictures,
            size=_size(pictures[0].asset),
            usage=summed([one.usage for one in made]),
            measures=measured(pictures),
            losses=() if all(one.assets for one in made) else (fewer,),
        )


def _parts(request: Image) -> list[dict[str, Any]]:
    if request.mask is not None:
        raise Unsupported("This model takes no mask. Say in the prompt what is to change.", param="mask")
    prompt = request.prompt or "Draw this image again, slightly otherwise."
    if request.negative_prompt:
        prompt += f"\n\nLeave out: {request.negative_prompt}"
    return [{"text": prompt}, *(inline(asset, "image/png") for asset in request.images)]


def _config(request: Image, profile: Profile) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """What image models can be told: a ratio, a class of size, a seed."""
    losses: list[Loss] = []
    config: dict[str, Any] = {"responseModalities": ["TEXT", "IMAGE"]}
    drawn: dict[str, str] = {}
    if ratio := ratio_of(request.size, request.aspect_ratio):
        drawn["aspectRatio"] = ratio
        if "x" in request.size:
            losses.append(Loss(field="size", action="changed", reason=f"drawn with the ratio {ratio}"))
    if request.size in _SIZES:
        if profile.image_sizes and request.size not in profile.image_sizes:
            losses.append(Loss(field="size", action="dropped", reason="this model draws one size"))
        else:
            drawn["imageSize"] = request.size
    if drawn:
        config["imageConfig"] = drawn
    if request.seed is not None:
        config["seed"] = (request.seed + 2**31) % 2**32 - 2**31
    unheard = [name for name in _UNHEARD if getattr(request, name) not in ("", None, "auto")]
    losses += [Loss(field=name, action="dropped", reason="the model has no such choice") for name in unheard]
    return config, tuple(losses)


def _pictures(made: Made) -> list[Picture]:
    return [Picture(asset=asset) for asset in made.assets if not asset.mime or asset.mime.startswith("image/")]


def _size(asset: Asset) -> str:
    found = blobs.image_size(base64.b64encode(asset.data[: 72 * 1024]).decode()) if asset.data else None
    return f"{found[0]}x{found[1]}" if found else ""


def measured(pictures: tuple[Picture, ...]) -> Measures:
    return Measures(images=(Images(count=len(pictures), size=_size(pictures[0].asset) or "auto", quality="auto"),))


def summed(usages: list[Usage | None]) -> Usage | None:
    """None where one was not counted."""
    known = [usage for usage in usages if usage is not None]
    if len(known) < len(usages) or not known:
        return None
    return Usage(**{name: sum(getattr(usage, name) for usage in known) for name in _COUNTS})
