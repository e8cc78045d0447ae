"""Images from models that draw in the middle of a conversation (Poe, OpenRouter): asked in chat, picked out of the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from pisces_proxy import answers
from pisces_proxy.chat import Loss
from pisces_proxy.errors import ContentRefused, PiscesError, Unsupported
from pisces_proxy.media import Asset, Image, Picture, Pictures
from pisces_proxy.plans import Ask, Got, Plan, leaving
from pisces_proxy.plugin import Profile
from pisces_proxy.usage import Usage

from .images_answer import asset_of, measured
from .images_fitting import pixels, ratio_for
from .images_upstream import link, together
from .manners import OpenAIMedia

_encode = msgspec.json.Encoder().encode
_MARKDOWN = re.compile(r"!?\[[^\]]*\]\(\s*<?((?:https?://|data:image/)[^\s)>]+)>?[^)]*\)", re.IGNORECASE)
_BARE = re.compile(r"""data:image/[\w.+-]+;base64,[A-Za-z0-9+/=_-]+|https?://[^\s<>"')\]]+""", re.IGNORECASE)
_FILTERED = ("content_filter", "sensitive")


class ChatImages(OpenAIMedia):
    """The upstream's half only: clients speak `openai.images`."""

    name: ClassVar[str] = "openai.chat-images"
    kind: ClassVar[str] = "image"

    def plan(self, request: Any, model: str, profile: Profile) -> Plan[Any]:
        assert isinstance(request, Image)
        members, losses = _members(request, model, profile)
        ask = Ask(body=_encode(members))
        yield from leaving(losses)
        gots: tuple[Got, ...] = (yield (ask,) * request.n) if request.n > 1 else ((yield ask),)
        return together([_pictures(got.body, request) for got in gots])


def _members(request: Image, model: str, profile: Profile) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    if request.action == "variation":
        raise Unsupported("This model makes no variations. Use /v1/images/edits with a prompt.", param="model")
    if request.mask is not None:
        raise Unsupported("This model takes no mask. Say in the prompt what is to change.", param="mask")
    members: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": _content(request)}], "stream": False}
    losses = [
        Loss(field=name, action="dropped", reason="a chat has no such choice")
        for name in ("quality", "style", "background", "output_format", "output_compression", "moderation", "seed")
        if getattr(request, name) not in ("", None, "auto")
    ]
    if request.size or request.aspect_ratio:
        members |= _shape(request, profile, losses)
    return {**profile.defaults, **members}, tuple(losses)


def _content(request: Image) -> str | list[dict[str, Any]]:
    prompt = request.prompt
    if request.negative_prompt:
        prompt += f"\n\nAvoid: {request.negative_prompt}"
    if not request.images:
        return prompt
    images = [{"type": "image_url", "image_url": {"url": link(asset)}} for asset in request.images]
    return [{"type": "text", "text": prompt}, *images]


def _shape(request: Image, profile: Profile, losses: list[Loss]) -> dict[str, Any]:
    field = "size" if request.size else "aspect_ratio"
    if profile.image_size != "image_config":  # OpenRouter; a bot's own parameters are its own
        losses.append(Loss(field=field, action="dropped", reason="the model chooses its own"))
        return {}
    config: dict[str, str] = {}
    if ratio := ratio_for(request.size, request.aspect_ratio):
        config["aspect_ratio"] = ratio
    if request.size in ("1K", "2K", "4K"):
        config["image_size"] = request.size
    elif pixels(request.size):
        losses.append(Loss(field="size", action="changed", reason=f"drawn with the ratio {ratio}"))
    return {"image_config": config} if config else {}


# -- what came back ------------------------------------------------------------------------------------------------------


class _Link(msgspec.Struct):
    url: str = ""


class _Image(msgspec.Struct):
    image_url: _Link | str | None = None
    url: str | None = None
    b64_json: str | None = None


class _Message(msgspec.Struct):
    content: str | list[dict[str, Any]] | None = None
    images: list[_Image] | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    image_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Counts(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    completion_tokens_details: _Details | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Counts | None = None
    created: float | None = None


_answer = msgspec.json.Decoder(_Answer)


def _pictures(body: bytes, request: Image) -> Pictures:
    said = answers.read(_answer, body, "images")
    choice = (said.choices or [_Choice()])[0]
    if choice.message is None:
        raise answers.unreadable(body, "images")
    text = _text(choice.message.content)
    assets = list(_assets(choice.message, text))
    if not assets:
        raise _refused(choice, text)
    return Pictures(
        pictures=tuple(Picture(asset=asset) for asset in assets),
        created=int(said.created or 0),
        usage=_usage(said.usage),
        measures=measured(len(assets), request.size, request.quality),
    )


def _assets(message: _Message, text: str) -> Iterator[Asset]:
    """The images beside the text, else those that the text links to; one named twice counts once."""
    found = [named for image in message.images or () if (named := _named(image))]
    if isinstance(message.content, list):
        parts = (part.get("image_url") for part in message.content if part.get("type") in ("image_url", "output_image"))
        found += [part["url"] if isinstance(part, dict) else part for part in parts if part]
    found = found or _MARKDOWN.findall(text) or [url.rstrip(".,;:!?*") for url in _BARE.findall(text)]
    return (asset_of(each) for each in dict.fromkeys(found))


def _named(image: _Image) -> str:
    if isinstance(image.image_url, _Link):
        return image.image_url.url
    return image.image_url or image.url or image.b64_json or ""


def _text(content: str | list[dict[str, Any]] | None) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content)
    return content or ""


def _refused(choice: _Choice, text: str) -> PiscesError:
    """A model that answers with words has declined to draw; its words say why (F4)."""
    said = text.strip() or (choice.message.refusal or "" if choice.message is not None else "")
    if said or choice.finish_reason in _FILTERED:
        return ContentRefused(said[:2000] or "The model declined to draw this. Change the prompt.", param="prompt")
    return ContentRefused("The model answered without an image. Change the prompt.", param="prompt")


def _usage(counts: _Counts | None) -> Usage | None:
    if counts is None or (counts.prompt_tokens is None and counts.completion_tokens is None):
        return None
    details = counts.completion_tokens_details or _Details()
    return Usage(
        input=counts.prompt_tokens or 0,
        output=counts.completion_tokens or 0,
        image_output=details.image_tokens or 0,
        reasoning=details.reasoning_tokens or 0,
    )
