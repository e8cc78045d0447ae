"""What a demo model can tell of media: kind, format, size in pixels."""

from __future__ import annotations

from pisces_proxy.blobs import image_size, sniff
from pisces_proxy.chat import Media


def describe(media: Media, chinese: bool) -> str:
    """One medium in a noun phrase: `a 640x480 PNG image`."""
    seen = image_size(media.data) if media.kind == "image" and media.data else None
    if seen is not None:
        size, format = f"{seen[0]}x{seen[1]}", sniff(media.data).rpartition("/")[2].upper()
        return f"一张 {size} 的 {format} 图片" if chinese else f"a {size} {format} image"
    return _in_chinese(media) if chinese else _in_english(media)


_ENGLISH = {"image": "an image", "audio": "a sound", "video": "a video", "document": "a document"}
_CHINESE = {"image": "一张图片", "audio": "一段音频", "video": "一段视频", "document": "一份文件"}


def _in_english(media: Media) -> str:
    what = "a PDF" if media.mime == "application/pdf" else _ENGLISH[media.kind]
    name = f" called {media.filename or media.title}" if media.filename or media.title else ""
    return f"{what}{name}{_where(media, ' at ')}"


def _in_chinese(media: Media) -> str:
    what = "一份 PDF" if media.mime == "application/pdf" else _CHINESE[media.kind]
    name = f"({media.filename or media.title})" if media.filename or media.title else ""
    return f"{what}{name}{_where(media, ',地址 ')}"


def _where(media: Media, word: str) -> str:
    if media.url:
        return f"{word}{media.url}"
    if media.data:
        return f" ({len(media.data) * 3 // 4} bytes)"
    return ""
