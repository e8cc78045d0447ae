"""Requests for images as OpenAI's clients write them (wire.md F4): generations, edits, variations, as JSON or as a form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from pisces_proxy.errors import BadRequest
from pisces_proxy.media import Asset, Image
from pisces_proxy.plugin import Operation

from .media_fields import Fields, linked, uploaded

Action = Literal["generate", "edit", "variation"]
LONGEST_PROMPT = 32_000
FAMILY = "openai.images"  # under this name `Image.extra` holds what only upstreams of this format may know
QUALITIES = ("auto", "low", "medium", "high", "xhigh", "max", "standard", "hd")
_ALWAYS_DATA = ("gpt-image", "chatgpt-image")
FORMATS = ("png", "jpeg", "jpg", "webp", "gif", "svg")
_SIZE = re.compile(r"auto|[1-9]\d{1,4}[x*×][1-9]\d{1,4}|[0-9.]+k", re.IGNORECASE)
_RATIO = re.compile(r"[1-9]\d?(?:\.\d)?:[1-9]\d?(?:\.\d)?")
_WORDS = """model prompt n size aspect_ratio resolution quality style background output_format output_compression moderation
    input_fidelity negative_prompt seed response_format stream partial_images image images mask user safety_identifier
    extra_body"""
_KNOWN = frozenset(_WORDS.split())


def decode(operation: Operation) -> Image:
    fields = Fields.of(operation)
    action = action_of(operation)
    images = _images(fields)
    if action != "generate" and not images:
        raise BadRequest(
            "'image' is required: send files as multipart/form-data, or URLs and data URIs as JSON.",
            param="image",
            code="missing_required_parameter",
        )
    if action == "generate" and images:
        action = "edit"  # a picture to begin with makes it one, at whichever door it comes in
    stream = fields.flag("stream")
    return Image(
        model=operation.model,
        action=action,
        prompt=fields.text("prompt") if action == "variation" else fields.required("prompt", longest=LONGEST_PROMPT),
        n=fields.whole("n", 1, 10) or 1,
        size=size_of(fields),
        aspect_ratio=_ratio(fields),
        quality=fields.choice("quality", QUALITIES),
        style=fields.choice("style", ("vivid", "natural")),
        background=fields.choice("background", ("transparent", "opaque", "auto")),
        output_format=fields.choice("output_format", FORMATS).replace("jpg", "jpeg"),
        output_compression=fields.whole("output_compression", 0, 100),
        moderation=fields.choice("moderation", ("low", "auto")),
        input_fidelity=fields.choice("input_fidelity", ("low", "high")),
        negative_prompt=fields.text("negative_prompt"),
        seed=fields.whole("seed", -(2**63), 2**63),
        wants="data" if stream else _wants(operation.model, fields),  # events carry bytes and nothing else
        stream=stream,
        partial_images=fields.whole("partial_images", 0, 3) or 0,
        images=images,
        mask=_mask(fields),
        user=fields.text("safety_identifier") or fields.text("user"),
        extra=_extra(fields),
    )


def action_of(operation: Operation) -> Action:
    """What the path asked for, as the endpoint's peek told it."""
    return cast(Action, operation.form) if operation.form in ("edit", "variation") else "generate"


def _wants(model: str, fields: Fields) -> Literal["", "url", "data"]:
    """Clients of gpt-image read data without asking for it, whoever draws (S0-48, S1-49)."""
    said = wants_of(fields)
    return "data" if not said and model.lower().startswith(_ALWAYS_DATA) else said


def wants_of(fields: Fields) -> Literal["", "url", "data"]:
    match fields.choice("response_format", ("url", "b64_json")):
        case "url":
            return "url"
        case "b64_json":
            return "data"
        case _:
            return ""


def size_of(fields: Fields) -> str:
    """`WxH`, `2K`, or nothing where the model is to choose."""
    name = "size" if "size" in fields else "resolution"
    size = fields.text(name).strip()
    if size and not _SIZE.fullmatch(size):
        said = f"'{name}' is {size!r}. Use auto, a size like 1024x1024, or 1K, 2K, 4K."
        raise BadRequest(said, param=name, code="invalid_value")
    if size.lower() == "auto":
        return ""
    return size.upper() if size[-1:] in ("k", "K") else re.sub("[xX*×]", "x", size)


def _ratio(fields: Fields) -> str:
    ratio = fields.text("aspect_ratio").strip().lower()
    if ratio and ratio != "auto" and not _RATIO.fullmatch(ratio):
        said = f"'aspect_ratio' is {ratio!r}. Use a ratio like 16:9."
        raise BadRequest(said, param="aspect_ratio", code="invalid_value")
    return "" if ratio == "auto" else ratio


def _images(fields: Fields) -> tuple[Asset, ...]:
    if fields.form is not None:
        files = tuple(uploaded(part, "image") for part in fields.form.files("image"))
        return files + tuple(linked(text, "image") for text in fields.form.texts("image") if text)
    found: list[Asset] = []
    for name in ("image", "images"):
        value = fields.get(name)
        values = value if isinstance(value, list) else [] if value is None else [value]
        found += [linked(each, f"{name}[{at}]" if isinstance(value, list) else name) for at, each in enumerate(values)]
    return tuple(found)


def _mask(fields: Fields) -> Asset | None:
    part = fields.file("mask")
    if part is not None:
        return uploaded(part, "mask")
    return linked(fields.get("mask"), "mask") if fields.get("mask") else None


def _extra(fields: Fields) -> Mapping[str, Any]:
    others = fields.others(_KNOWN)
    return {FAMILY: others} if others else {}
