"""OpenAI's format for transcriptions and translations, for clients and upstreams (wire.md F6)."""

from __future__ import annotations

from typing import Any, ClassVar

from pisces_proxy import media
from pisces_proxy.errors import BadRequest
from pisces_proxy.forms import Form
from pisces_proxy.media import Transcript, Transcription
from pisces_proxy.mediawire import Counted, MediaEncoder, Told, Watcher
from pisces_proxy.plans import Ask, Got, Plan
from pisces_proxy.plugin import Operation, Profile, Reply
from pisces_proxy.pricing import NOTHING, Measures

from . import transcript_formats, transcripts_answer, transcripts_request, transcripts_upstream
from .manners import OpenAIMedia
from .media_fields import Fields, uploaded
from .media_passing import passed_through, upload_endpoint
from .rewriting import GATEWAYS_OWN
from .sound_length import seconds_of
from .transcript_formats import FORMATS
from .transcripts_stream import TranscriptEncoder, TranscriptWatcher

WIRE = transcripts_request.FAMILY
ENDPOINTS = (
    upload_endpoint("/v1/audio/transcriptions", "transcription", WIRE, "transcribe", "Write down what is said (OpenAI)."),
    upload_endpoint(
        "/v1/audio/translations", "transcription", WIRE, "translate", "Write down in English what is said (OpenAI)."
    ),
)


class OpenAITranscriptions(OpenAIMedia):
    name: ClassVar[str] = WIRE
    kind: ClassVar[str] = "transcription"

    def decode_request(self, operation: Operation) -> Transcription:
        return transcripts_request.decode(operation)

    def encode_response(self, result: media.Result, request: media.Request, reply: Reply) -> Told:
        assert isinstance(result, Transcript) and isinstance(request, Transcription)
        return transcript_formats.told(result, request, reply.extension)

    def encoder(self, request: media.Request, reply: Reply) -> MediaEncoder:
        assert isinstance(request, Transcription)
        return TranscriptEncoder(request, reply)

    def plan(self, request: Any, model: str, profile: Profile) -> Plan[Any]:
        return transcripts_upstream.plan(request, model, profile)

    # -- the same format on both sides

    def passes(self, operation: Operation, profile: Profile) -> bool:
        form = operation.upload
        try:
            return form is not None and _passes(operation, form, Fields.of(operation), profile)
        except BadRequest:
            return False  # reading the request says why

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Ask:
        form = operation.upload
        assert form is not None
        for part in form.files("file"):
            transcripts_upstream.fits(part.file.size if part.file is not None else 0, profile)
        kept = form.without(*GATEWAYS_OWN, *(("response_format",) if len(profile.transcript_formats or FORMATS) == 1 else ()))
        return Ask(
            path=transcripts_upstream.path_of(operation.form == "translate", profile), body=kept.replacing("model", model)
        )

    def counted(self, got: Got, operation: Operation, profile: Profile) -> Counted:
        seconds = _length(operation)
        if got.mime.endswith("json") or got.body[:1] == b"{":
            return transcripts_answer.count(got.body, seconds)
        return Counted(measures=Measures(seconds=seconds) if seconds else NOTHING)

    def relayed(self, got: Got, reply: Reply) -> Told:
        mime = got.headers.get("content-type", "application/json")
        if got.mime.endswith("json"):
            return Told(body=passed_through(got.body, reply), mime=mime)
        return Told(body=got.body, mime=mime)

    def watcher(self, operation: Operation, profile: Profile, reply: Reply) -> Watcher:
        return TranscriptWatcher(reply, _length(operation))


def _passes(operation: Operation, form: Form, fields: Fields, profile: Profile) -> bool:
    """Whether the form says the same to this upstream."""
    if not form.files("file") and not (profile.transcript_url and fields.get("url")):
        return False
    if operation.stream and not profile.transcript_stream:
        return False  # whisper-1 would answer with JSON
    if any(name in fields for name in profile.drop):
        return False
    wanted = fields.choice("response_format", FORMATS) or "json"
    if profile.transcript_timed == "granularities" and "timestamp_granularities" in fields:
        return False
    return profile.transcript_formats is None or wanted in profile.transcript_formats


def _length(operation: Operation) -> float | None:
    parts = operation.upload.files("file") if operation.upload is not None else ()
    return seconds_of(uploaded(parts[0], "file")) if parts else None
