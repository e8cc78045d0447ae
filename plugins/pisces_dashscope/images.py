"""The wire `dashscope.images`: pictures in one answer, drawn and edited by Qwen-Image, Wan 2.6 and later (wire.md F4).

https://www.alibabacloud.com/help/en/model-studio/qwen-image-api
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pisces_proxy import pricing
from pisces_proxy.answers import read, unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.inputs import link, own_members, unheard
from pisces_proxy.media import Asset, Image, Picture, Pictures
from pisces_proxy.plans import Ask, Got, Plan, leaving
from pisces_proxy.plugin import Profile
from pisces_proxy.usage import Usage

from .dialect import MULTIMODAL, DashScopeWire, encode, secure
from .sizes import size_for

_KNOWN = frozenset({"watermark", "prompt_extend", "enable_sequential", "thinking_mode", "enable_interleave", "color_palette"})
_UNKNOWN = ("quality", "style", "background", "output_format", "output_compression", "moderation", "input_fidelity")


class _Content(msgspec.Struct):
    image: str | None = None


class _Message(msgspec.Struct):
    content: list[_Content] | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Output(msgspec.Struct):
    choices: list[_Choice] | None = None


class Counts(msgspec.Struct):
    image_count: int | None = None
    width: int | None = None
    height: int | None = None
    size: str | None = None  # `1280*1280`, where there is no width


class _Answer(msgspec.Struct):
    output: _Output
    usage: Counts | None = None


_answer = msgspec.json.Decoder(_Answer)


class Images(DashScopeWire):
    name: ClassVar[str] = "dashscope.images"
    kind: ClassVar[str] = "image"
    takes_urls: ClassVar[bool] = True

    def plan(self, request: Image, model: str, profile: Profile) -> Plan[Pictures]:
        parameters, losses = drawing(request, model, profile)
        content: list[dict[str, str]] = [{"image": link(asset)} for asset in request.images]
        content.append({"text": request.prompt})
        said = {"model": model, "input": {"messages": [{"role": "user", "content": content}]}}
        asks = tuple(
            Ask(path=MULTIMODAL, body=encode({**said, "parameters": {**parameters, "n": count}}))
            for count in _shares(request.n, profile.n_max)
        )
        yield from leaving(losses)
        gots: tuple[Got, ...] = (yield asks) if len(asks) > 1 else ((yield asks[0]),)
        drawn = [picture for got in gots for picture in _pictures(got.body)]
        return Pictures(pictures=tuple(drawn), measures=_counted(gots, len(drawn), parameters), usage=Usage())


def drawing(request: Image, model: str, profile: Profile) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """The `parameters` of a request, and what they have no place for. Raises Unsupported for what cannot be left away."""
    if request.action == "variation":
        raise Unsupported("This model makes no variations. Use /v1/images/edits with a prompt.", param="model")
    if request.mask is not None:
        raise Unsupported("This model takes no mask. Say in the prompt what is to change.", param="mask")
    own, losses = own_members(request.extra, _KNOWN)
    size, changed = size_for(request, model, profile)
    parameters: dict[str, Any] = {"watermark": False, **own}  # DashScope's own default differs from model to model
    named = {"size": size, "negative_prompt": request.negative_prompt, "seed": request.seed}
    parameters |= {name: value for name, value in named.items() if value not in ("", None)}
    return parameters, (*losses, *changed, *unheard(request, _UNKNOWN))


def _shares(n: int, most: int) -> list[int]:
    """How many pictures each call asks for."""
    full, rest = divmod(n, max(1, most))
    return [most] * full + ([rest] if rest else [])


def _pictures(body: bytes) -> list[Picture]:
    answer = read(_answer, body, "pictures")
    contents = [each for choice in answer.output.choices or () for each in choice.message.content or ()]
    found = [Picture(asset=Asset(url=secure(each.image))) for each in contents if each.image]
    if not found:
        raise unreadable(body, "pictures")
    return found


def _counted(gots: tuple[Got, ...], drawn: int, parameters: dict[str, Any]) -> pricing.Measures:
    counts = [read(_answer, got.body, "pictures").usage or Counts() for got in gots]
    count = sum(each.image_count or 0 for each in counts) or drawn
    return measured(count, counts[0], str(parameters.get("size", "")))


def measured(count: int, counts: Counts, asked: str) -> pricing.Measures:
    size = f"{counts.width}x{counts.height}" if counts.width and counts.height else (counts.size or asked).replace("*", "x")
    return pricing.Measures(images=(pricing.Images(count=count, size=size or "auto", quality="auto"),))
