"""Images asked of an upstream that speaks OpenAI's format, or nearly so: every difference is data in its profile."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from pisces_proxy import blobs
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.forms import Form, FormPart, Held
from pisces_proxy.media import Asset, Image, Pictures
from pisces_proxy.plans import Ask, Got, Plan, leaving
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import Images, Measures
from pisces_proxy.usage import Usage

from . import images_answer
from .images_fitting import kind_of, pixels, quality_for, ratio_for, size_for
from .images_request import FAMILY

_encode = msgspec.json.Encoder().encode
_PLAIN = (
    "style", "background", "output_format", "output_compression", "moderation", "input_fidelity", "negative_prompt", "seed",
    "user",
)  # fmt: skip


def plan(request: Image, model: str, profile: Profile) -> Plan[Pictures]:
    members, losses = members_for(request, model, profile)
    asks = tuple(_ask(request, {**members, "n": count}, profile) for count in shares(request.n, profile.n_max))
    yield from leaving(losses)
    gots: tuple[Got, ...] = (yield asks) if len(asks) > 1 else ((yield asks[0]),)
    kind = kind_of(_size_sent(members), members.get("quality", ""), profile)
    return together([images_answer.decode(got.body, *kind) for got in gots])


def _size_sent(members: Mapping[str, Any]) -> str:
    if "width" in members:
        return f"{members['width']}x{members['height']}"
    return str(members.get("size") or members.get("image_size") or members.get("resolution") or "")


def shares(n: int, most: int) -> list[int]:
    """How many images each call asks for."""
    full, rest = divmod(n, max(1, most))
    return [most] * full + ([rest] if rest else [])


def together(results: list[Pictures]) -> Pictures:
    """The answers of several calls as one."""
    first = results[0]
    if len(results) == 1:
        return first
    usages = [result.usage for result in results if result.usage is not None]
    drawn: tuple[Images, ...] = tuple(images for result in results for images in result.measures.images)
    return msgspec.structs.replace(
        first,
        pictures=tuple(picture for result in results for picture in result.pictures),
        usage=_sum(usages) if len(usages) == len(results) else None,
        measures=Measures(images=drawn),
    )


def _sum(usages: list[Usage]) -> Usage:
    names = ("input", "cached_input", "image_input", "output", "reasoning", "image_output")
    return Usage(**{name: sum(getattr(usage, name) for usage in usages) for name in names})


# -- what is asked for ---------------------------------------------------------------------------------------------------


def members_for(request: Image, model: str, profile: Profile) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """The request's members in the upstream's words, but for the pictures; and what it has no words for."""
    losses: list[Loss] = []
    members: dict[str, Any] = {"model": model}
    if request.prompt:
        members["prompt"] = request.prompt
    members |= _size(request, profile, losses)
    members |= _quality(request, profile, losses)
    members |= {name: value for name in _PLAIN if (value := getattr(request, name)) not in ("", None)}
    members |= _delivery(request, profile)
    members |= request.extra.get(FAMILY, {})
    return _adjusted(members, profile, losses), tuple(losses)


def _size(request: Image, profile: Profile, losses: list[Loss]) -> dict[str, Any]:
    size, ratio = request.size, request.aspect_ratio
    if not size and not ratio:
        return {}
    match profile.image_size:
        case "none":
            losses.append(Loss(field="size" if size else "aspect_ratio", action="dropped", reason="the model chooses its own"))
            return {}
        case "aspect_ratio":
            members = {"aspect_ratio": ratio_for(size, ratio)} if ratio or pixels(size) else {}
            if size in ("1K", "2K", "4K"):
                members["resolution"] = size.lower()
            elif size:
                losses.append(Loss(field="size", action="changed", reason=f"drawn with the ratio {members['aspect_ratio']}"))
            return members
    fitting = size_for(size, ratio, profile)
    if size and fitting != size:
        losses.append(Loss(field="size", action="changed", reason=f"drawn as {fitting or 'the model likes'}"))
    if profile.image_size == "width_height":
        return dict(zip(("width", "height"), pixels(fitting) or (), strict=False))
    return {profile.image_size: fitting} if fitting else {}


def _quality(request: Image, profile: Profile, losses: list[Loss]) -> dict[str, Any]:
    word = quality_for(request.quality, profile)
    if request.quality and not word and request.quality != "auto":
        losses.append(Loss(field="quality", action="dropped", reason="the model has no such choice"))
    return {"quality": word} if word else {}


def _delivery(request: Image, profile: Profile) -> dict[str, Any]:
    """gpt-image refuses `response_format` (real-traffic 7); what the client wants is done for it on the way back."""
    if profile.image_delivery not in ("response_format", "base64") or not request.wants:
        return {}
    if request.wants == "url":
        return {"response_format": "url"}
    return {"response_format": "base64" if profile.image_delivery == "base64" else "b64_json"}


def _adjusted(members: dict[str, Any], profile: Profile, losses: list[Loss]) -> dict[str, Any]:
    for name in profile.drop:
        if name in members:
            del members[name]
            losses.append(Loss(field=name, action="dropped", reason="the model does not take it"))
    renamed = {profile.rename.get(name, name): value for name, value in members.items()}
    return {**{name: value for name, value in profile.defaults.items() if name not in renamed}, **renamed}


# -- how pictures are sent -----------------------------------------------------------------------------------------------


def _ask(request: Image, members: Mapping[str, Any], profile: Profile) -> Ask:
    if request.action == "generate":
        return _json("/generations", members, profile)
    if request.action == "variation":
        if not profile.image_variations:
            raise Unsupported("This model makes no variations. Use /v1/images/edits with a prompt.", param="model")
        return Ask(path="/variations", body=form_of(request, members))
    if request.mask is not None and profile.image_edits != "form":
        raise Unsupported("This model takes no mask. Say in the prompt what is to change.", param="mask")
    match profile.image_edits:
        case "form":
            return Ask(path="/edits", body=form_of(request, members))
        case "none":
            raise Unsupported("This model edits no images.", param="image")
        case _:
            return _edit(request, members, profile)


def _edit(request: Image, members: Mapping[str, Any], profile: Profile) -> Ask:
    links = [link(asset) for asset in request.images]
    match profile.image_edits:
        case "objects":  # https://docs.x.ai/docs/guides/image-generations
            objects = [{"url": each, "type": "image_url"} for each in links]
            pictures = {"image": objects[0]} if len(objects) == 1 else {"images": objects}
            return _json("/edits", {**members, **pictures}, profile)
        case "json":
            return _json("/edits", {**members, "image": links[0] if len(links) == 1 else links}, profile)
        case "image":  # SiliconFlow: image, image2, image3
            named = {"image" if at == 1 else f"image{at}": each for at, each in enumerate(links, 1)}
            return _json("/generations", {**members, **named}, profile)
        case _:
            if len(links) > 1:
                raise Unsupported("This model takes one image only.", param="image")
            return _json("/generations", {**members, "image_url": links[0]}, profile)


def _json(path: str, members: Mapping[str, Any], profile: Profile) -> Ask:
    told = dict(members)
    if told.get("n") == 1 or profile.n_max == 1:
        told.pop("n", None)  # one is what everybody makes unasked, and some know no `n`
    elif "n" in profile.rename:
        told[profile.rename["n"]] = told.pop("n")
    return Ask(path=path, body=_encode(told))


def form_of(request: Image, members: Mapping[str, Any]) -> Form:
    """As the SDKs write it: one picture is `image`, several are `image[]`."""
    texts = [FormPart(name=name, value=_text(value)) for name, value in members.items()]
    name = "image" if len(request.images) == 1 else "image[]"
    files = [file_part(name, asset, f"image{at}") for at, asset in enumerate(request.images, 1)]
    if request.mask is not None:
        files.append(file_part("mask", request.mask, "mask"))
    return Form((*texts, *files))


def file_part(name: str, asset: Asset, called: str) -> FormPart:
    file = asset.file if asset.file is not None else Held(asset.data)
    mime = asset.mime or "application/octet-stream"
    filename = asset.filename or f"{called}.{mime.partition('/')[2].partition('+')[0] or 'bin'}"
    return FormPart(name=name, file=file, filename=filename, mime=mime)


def link(asset: Asset) -> str:
    if asset.url and not asset.data:
        return asset.url
    return blobs.data_uri(asset.mime or "image/png", base64.b64encode(asset.content()).decode())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _encode(value).decode()
