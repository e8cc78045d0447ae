"""Sound that DashScope hears in the background: handed over by URL, waited for, its transcript fetched."""

from __future__ import annotations

from typing import Any

import msgspec

from pisces_proxy.answers import read, unreadable
from pisces_proxy.errors import PiscesError, Unsupported, UpstreamBroken, UpstreamError, UpstreamTimeout
from pisces_proxy.media import Segment, Transcript, Transcription, Word
from pisces_proxy.plans import Plan, Wait
from pisces_proxy.pricing import Measures
from pisces_proxy.refusals import Complaint, understand

from .dialect import collected
from .jobs import Output, handed_over, looking, seen, status, task_id

_PATH = "/services/audio/asr/transcription"
_PATIENCE = 5  # polls in a row that may fail


class _Word(msgspec.Struct):
    begin_time: int = 0
    end_time: int = 0
    text: str = ""
    punctuation: str | None = None


class _Sentence(msgspec.Struct):
    """Times in milliseconds."""

    begin_time: int = 0
    end_time: int = 0
    text: str = ""
    speaker_id: int | str | None = None
    language: str = ""
    words: list[_Word] | None = None


class _Track(msgspec.Struct):
    text: str = ""
    sentences: list[_Sentence] | None = None


class _File(msgspec.Struct):
    transcripts: list[_Track]


class _Part(msgspec.Struct):
    transcription_url: str = ""
    code: str = ""
    message: str = ""


class _Counts(msgspec.Struct):
    duration: float | None = None
    seconds: float | None = None


_file = msgspec.json.Decoder(_File)
_counts = msgspec.json.Decoder(_Counts | None)


def heard_later(request: Transcription, model: str, own: dict[str, Any]) -> Plan[Transcript]:
    """Behind the submission every error of the upstream's is final: the work may be paid for."""
    got = yield handed_over(_PATH, _body(request, model, own))
    id = task_id(got)
    try:
        return (yield from _heard(id, request))
    except UpstreamError as error:
        error.final = True
        raise
    except msgspec.MsgspecError:
        broken = UpstreamBroken("The upstream's transcript cannot be read.")
        broken.final = True
        raise broken from None


def _heard(id: str, request: Transcription) -> Plan[Transcript]:
    output, usage = yield from _watched(id)
    file = yield from collected(_place(output))
    counts = _counts.decode(usage) or _Counts()
    return _transcript(read(_file, file.body, "transcript"), counts, request)


def _body(request: Transcription, model: str, own: dict[str, Any]) -> dict[str, Any]:
    if not request.file.url:
        raise Unsupported(
            "This model fetches sound itself and takes no uploads. Send its public https URL as `url`, or use qwen3-asr-flash.",
            param="file",
            code="unsupported_value",
        )
    qwen = "qwen" in model.lower()
    parameters = {"channel_id": [0], **own}
    if request.language:
        parameters |= {"language": request.language} if qwen else {"language_hints": [request.language]}
    if "word" in request.granularities and qwen:
        parameters["enable_words"] = True
    if request.format == "diarized_json":
        parameters["diarization_enabled"] = True
    place = {"file_url": request.file.url} if qwen else {"file_urls": [request.file.url]}
    return {"model": model, "input": place, "parameters": parameters}


def _watched(id: str) -> Plan[tuple[Output, bytes]]:
    polls = failures = 0
    while polls < 400:
        yield Wait(min(1.0 * 1.5**polls, 10.0))
        polls += 1
        try:
            got = yield looking(id)
            output, usage = seen(got)
        except UpstreamError:
            failures += 1
            if failures >= _PATIENCE:
                raise
            continue
        failures = 0
        match status(output):
            case "completed":
                return output, usage
            case "failed" | "cancelled" | "expired":
                raise _refusal(output.code, output.message)
    raise UpstreamTimeout("The upstream did not finish the transcript in time.")


def _place(output: Output) -> str:
    """Where the transcript lies; of a file that could not be heard, why."""
    given = [output.result] if isinstance(output.result, dict) else output.results or []
    part = next(iter(msgspec.convert(given, list[_Part])), _Part())
    if part.transcription_url:
        return part.transcription_url
    raise _refusal(part.code, part.message)


def _refusal(code: str, message: str) -> PiscesError:
    if not code and not message:
        return unreadable(b"", "transcript")
    return understand(200, {}, Complaint(message or code, code=code))


def _transcript(file: _File, counts: _Counts, request: Transcription) -> Transcript:
    sentences = [each for track in file.transcripts for each in track.sentences or ()]
    seconds = counts.duration or counts.seconds or max((each.end_time for each in sentences), default=0) / 1000
    words = [
        Word(start=word.begin_time / 1000, end=word.end_time / 1000, word=word.text.strip() + (word.punctuation or ""))
        for each in sentences
        for word in each.words or ()
    ]
    return Transcript(
        text="\n".join(track.text for track in file.transcripts),
        language=next((each.language for each in sentences if each.language), request.language),
        seconds=seconds,
        segments=tuple(map(_segment, sentences)),
        words=tuple(words) if "word" in request.granularities else (),
        measures=Measures(seconds=seconds),
    )


def _segment(sentence: _Sentence) -> Segment:
    speaker = "" if sentence.speaker_id is None else str(sentence.speaker_id)
    return Segment(start=sentence.begin_time / 1000, end=sentence.end_time / 1000, text=sentence.text, speaker=speaker)
