"""Answers with images: read from upstreams that answer nearly like OpenAI, written for clients (wire.md F4)."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from pisces_proxy import answers, blobs
from pisces_proxy.errors import ContentRefused
from pisces_proxy.inputs import linked
from pisces_proxy.media import Asset, Image, Picture, Pictures
from pisces_proxy.plugin import Reply
from pisces_proxy.pricing import Images, Measures
from pisces_proxy.usage import Usage

_encode = msgspec.json.Encoder().encode


class _Details(msgspec.Struct):
    image_tokens: int | None = None
    text_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None

    def read(self) -> Usage | None:
        came, went = self.input_tokens or self.prompt_tokens, self.output_tokens or self.completion_tokens
        if came is None and went is None:
            return None
        before, after = self.input_tokens_details or _Details(), self.output_tokens_details
        # gpt-image counts nothing but images where it gives no details
        drawn = (went or 0) if after is None or after.image_tokens is None else after.image_tokens
        return Usage(input=came or 0, image_input=before.image_tokens or 0, output=went or 0, image_output=drawn)


class _Item(msgspec.Struct):
    url: str | None = None
    b64_json: str | None = None
    revised_prompt: str | None = None
    mime_type: str | None = None


class _Answer(msgspec.Struct):
    data: list[_Item] | None = None
    images: list[_Item] | None = None  # SiliconFlow
    created: float | None = None
    size: str | None = None
    quality: str | None = None
    background: str | None = None
    output_format: str | None = None
    usage: msgspec.Raw = msgspec.Raw(b"")  # read on its own: vendors count in units of their own


class _Seen(msgspec.Struct):
    """As much as counting needs: pictures of megabytes stay unread."""

    data: list[msgspec.Raw] | None = None
    images: list[msgspec.Raw] | None = None
    size: str | None = None
    quality: str | None = None
    usage: msgspec.Raw = msgspec.Raw(b"")  # read on its own: vendors count in units of their own


_answer = msgspec.json.Decoder(_Answer)
_seen = msgspec.json.Decoder(_Seen)
_item = msgspec.json.Decoder(_Item)
_usage = msgspec.json.Decoder(_Usage)


def usage_in(raw: msgspec.Raw | bytes) -> Usage | None:
    if bytes(raw) in (b"", b"null"):
        return None
    try:
        return _usage.decode(raw).read()
    except msgspec.MsgspecError:
        return None  # a vendor's own way to count


def count(body: bytes, size: str, quality: str) -> tuple[Usage | None, Measures]:
    """What an answer was worth; `size` and `quality` where it does not say. Raises the error that a 200 may hold."""
    seen = answers.read(_seen, body, "images")
    items = seen.data or seen.images or ()
    if not items:
        raise answers.unreadable(body, "images")
    size = seen.size or size or _size_in(items[0])
    return usage_in(seen.usage), measured(len(items), size, seen.quality or quality)


def _size_in(raw: msgspec.Raw) -> str:
    """A picture's size by its own header; empty for a URL."""
    try:
        data = _item.decode(raw).b64_json or ""
    except msgspec.MsgspecError:
        return ""
    return size_of(data.partition(",")[2] if data[:5] == "data:" else data)


def size_of(data: str) -> str:
    found = blobs.image_size(data) if data else None
    return f"{found[0]}x{found[1]}" if found else ""


def measured(drawn: int, size: str, quality: str) -> Measures:
    return Measures(images=(Images(count=drawn, size=size or "auto", quality=quality or "auto"),))


def decode(body: bytes, size: str, quality: str) -> Pictures:
    """An upstream's answer; `size` and `quality` as they were asked for, where it does not say. Raises the error that a 200
    may hold."""
    read = answers.read(_answer, body, "images")
    pictures = tuple(_picture(item) for item in read.data or read.images or () if item.url or item.b64_json)
    if not pictures:
        if read.data is not None and read.data:  # xAI leaves out what its moderation took away
            raise ContentRefused("The upstream's moderation withheld every image. Change the prompt.", param="prompt")
        raise answers.unreadable(body, "images")
    first = (read.data or read.images or [_Item()])[0]
    size = read.size or size or size_of(first.b64_json or "")
    return Pictures(
        pictures=pictures,
        created=int(read.created or 0),
        size=read.size or "",
        quality=read.quality or "",
        background=read.background or "",
        output_format=read.output_format or "",
        usage=usage_in(read.usage),
        measures=measured(len(pictures), size, read.quality or quality),
    )


def _picture(item: _Item) -> Picture:
    asset = asset_of(item.b64_json or item.url or "", item.mime_type or "")
    return Picture(asset=asset, revised_prompt=item.revised_prompt or "")


def asset_of(text: str, mime: str = "") -> Asset:
    """A picture as an upstream gave it: a URL, a data URI, or base64."""
    if text[:8].lower().startswith(("http://", "https://")):
        return Asset(url=text, mime=mime)
    if text[:5].lower() == "data:":
        return linked("data:" + text[5:])
    try:
        return Asset(data=base64.b64decode(text, validate=True), mime=mime or blobs.sniff(text[:1024]))
    except ValueError:
        raise answers.unreadable(b"", "readable image") from None


def encode(result: Pictures, request: Image, reply: Reply) -> bytes:
    told: dict[str, Any] = {
        "created": result.created or reply.created,
        "data": [_told(picture, request) for picture in result.pictures],
    }
    for name in ("background", "output_format", "quality", "size"):
        if value := getattr(result, name):
            told[name] = value
    if result.usage is not None:
        told["usage"] = usage_told(result.usage)
    if reply.extension:
        told["pisces"] = msgspec.Raw(reply.extension)
    return _encode(told)


def _told(picture: Picture, request: Image) -> dict[str, Any]:
    """URL or data, never both, never a null: clients test for what is there (S1-46)."""
    asset = picture.asset
    item: dict[str, Any] = {}
    if asset.url and (not asset.data or request.wants == "url"):
        item["url"] = asset.url
    else:
        item["b64_json"] = base64.b64encode(asset.content()).decode()
    if picture.revised_prompt:
        item["revised_prompt"] = picture.revised_prompt
    return item


def usage_told(usage: Usage) -> dict[str, Any]:
    drawn, given = usage.image_output, usage.image_input
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"text_tokens": max(0, usage.input - given), "image_tokens": given},
        "output_tokens": usage.output,
        "output_tokens_details": {"image_tokens": drawn, "text_tokens": max(0, usage.output - drawn)},
        "total_tokens": usage.total,
    }
