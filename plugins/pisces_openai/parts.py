"""Media in OpenAI's content parts, as both of its wires write them: URLs, data URIs and bare base64."""

from __future__ import annotations

import base64

from pisces_proxy import blobs
from pisces_proxy.chat import Cache, Media, MediaKind
from pisces_proxy.errors import BadRequest, Unsupported

_AUDIO_MIME = {"mp3": "audio/mpeg", "pcm16": "audio/pcm", "m4a": "audio/mp4"}
_AUDIO_FORMAT = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav"}
_EXTENSION = {
    "application/pdf": "pdf",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/csv": "csv",
    "text/html": "html",
    "application/json": "json",
}


def media_at(
    url: str, kind: MediaKind, param: str, *, detail: str = "", filename: str = "", cache: Cache | None = None
) -> Media:
    """The media behind an https URL or inside a data URI. Raises BadRequest naming `param`."""
    if url[:5].lower() == "data:":
        blob = blobs.from_data_uri(url, param)
        return Media(kind=kind, data=blob.data, mime=blob.mime, detail=detail, filename=filename, cache=cache)
    if url[:8].lower().startswith(("http://", "https://")):
        return Media(kind=kind, url=url, detail=detail, filename=filename, cache=cache)
    if "://" in url[:16]:  # a vendor's own store (`ms://`, `oss://`, `gs://`): that vendor may know it
        return Media(kind=kind, file_id=url, detail=detail, filename=filename, cache=cache)
    if len(url) > 64 and (mime := blobs.sniff(url)):  # bare base64, as some clients and Perplexity's file_url have it
        data = blobs.standard_base64(url, param)
        return Media(kind=kind, data=data, mime=mime, detail=detail, filename=filename, cache=cache)
    raise BadRequest(f"`{param}` is neither an http(s) URL nor a data URI.", param=param, code="invalid_value")


def file_in(file_data: str, file_id: str, filename: str, param: str, *, cache: Cache | None = None) -> Media:
    """A `file` part: inline data (data URI or bare base64; OpenRouter puts URLs there too) or the id of an uploaded file."""
    if file_data[:5].lower() == "data:" or file_data[:8].lower().startswith(("http://", "https://")):
        media = media_at(file_data, "document", f"{param}.file_data", filename=filename, cache=cache)
        return media if media.url else _typed(media)
    if file_data:
        data = blobs.standard_base64(file_data, f"{param}.file_data")
        return _typed(Media(kind="document", data=data, mime=blobs.sniff(data), filename=filename, cache=cache))
    if file_id:
        return Media(kind="document", file_id=file_id, filename=filename, cache=cache)
    raise BadRequest(f"`{param}` has neither `file_data` nor `file_id`.", param=param, code="missing_required_parameter")


def _typed(media: Media) -> Media:
    """The same under its own kind: an image may come as a file."""
    mime = media.mime or "application/pdf"
    return Media(
        kind=blobs.kind_of(mime), data=media.data, mime=mime, filename=media.filename, detail=media.detail, cache=media.cache
    )


def audio_in(data: str, format: str, param: str) -> Media:
    """An `input_audio` part: base64, or a data URI as DashScope wants it, or a URL."""
    if ":" in data[:8]:
        return media_at(data, "audio", f"{param}.data")
    mime = _AUDIO_MIME.get(format, f"audio/{format or 'wav'}")
    return Media(kind="audio", data=blobs.standard_base64(data, f"{param}.data"), mime=mime)


def audio_format(media: Media) -> str:
    """`wav` or `mp3`; raises Unsupported for anything else."""
    found = _AUDIO_FORMAT.get(media.mime.partition(";")[0].strip().lower())
    if found is None:
        message = f"This model takes audio as wav or mp3 only, not {media.mime or 'an unknown format'}."
        raise Unsupported(message, param="messages")
    return found


def location(media: Media) -> str:
    """Where an `image_url` or `video_url` points: the URL itself, or a data URI."""
    if media.data:
        return blobs.data_uri(media.mime or blobs.sniff(media.data) or "application/octet-stream", media.data)
    return media.url


def filename_of(media: Media) -> str:
    """A name for a file that may have none: OpenAI refuses `file_data` without one (H99)."""
    return media.filename or media.title or "file." + _EXTENSION.get(media.mime, "pdf")


def plain_text(media: Media) -> str | None:
    """The text of a text document, None for other documents."""
    if media.text:
        return media.text
    if not media.data or not media.mime.startswith("text/"):
        return None
    return base64.b64decode(media.data).decode("utf-8", "replace")


def fenced(media: Media, text: str) -> str:
    """A text document as text for a target without documents."""
    name = media.title or media.filename or "document"
    return f'<document name="{name}">\n{text}\n</document>'
