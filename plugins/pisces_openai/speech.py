"""OpenAI's speech format for clients and upstreams (wire.md F5): sound as it comes, or as events."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pisces_proxy import media, splice
from pisces_proxy.chat import Loss
from pisces_proxy.errors import BadRequest
from pisces_proxy.media import Sound, Speech
from pisces_proxy.mediawire import MediaEncoder, Told, Watcher
from pisces_proxy.plans import Ask, Plan, leaving
from pisces_proxy.plugin import Endpoint, Operation, Profile, Reply
from pisces_proxy.usage import Usage

from . import speech_sound
from .manners import OpenAIMedia
from .media_events import Event, EventWatcher
from .media_fields import Fields
from .media_passing import peek_speech
from .rewriting import rewritten
from .speech_stream import SpeechEncoder

WIRE = "openai.speech"
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
LONGEST = 200_000  # characters; a model's own limit is in its profile
ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/v1/audio/speech",
        kind="speech",
        wire=WIRE,
        peek=peek_speech,
        streaming=True,
        description="Speak a text (OpenAI).",
    ),
)
_KNOWN = frozenset(("model", "input", "voice", "instructions", "response_format", "speed", "stream_format", "language", "user"))
_encode = msgspec.json.Encoder().encode


class OpenAISpeech(OpenAIMedia):
    name: ClassVar[str] = WIRE
    kind: ClassVar[str] = "speech"

    def decode_request(self, operation: Operation) -> Speech:
        fields = Fields.of(operation)
        extra = fields.others(_KNOWN)
        voice = fields.get("voice")
        if isinstance(voice, dict):  # a voice of the client's own
            extra["voice"] = voice
        return Speech(
            model=operation.model,
            text=fields.required("input", longest=LONGEST),
            voice=_voice(voice),
            instructions=fields.text("instructions"),
            format=fields.choice("response_format", FORMATS),
            speed=fields.number("speed", 0.25, 4.0),
            language=fields.text("language"),
            stream=fields.choice("stream_format", ("audio", "sse")) == "sse",
            user=fields.text("user"),
            extra={WIRE: extra} if extra else {},
        )

    def encode_response(self, result: media.Result, request: media.Request, reply: Reply) -> Told:
        assert isinstance(result, Sound) and isinstance(request, Speech)
        asset = speech_sound.as_format(result.audio, request.format)
        return Told(body=asset.content(), mime=asset.mime)

    def encoder(self, request: media.Request, reply: Reply) -> MediaEncoder:
        assert isinstance(request, Speech)
        return SpeechEncoder(request, reply)

    def plan(self, request: Any, model: str, profile: Profile) -> Plan[Any]:
        assert isinstance(request, Speech)
        spoken_length(request.text, profile)
        asked = speech_sound.format_for(request.format, profile)
        members, losses = _members(request, model, asked, profile)
        yield from leaving(losses)
        got = yield Ask(body=_encode(members))
        audio = speech_sound.read(got, asked or (profile.speech_formats or FORMATS)[0])
        return Sound(audio=speech_sound.as_format(audio, request.format))

    # -- the same format on both sides

    def passes(self, operation: Operation, profile: Profile) -> bool:
        try:
            wanted = self.decode_request(operation).format
            fields = Fields.of(operation)
        except BadRequest:
            return False  # reading the request says why
        if profile.speech_json or any(name in fields for name in profile.drop):
            return False
        known = profile.speech_formats is None or not wanted or wanted in profile.speech_formats
        return known and (profile.speech_stream or not operation.stream)

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Ask:
        spoken_length(Fields.of(operation).text("input"), profile)
        return Ask(body=rewritten(splice.members(operation.body), model, profile))

    def streams(self, operation: Operation) -> bool:
        return True

    def watcher(self, operation: Operation, profile: Profile, reply: Reply) -> Watcher:
        return SpeechWatcher(reply) if operation.stream else speech_sound.SoundWatcher()


def spoken_length(text: str, profile: Profile) -> None:
    if profile.text_max is not None and len(text) > profile.text_max:
        said = f"'input' has {len(text)} characters; this model speaks at most {profile.text_max}. Send it in parts."
        raise BadRequest(said, param="input", code="string_above_max_length")


def _voice(voice: Any) -> str:
    match voice:
        case None:
            return ""
        case str() | {"id": str()}:
            return voice if isinstance(voice, str) else str(voice["id"])
        case _:
            raise BadRequest("'voice' must be a name or {\"id\": ...}.", param="voice", code="invalid_type")


def _members(request: Speech, model: str, asked: str, profile: Profile) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    members: dict[str, Any] = {"model": model, "input": request.text}
    named = {"voice": request.voice, "instructions": request.instructions, "response_format": asked, "speed": request.speed}
    members |= {name: value for name, value in named.items() if value not in ("", None)}
    members |= request.extra.get(WIRE, {})
    dropped = [name for name in profile.drop if members.pop(name, None) is not None]
    losses = [Loss(field=name, action="dropped", reason="the model does not take it") for name in dropped]
    if request.language:
        losses.append(Loss(field="language", action="dropped", reason="the model hears it from the text"))
    renamed = {profile.rename.get(name, name): value for name, value in members.items()}
    return {**{name: value for name, value in profile.defaults.items() if name not in renamed}, **renamed}, tuple(losses)


class _Counts(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0


_counts = msgspec.json.Decoder(_Counts | None)


class SpeechWatcher(EventWatcher):
    def see(self, event: Event) -> None:
        if event.type == "speech.audio.done":
            self.done, self.usage = True, _usage(event.usage)


def _usage(told: msgspec.Raw) -> Usage | None:
    try:
        counts = _counts.decode(told)
    except msgspec.MsgspecError:
        return None
    return Usage(input=counts.input_tokens, output=counts.output_tokens, audio_output=counts.output_tokens) if counts else None
