"""Media in text: data URIs, base64 in every alphabet, and what the bytes really are."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from .chat import MediaKind
from .errors import BadRequest

_ANY_ALPHABET = bytes.maketrans(b"-_", b"+/")
_SPACE = b" \t\r\n\f\v"
_JPEG_HEADER = 96 * 1024  # characters of base64: an EXIF block of 64 KiB may stand before the size
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"PK\x03\x04", "application/zip"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_FTYP = {b"avif": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif", b"M4A ": "audio/mp4"}
_SPELLED = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png", "audio/x-wav": "audio/wav"}
_SAYS_NOTHING = {"", "image/*", "audio/*", "video/*", "application/octet-stream", "binary/octet-stream"}
_SVG = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<svg", re.DOTALL)


class Blob(NamedTuple):
    """`data` is standard base64 with padding."""

    mime: str
    data: str


def from_data_uri(uri: str, param: str) -> Blob:
    """A `data:` URI (RFC 2397), tolerant: upper-case or missing type (sniffed), `;charset=`, white space and URL-safe
    letters in the
    base64, percent-encoded text. Raises BadRequest naming `param`."""
    head, comma, payload = uri.partition(",")
    head = head.strip()
    if not comma or head[:5].lower() != "data:":
        raise BadRequest(f"'{param}' is not a data URI: write data:<type>;base64,<data>.", param=param)
    mime, *attributes = [part.strip().lower() for part in head[5:].split(";")]
    if "base64" not in attributes:
        return _blob(mime or "text/plain", base64.b64encode(unquote_to_bytes(payload)).decode(), param)
    return _blob(mime, standard_base64(unquote(payload) if "%" in payload else payload, param), param)


def _blob(mime: str, data: str, param: str) -> Blob:
    if not data:
        raise BadRequest(f"'{param}' holds no data.", param=param)
    mime = _SPELLED.get(mime, mime)
    shown = sniff(data)
    # clients often call every picture image/jpeg; some targets check the label against the bytes and refuse
    if mime in _SAYS_NOTHING or (mime.startswith("image/") and shown.startswith("image/")):
        mime = shown or mime or "application/octet-stream"
    return Blob(mime, data)


def standard_base64(text: str, param: str) -> str:
    """The same bytes in the standard alphabet with padding, no white space. Raises BadRequest naming `param`."""
    try:
        letters = text.encode("ascii").translate(_ANY_ALPHABET, _SPACE).rstrip(b"=")
        padded = letters + b"=" * (-len(letters) % 4)
        binascii.a2b_base64(padded, strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        raise BadRequest(f"'{param}' is not valid base64.", param=param) from None
    if not letters:
        raise BadRequest(f"'{param}' holds no data.", param=param)
    return padded.decode("ascii")


def sniff(data: str) -> str:
    """The MIME type that the first bytes of this base64 show; empty where they show none."""
    head = _head(data, 512)
    for magic, mime in _MAGIC:
        if head.startswith(magic):
            return mime
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _FTYP.get(head[8:12], "video/quicktime" if head[8:12] == b"qt  " else "video/mp4")
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:  # an MPEG frame without a tag in front
        return "audio/aac" if head[1] & 0xF6 == 0xF0 else "audio/mpeg"
    return "image/svg+xml" if _SVG.match(head) else ""


def image_size(data: str) -> tuple[int, int] | None:
    """Width and height as the image's header tells them; None where it does not."""
    head = _head(data, 64)
    if head.startswith(b"\xff\xd8"):
        return _jpeg_size(_head(data, _JPEG_HEADER))
    if head.startswith(b"\x89PNG") and len(head) >= 24:
        return struct.unpack(">II", head[16:24])
    if head.startswith(b"GIF8") and len(head) >= 10:
        return struct.unpack("<HH", head[6:10])
    if head[8:12] == b"WEBP" and len(head) >= 30:
        return _webp_size(head)
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    match head[12:16]:
        case b"VP8X":
            return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(head[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack("<HH", head[26:30])
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame; the others are tables
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        at += 1 if marker == 0xFF else 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None


def _head(data: str, letters: int) -> bytes:
    """The first bytes of some base64, as far as they can be read."""
    head = data[:letters]
    try:
        return binascii.a2b_base64(head[: len(head) // 4 * 4])
    except (ValueError, binascii.Error):
        return b""


def data_uri(mime: str, data: str) -> str:
    return f"data:{mime};base64,{data}"


def kind_of(mime: str) -> MediaKind:
    """image/* -> image, audio/* -> audio, video/* -> video, everything else is a document."""
    match mime.strip().partition("/")[0].lower():
        case "image":
            return "image"
        case "audio":
            return "audio"
        case "video":
            return "video"
        case _:
            return "document"
