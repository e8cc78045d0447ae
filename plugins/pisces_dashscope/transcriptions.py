"""The wire `dashscope.transcriptions`: Qwen's, Fun's and Paraformer's ears (wire.md F6).

Qwen3-ASR-Flash hears a file at once, by URL or as it was uploaded; all others fetch it by URL and work in the background.
https://www.alibabacloud.com/help/en/model-studio/qwen-asr-api-reference
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pisces_proxy.answers import read, unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import PiscesError, TooLarge, Unsupported
from pisces_proxy.inputs import link, own_members
from pisces_proxy.media import Asset, Transcript, Transcription
from pisces_proxy.plans import Ask, Plan, leaving
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import Measures
from pisces_proxy.usage import Usage

from .dialect import MULTIMODAL, DashScopeWire, encode
from .transcript_jobs import heard_later

_KNOWN = frozenset({"enable_itn", "vocabulary_id", "disfluency_removal_enabled", "speaker_count", "special_word_filter"})
_TIMED = ("srt", "vtt", "verbose_json", "diarized_json")
_AT_ONCE = ("qwen3-asr-flash", "qwen-audio-asr")
_LARGEST = 10 * 1024 * 1024 * 3 // 4  # ten megabytes of base64


class _Text(msgspec.Struct):
    text: str = ""


class _Note(msgspec.Struct):
    language: str = ""


class _Message(msgspec.Struct):
    content: list[_Text] = []
    annotations: list[_Note] | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Output(msgspec.Struct):
    choices: list[_Choice] | None = None


class _Counts(msgspec.Struct):
    seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class _Answer(msgspec.Struct):
    output: _Output
    usage: _Counts | None = None


_answer = msgspec.json.Decoder(_Answer)


class Transcriptions(DashScopeWire):
    name: ClassVar[str] = "dashscope.transcriptions"
    kind: ClassVar[str] = "transcription"
    takes_urls: ClassVar[bool] = True

    def plan(self, request: Transcription, model: str, profile: Profile) -> Plan[Transcript]:
        if request.translate:
            raise Unsupported("This model does not translate. Use /v1/audio/transcriptions.", param="model")
        own, losses = own_members(request.extra, _KNOWN)
        hear = _heard_at_once if _hears_at_once(model) else heard_later
        yield from leaving((*losses, *_left_away(request)))
        return (yield from hear(request, model, own))


def _hears_at_once(model: str) -> bool:
    bare = model.lower().rpartition("/")[2]
    return bare.startswith(_AT_ONCE) and "filetrans" not in bare


def _left_away(request: Transcription) -> tuple[Loss, ...]:
    lost = [name for name in ("temperature", "include") if getattr(request, name) not in (None, (), 0.0)]
    return tuple(Loss(field=name, action="dropped", reason="the model does not take it") for name in lost)


def _heard_at_once(request: Transcription, model: str, own: dict[str, Any]) -> Plan[Transcript]:
    if request.format in _TIMED or request.granularities:
        raise _untimed(request.format)
    content = [{"role": "user", "content": [{"audio": _sound(request.file)}]}]
    messages = [{"role": "system", "content": [{"text": request.prompt}]}, *content] if request.prompt else content
    options = {**own, **({"language": request.language} if request.language else {})}
    body = {"model": model, "input": {"messages": messages}, "parameters": {"asr_options": options}}
    got = yield Ask(path=MULTIMODAL, body=encode(body))
    answer = read(_answer, got.body, "transcript")
    if not answer.output.choices:
        raise unreadable(got.body, "transcript")
    return _transcript(answer.output.choices[0].message, answer.usage or _Counts(), request)


def _untimed(wanted: str) -> PiscesError:
    message = f"This model tells no times, so that {wanted} cannot be made. Use json or text, or qwen3-asr-flash-filetrans."
    return Unsupported(message, param="response_format", code="unsupported_value")


def _sound(asset: Asset) -> str:
    size = asset.file.size if asset.file is not None else len(asset.data)
    if size > _LARGEST:
        said = f"'file' has {size / 2**20:.1f} MB; this model takes at most 7.5 MB. Send its public https URL as `url` instead."
        raise TooLarge(said, param="file")
    return link(asset, "audio/wav")


def _transcript(message: _Message, counts: _Counts, request: Transcription) -> Transcript:
    seconds = counts.seconds if counts.seconds is not None else request.seconds
    usage = None
    if counts.input_tokens is not None:
        usage = Usage(input=counts.input_tokens, audio_input=counts.input_tokens, output=counts.output_tokens or 0)
    return Transcript(
        text="".join(each.text for each in message.content),
        language=next((note.language for note in message.annotations or () if note.language), request.language),
        seconds=seconds,
        usage=usage,
        measures=Measures(seconds=seconds or 0.0),
    )
