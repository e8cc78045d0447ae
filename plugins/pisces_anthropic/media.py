"""Pictures and documents as Anthropic's blocks take them (wire.md C3)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from pisces_proxy.blobs import sniff
from pisces_proxy.chat import Media
from pisces_proxy.errors import Unsupported
from pisces_proxy.plugin import Profile

_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_TEXTS = ("text/", "application/json", "application/xml", "application/yaml", "application/x-yaml")


def media_block(media: Media, profile: Profile, part: str) -> dict[str, Any]:
    """The block of a medium, without its cache mark; `part` is its place, for the complaint."""
    if media.kind == "image" and profile.images:
        return {"type": "image", "source": _image_source(media, part)}
    if media.kind == "document" and profile.documents:
        return _document(media, part)
    raise _unsupported(f"This model takes no {media.kind} input.", part)


def _image_source(media: Media, part: str) -> dict[str, str]:
    if media.data:
        return {"type": "base64", "media_type": _image_type(media, part), "data": media.data}
    return _reference(media, part)


def _image_type(media: Media, part: str) -> str:
    """What the bytes show counts more than what they are called: the vendor compares."""
    named = media.mime.lower().replace("image/jpg", "image/jpeg")
    shown = sniff(media.data[:64]) or named
    mime = shown if shown in _IMAGES else named
    if mime not in _IMAGES:
        raise _unsupported(f"Images of type {mime or 'unknown'} are not taken; send JPEG, PNG, GIF or WebP.", part)
    return mime


def _document(media: Media, part: str) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "document", "source": _document_source(media, part)}
    if title := media.title or media.filename:
        block["title"] = title
    if media.citations_wanted:
        block["citations"] = {"enabled": True}
    return block


def _document_source(media: Media, part: str) -> dict[str, str]:
    mime = media.mime.lower().partition(";")[0]
    if media.text:
        return {"type": "text", "media_type": "text/plain", "data": media.text}
    if not media.data:
        return _reference(media, part)
    if not mime or mime == "application/octet-stream":
        mime = sniff(media.data[:64])
    if mime == "application/pdf":
        return {"type": "base64", "media_type": mime, "data": media.data}
    if mime.startswith(_TEXTS):
        return {"type": "text", "media_type": "text/plain", "data": _text(media, part)}
    raise _unsupported(f"Documents of type {mime or 'unknown'} are not taken; send PDF or plain text.", part)


def _text(media: Media, part: str) -> str:
    try:
        return base64.b64decode(media.data).decode()
    except (ValueError, binascii.Error):
        raise _unsupported("The document is not text in UTF-8.", part) from None


def _reference(media: Media, part: str) -> dict[str, str]:
    if media.url:
        return {"type": "url", "url": media.url}
    if media.file_id.startswith("file_"):  # Anthropic's own ids; `file-...` is OpenAI's
        return {"type": "file", "file_id": media.file_id}
    if media.file_id:
        raise Unsupported(
            f"The file {media.file_id!r} lies with another provider. Send its content.",
            param=part,
            code="unsupported_state_reference",
        )
    raise _unsupported(f"The {media.kind} is empty.", part)


def _unsupported(message: str, part: str) -> Unsupported:
    return Unsupported(f"{part}: {message}", param=part, code="unsupported_content")
