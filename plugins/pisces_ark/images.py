"""The wire `ark.images`: Seedream's pictures, nearly as OpenAI's are asked for (wire.md F4).

https://www.volcengine.com/docs/82379/1541523
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pisces_proxy.answers import read, unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.inputs import link, own_members, unheard
from pisces_proxy.media import Asset, Image, Picture, Pictures
from pisces_proxy.plans import Ask, Got, Plan, leaving
from pisces_proxy.plugin import MediaWire, Profile
from pisces_proxy.pricing import Images as Count
from pisces_proxy.pricing import Measures
from pisces_proxy.refusals import Complaint, understand
from pisces_proxy.usage import Usage

from .sizes import size_for

_KNOWN = frozenset({
    "watermark", "guidance_scale", "sequential_image_generation", "sequential_image_generation_options",
    "optimize_prompt_options", "tools",
})  # fmt: skip
_UNKNOWN = ("quality", "style", "background", "output_compression", "moderation", "input_fidelity", "negative_prompt")
_encode = msgspec.json.Encoder().encode


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Item(msgspec.Struct):
    """A picture, or why it was not drawn."""

    url: str | None = None
    b64_json: bytes | None = None
    size: str | None = None
    error: _Error | None = None


class _Counts(msgspec.Struct):
    generated_images: int | None = None
    output_tokens: int | None = None


class _Answer(msgspec.Struct):
    data: list[_Item]
    created: int = 0
    usage: _Counts | None = None


_answer = msgspec.json.Decoder(_Answer)


class Images(MediaWire):
    name: ClassVar[str] = "ark.images"
    protocol: ClassVar[str] = "ark"
    kind: ClassVar[str] = "image"
    takes_urls: ClassVar[bool] = True

    def plan(self, request: Image, model: str, profile: Profile) -> Plan[Pictures]:
        members, losses = _members(request, model)
        if "sequential_image_generation" in members:  # a series that belongs together, as many as the model likes
            members.setdefault("sequential_image_generation_options", {"max_images": request.n})
            asks: tuple[Ask, ...] = (Ask(body=_encode(members)),)
        else:
            asks = (Ask(body=_encode(members)),) * request.n
        yield from leaving(losses)
        gots: tuple[Got, ...] = (yield asks) if len(asks) > 1 else ((yield asks[0]),)
        return _together([read(_answer, got.body, "pictures") for got in gots], gots[0].body)


def _members(request: Image, model: str) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    if request.action == "variation":
        raise Unsupported("This model makes no variations. Use /v1/images/edits with a prompt.", param="model")
    if request.mask is not None:
        raise Unsupported("This model takes no mask. Say in the prompt what is to change.", param="mask")
    own, strangers = own_members(request.extra, _KNOWN)
    losses = list(strangers)
    size, changed = size_for(request, model)
    given = [link(asset) for asset in request.images]
    named = {
        "size": size,
        "seed": request.seed,
        "output_format": request.output_format,
        "image": given[0] if len(given) == 1 else given,
        "response_format": "b64_json" if request.wants == "data" else "url",
    }
    members = {name: value for name, value in named.items() if value not in ("", None, [])}
    _leave_away(members, model, losses)
    losses += unheard(request, _UNKNOWN)
    # Ark's own default for `watermark` is true
    return {"model": model, "prompt": request.prompt, "watermark": False, **members, **own}, (*losses, *changed)


def _leave_away(members: dict[str, Any], model: str, losses: list[Loss]) -> None:
    """A choice of the format came with Seedream 5, the one of a seed went with 4; endpoint ids (ep-...) tell neither."""
    for name, version in (("output_format", "seedream-5"), ("seed", "-3-0")):
        if name in members and version not in model.lower() and not model.startswith("ep-"):
            del members[name]
            losses.append(Loss(field=name, action="dropped", reason="the model has no such choice"))


def _together(answers: list[_Answer], body: bytes) -> Pictures:
    """Pictures that were refused on their own are left out; where none is left, the first one's reason is told."""
    items = [item for answer in answers for item in answer.data]
    drawn = [item for item in items if item.url or item.b64_json]
    if not drawn:
        error = next((item.error for item in items if item.error), None)
        raise understand(200, {}, Complaint(error.message, code=error.code)) if error else unreadable(body, "pictures")
    counts = [answer.usage or _Counts() for answer in answers]
    count = sum(each.generated_images or 0 for each in counts) or len(drawn)
    sizes = {item.size for item in drawn}
    size = (sizes.pop() or "auto") if len(sizes) == 1 else "auto"
    return Pictures(
        pictures=tuple(Picture(asset=_asset(item)) for item in drawn),
        created=answers[0].created,
        usage=_usage(counts),
        measures=Measures(images=(Count(count=count, size=size, quality="auto"),)),
    )


def _asset(item: _Item) -> Asset:
    return Asset(url=item.url) if item.url else Asset(data=item.b64_json or b"", mime=_mime(item.b64_json or b""))


def _mime(data: bytes) -> str:
    return "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"


def _usage(counts: list[_Counts]) -> Usage | None:
    if any(each.output_tokens is None for each in counts):
        return None
    tokens = sum(each.output_tokens or 0 for each in counts)
    return Usage(output=tokens, image_output=tokens)
