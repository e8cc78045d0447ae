"""What was heard, as JSON, text and subtitles (wire.md F6)."""

from __future__ import annotations

from typing import Any

import msgspec

from pisces_proxy.media import Segment, Transcript, Transcription
from pisces_proxy.mediawire import Told
from pisces_proxy.pricing import NOTHING
from pisces_proxy.usage import Usage

SEGMENT = "transcript.text.segment"
FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
PLAIN = ("text", "srt", "vtt")
_TEXT = "text/plain; charset=utf-8"
_encode = msgspec.json.Encoder().encode


def told(result: Transcript, request: Transcription, extension: bytes) -> Told:
    match request.format:
        case "text":
            return Told(body=result.text.strip().encode() + b"\n", mime=_TEXT)
        case "srt":
            return Told(body=srt(result).encode(), mime=_TEXT)
        case "vtt":
            return Told(body=vtt(result).encode(), mime=_TEXT)
        case "verbose_json":
            members = _verbose(result, request)
        case "diarized_json":
            members = _diarized(result)
        case _:
            members = {"text": result.text}
            if result.logprobs is not None:
                members["logprobs"] = result.logprobs
    if usage := usage_told(result):
        members["usage"] = usage
    if extension:
        members["pisces"] = msgspec.Raw(extension)
    return Told(body=_encode(members))


def usage_told(result: Transcript) -> dict[str, Any] | None:
    if result.usage is not None:
        return _tokens(result.usage)
    seconds = result.measures.seconds if result.measures != NOTHING else result.seconds
    return {"type": "duration", "seconds": seconds} if seconds else None


def _tokens(usage: Usage) -> dict[str, Any]:
    heard = usage.audio_input
    return {
        "type": "tokens",
        "input_tokens": usage.input,
        "input_token_details": {"text_tokens": max(0, usage.input - heard), "audio_tokens": heard},
        "output_tokens": usage.output,
        "total_tokens": usage.total,
    }


# -- JSON with times -----------------------------------------------------------------------------------------------------


def _verbose(result: Transcript, request: Transcription) -> dict[str, Any]:
    segments = timed(result)
    members: dict[str, Any] = {
        "task": "translate" if request.translate else "transcribe",
        "language": result.language or ("english" if request.translate else request.language),
        "duration": length_of(result),
        "text": result.text,
    }
    if "segment" in request.granularities or not request.granularities:
        members["segments"] = [_segment(at, segment, request) for at, segment in enumerate(segments)]
    if result.words:
        members["words"] = [{"word": word.word, "start": word.start, "end": word.end} for word in result.words]
    return members


def _segment(at: int, segment: Segment, request: Transcription) -> dict[str, Any]:
    """All members that the SDKs' types have, whatever the upstream said of them."""
    unsaid = {
        "id": at,
        "seek": 0,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": [],
        "temperature": request.temperature or 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 0.0,
        "no_speech_prob": 0.0,
    }
    return unsaid | {name: value for name, value in segment.more.items() if name in unsaid and value is not None}


def _diarized(result: Transcript) -> dict[str, Any]:
    segments = [{"type": SEGMENT, **turn} for turn in turns(result)]
    return {"task": "transcribe", "duration": length_of(result), "text": result.text, "segments": segments}


def turns(result: Transcript) -> list[dict[str, Any]]:
    """Who says what, and when."""
    return [
        {
            "id": f"seg_{at}",
            "start": segment.start,
            "end": segment.end,
            "text": segment.text,
            "speaker": segment.speaker or "A",
        }
        for at, segment in enumerate(timed(result))
    ]


def length_of(result: Transcript) -> float:
    return result.seconds or result.measures.seconds or max((segment.end for segment in result.segments), default=0.0)


def timed(result: Transcript) -> tuple[Segment, ...]:
    """The segments; all of the text as one where the upstream gave none."""
    if result.segments or not result.text.strip():
        return result.segments
    return (Segment(start=0.0, end=length_of(result), text=result.text),)


# -- subtitles -----------------------------------------------------------------------------------------------------------


def srt(result: Transcript) -> str:
    cues = (
        f"{number}\n{_time(segment.start, ',')} --> {_time(segment.end, ',')}\n{_line(segment)}\n\n"
        for number, segment in enumerate(timed(result), 1)
    )
    return "".join(cues)


def vtt(result: Transcript) -> str:
    cues = (
        f"{_time(segment.start, '.')} --> {_time(segment.end, '.')}\n{_escaped(_line(segment))}\n\n"
        for segment in timed(result)
    )
    return "WEBVTT\n\n" + "".join(cues)


def _line(segment: Segment) -> str:
    """One cue's text: an empty line or an arrow within would end it."""
    text = " ".join(segment.text.split()).replace("-->", "->")
    return f"{segment.speaker}: {text}" if segment.speaker else text


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _time(seconds: float, mark: str) -> str:
    milliseconds = max(0, round(seconds * 1000))
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}{mark}{milliseconds % 1000:03}"
