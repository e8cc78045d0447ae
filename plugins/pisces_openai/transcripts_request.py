"""Requests to write down what was said, as OpenAI's clients send them (wire.md F6): forms, or JSON with a URL."""

from __future__ import annotations

import msgspec

from pisces_proxy.errors import BadRequest
from pisces_proxy.media import Asset, Transcription
from pisces_proxy.plugin import Operation

from .media_fields import Fields, linked, uploaded
from .sound_length import seconds_of
from .transcript_formats import FORMATS

FAMILY = "openai.transcriptions"
GRANULARITIES = ("word", "segment")
_WORDS = """model file url file_url language prompt response_format temperature timestamp_granularities include stream user
    extra_body"""
_KNOWN = frozenset(_WORDS.split())


def decode(operation: Operation) -> Transcription:
    fields = Fields.of(operation)
    file = _file(fields)
    extra = {name: value for name, value in fields.others(_KNOWN).items() if not name.endswith("[]")}
    for name in ("known_speaker_names", "known_speaker_references", "languages", "keywords"):
        if name in fields:
            extra[name] = fields.texts(name)
    return Transcription(
        model=operation.model,
        file=file,
        translate=operation.form == "translate",
        language=fields.text("language"),
        prompt=fields.text("prompt"),
        format=fields.choice("response_format", FORMATS) or "json",
        temperature=fields.number("temperature", 0, 1),
        granularities=granularities(fields),
        include=fields.texts("include", ("logprobs",)),
        stream=fields.flag("stream"),
        seconds=seconds_of(file),
        user=fields.text("user"),
        extra={FAMILY: extra} if extra else {},
    )


def granularities(fields: Fields) -> tuple[str, ...]:
    return fields.texts("timestamp_granularities", GRANULARITIES)


def _file(fields: Fields) -> Asset:
    part = fields.file("file")
    if part is not None:
        return _named(uploaded(part, "file"))
    for name in ("file", "url", "file_url"):
        if fields.get(name):
            return linked(fields.get(name), name)
    raise BadRequest(
        "'file' is required: send the sound as multipart/form-data, or a `url` as JSON.",
        param="file",
        code="missing_required_parameter",
    )


def _named(asset: Asset) -> Asset:
    """Upstreams know a sound by the ending of its name; what has no name gets one."""
    if asset.filename:
        return asset
    ending = {"audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/ogg": "ogg", "video/webm": "webm"}.get(asset.mime)
    return msgspec.structs.replace(asset, filename=f"audio.{ending or asset.mime.partition('/')[2] or 'wav'}")
