"""Transcripts asked of an upstream that speaks OpenAI's format, in a form whose file stays where it lies."""

from __future__ import annotations

from typing import Any

import msgspec

from pisces_proxy.chat import Loss
from pisces_proxy.errors import TooLarge, Unsupported
from pisces_proxy.forms import Form, FormPart
from pisces_proxy.media import Asset, Transcript, Transcription
from pisces_proxy.plans import Ask, Plan, leaving
from pisces_proxy.plugin import Profile

from . import transcripts_answer
from .images_upstream import file_part
from .transcripts_request import FAMILY

_encode = msgspec.json.Encoder().encode
_TIMED = ("srt", "vtt", "verbose_json", "diarized_json")


def plan(request: Transcription, model: str, profile: Profile) -> Plan[Transcript]:
    fits(_size(request.file), profile)
    losses: list[Loss] = []
    form = _form(request, model, profile, losses)
    yield from leaving(losses)
    got = yield Ask(path=path_of(request.translate, profile), body=form)
    heard = transcripts_answer.decode(got.body)
    seconds = request.seconds if heard.seconds is None else heard.seconds
    return msgspec.structs.replace(heard, seconds=seconds)


def path_of(translate: bool, profile: Profile) -> str:
    if translate and not profile.translations:
        raise Unsupported("This model does not translate. Use /v1/audio/transcriptions.", param="model")
    return "/translations" if translate else "/transcriptions"


def fits(size: int, profile: Profile) -> None:
    if profile.upload_max is not None and size > profile.upload_max:
        most = profile.upload_max // (1024 * 1024)
        said = f"'file' has {size / 1024 / 1024:.1f} MB; this model takes at most {most} MB. Compress or split it."
        raise TooLarge(said, param="file")


def _size(asset: Asset) -> int:
    return asset.file.size if asset.file is not None else len(asset.data)


def _form(request: Transcription, model: str, profile: Profile, losses: list[Loss]) -> Form:
    fields: list[tuple[str, str]] = [("model", model)]
    fields += _how(request, profile)
    named = {"language": request.language, "prompt": request.prompt, "temperature": request.temperature}
    fields += [(name, _text(value)) for name, value in named.items() if value not in ("", None)]
    fields += [("include[]", each) for each in request.include]
    for name, value in request.extra.get(FAMILY, {}).items():
        fields += [(f"{name}[]", each) for each in value] if isinstance(value, tuple | list) else [(name, _text(value))]
    fields += [(name, _text(value)) for name, value in profile.defaults.items()]
    kept = []
    for name, value in fields:
        if name.removesuffix("[]") in profile.drop:
            losses.append(Loss(field=name.removesuffix("[]"), action="dropped", reason="the model does not take it"))
        else:
            kept.append(FormPart(name=profile.rename.get(name, name), value=value))
    return Form((*kept, file_part("file", request.file, "audio")))


def _how(request: Transcription, profile: Profile) -> list[tuple[str, str]]:
    """The response format to ask for: always one in JSON, with times where the client's format has some."""
    known = profile.transcript_formats
    wanted = request.format
    if wanted not in _TIMED and not request.granularities:
        return [("response_format", "json")] if known is None or len(known) > 1 else []
    if wanted == "diarized_json":
        return _speakers(profile)
    if known is not None and profile.transcript_timed == "verbose_json" and "verbose_json" not in known:
        raise _untimed(wanted, known)
    match profile.transcript_timed:
        case "none":
            raise _untimed(wanted, known or ("json", "text"))
        case "granularities":  # Mistral
            return [("timestamp_granularities", each) for each in request.granularities or ("segment",)]
        case "diarized_json":
            return [("response_format", "diarized_json"), ("chunking_strategy", "auto")]
        case _:
            grains = request.granularities or ("segment",)
            return [("response_format", "verbose_json"), *(("timestamp_granularities[]", each) for each in grains)]


def _speakers(profile: Profile) -> list[tuple[str, str]]:
    if profile.transcript_timed == "granularities":
        return [("diarize", "true"), ("timestamp_granularities", "segment")]
    known = profile.transcript_formats
    if known is not None and "diarized_json" not in known:
        raise _untimed("diarized_json", known)
    return [("response_format", "diarized_json")]


def _untimed(wanted: str, known: tuple[str, ...]) -> Unsupported:
    said = f"This model cannot answer with {wanted}. Use one of: {', '.join(known)}."
    return Unsupported(said, param="response_format", code="unsupported_value")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _encode(value).decode()
