"""What was said: asked of upstreams that differ, told in every format, as events, and passed through."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from pisces_compatible import PROVIDERS
from pisces_openai.provider import OpenAI
from pisces_openai.transcripts import ENDPOINTS, OpenAITranscriptions

from pisces_proxy import sse
from pisces_proxy.errors import PiscesError, TooLarge, Unsupported, UpstreamBroken, UpstreamRateLimited
from pisces_proxy.forms import File, Form
from pisces_proxy.media import Asset, Segment, Transcript, Transcription, Word
from pisces_proxy.plugin import Profile, Provider
from pisces_proxy.pricing import Measures
from pisces_proxy.testing import got, run_plan
from pisces_proxy.usage import Usage

from . import media_samples as samples

WIRE = OpenAITranscriptions()
TRANSCRIBE, TRANSLATE = ENDPOINTS
VENDORS: dict[str, Provider] = {row.name: row for row in (*PROVIDERS, OpenAI())}
SOUND = Asset(data=samples.sound(2), mime="audio/wav", filename="a.wav")
SEGMENTS = (Segment(start=0.0, end=1.25, text=" Hello <there>."), Segment(start=3661.5, end=3662.0, text=" Bye --> now."))
HEARD = Transcript(text=" Hello <there>. Bye --> now.", language="english", seconds=3662.0, segments=SEGMENTS)
VERBOSE = {
    "task": "transcribe",
    "language": "english",
    "duration": 2.0,
    "text": "Hi.",
    "segments": [{"id": 0, "start": 0, "end": 2, "text": "Hi.", "avg_logprob": -0.2}],
}


def profile(vendor: str, model: str) -> Profile:
    return VENDORS[vendor].profile(WIRE.name, model, {})


def played(vendor: str, model: str, answer: Any = VERBOSE, **members: Any) -> Any:
    request = Transcription(file=SOUND, seconds=2.0, **members)
    return run_plan(WIRE.plan(request, model, profile(vendor, model)), [answer], wire=WIRE)


def sent(run: Any) -> dict[str, Any]:
    form = run.asks[0].body
    assert isinstance(form, Form)
    return {part.name: part.value for part in form.parts if part.file is None}


@pytest.mark.parametrize(
    ("vendor", "model", "members", "fields"),
    [
        ("openai", "whisper-1", {"format": "text", "language": "en"}, {"response_format": "json", "language": "en"}),
        ("openai", "whisper-1", {"format": "srt"}, {"response_format": "verbose_json", "timestamp_granularities[]": "segment"}),
        ("openai", "gpt-4o-transcribe", {"stream": True, "include": ("logprobs",)}, {"response_format": "json", "include[]": "logprobs"}),
        ("openai", "gpt-4o-transcribe-diarize", {"format": "vtt"}, {"response_format": "diarized_json", "chunking_strategy": "auto"}),
        ("groq", "whisper-large-v3", {"format": "vtt", "temperature": 0.5}, {"response_format": "verbose_json", "timestamp_granularities[]": "segment", "temperature": "0.5"}),
        ("mistral", "voxtral-mini-latest", {"format": "srt"}, {"timestamp_granularities": "segment"}),
        ("mistral", "voxtral-mini-latest", {"format": "diarized_json"}, {"diarize": "true", "timestamp_granularities": "segment"}),
        ("mistral", "voxtral-mini-latest", {}, {}),
        ("siliconflow", "FunAudioLLM/SenseVoiceSmall", {"format": "text"}, {}),
        ("compatible", "parakeet", {"format": "srt", "granularities": ("word",)}, {"response_format": "verbose_json", "timestamp_granularities[]": "word"}),
    ],
)  # fmt: skip
def test_an_upstream_is_asked_for_what_can_be_told_on(
    vendor: str, model: str, members: dict[str, Any], fields: dict[str, Any]
) -> None:
    run = played(vendor, model, **members)
    assert run.asks[0].path == "/transcriptions"
    assert sent(run) == {"model": model, **fields}
    (file,) = run.asks[0].body.files("file")
    assert (file.filename, file.mime, file.file.read()) == ("a.wav", "audio/wav", SOUND.data)


@pytest.mark.parametrize(
    ("vendor", "model", "members", "param"),
    [
        ("openai", "gpt-4o-transcribe", {"format": "srt"}, "response_format"),
        ("openai", "whisper-1", {"format": "diarized_json"}, "response_format"),
        ("openrouter", "openai/whisper-1", {"format": "vtt"}, "response_format"),
        ("mistral", "voxtral-mini-latest", {"translate": True}, "model"),
        ("siliconflow", "SenseVoice", {"granularities": ("word",)}, "response_format"),
    ],
)
def test_what_a_model_cannot_do_is_refused_by_name(vendor: str, model: str, members: dict[str, Any], param: str) -> None:
    with pytest.raises(Unsupported) as refused:
        played(vendor, model, **members)
    assert refused.value.param == param


def test_what_an_upstream_does_not_take_is_listed_as_lost() -> None:
    assert [loss.field for loss in played("mistral", "voxtral", prompt="names").result.losses] == ["prompt"]


def test_a_translation_goes_to_the_other_path() -> None:
    assert played("groq", "whisper-large-v3", translate=True).asks[0].path == "/translations"


@pytest.mark.parametrize(
    ("answer", "seconds", "tokens"),
    [
        (VERBOSE, 2.0, None),
        ({"text": "Hi.", "usage": {"type": "duration", "seconds": 3}}, 3, None),
        ({"text": "Hi.", "usage": {"type": "tokens", "input_tokens": 37, "output_tokens": 5, "input_token_details": {"text_tokens": 7, "audio_tokens": 30}}}, 2.0, (37, 30, 5)),
        ({"text": "Hi.", "usage": {"prompt_audio_seconds": 3, "prompt_tokens": 5, "completion_tokens": 11, "prompt_tokens_details": {"audio_tokens": 375}}}, 3, (5, 5, 11)),
        ({"text": "Hi.", "duration": "2.5"}, 2.5, None),
        ({"text": "Hi.", "usage": None, "language": None, "segments": None}, 2.0, None),
        ({"text": "Hi."}, 2.0, None),
    ],
    ids=range(7),
)  # fmt: skip
def test_length_and_tokens_are_read_however_they_are_counted(
    answer: Any, seconds: float, tokens: tuple[int, int, int] | None
) -> None:
    result = played("compatible", "m", answer).result
    assert result.seconds == seconds
    assert tokens == (result.usage and (result.usage.input, result.usage.audio_input, result.usage.output))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, UpstreamRateLimited),
        ({"model": "m"}, UpstreamBroken),
        (b"WEBVTT\n\n", UpstreamBroken),
    ],
)
def test_an_error_inside_a_good_answer_is_understood(answer: Any, kind: type[PiscesError]) -> None:
    with pytest.raises(kind):
        played("compatible", "m", answer)


class Huge(File):
    """A file that nobody may read."""

    size = 26 * 1024 * 1024

    def read(self) -> bytes:
        raise AssertionError("read into memory")

    chunks = open = read  # type: ignore[assignment]


@pytest.mark.parametrize("passed", [True, False])
def test_a_file_larger_than_the_upstream_takes_is_refused_unread(passed: bool) -> None:
    huge, rules = Huge(), profile("openai", "whisper-1")
    with pytest.raises(TooLarge, match="25 MB") as refused:
        if passed:
            part = samples.FormPart(name="file", file=huge, filename="a.wav")
            WIRE.rewrite(samples.uploaded(TRANSCRIBE, part), "whisper-1", rules)
        else:
            run_plan(WIRE.plan(Transcription(file=Asset(file=huge)), "whisper-1", rules))
    assert refused.value.param == "file" and refused.value.status == 413


# -- told to clients -----------------------------------------------------------------------------------------------------


def told(result: Transcript = HEARD, **members: Any) -> Any:
    return WIRE.encode_response(result, Transcription(file=SOUND, **members), samples.reply(b"{}"))


@pytest.mark.parametrize(
    ("wanted", "body"),
    [
        ("text", "Hello <there>. Bye --> now.\n"),
        ("srt", "1\n00:00:00,000 --> 00:00:01,250\nHello <there>.\n\n2\n01:01:01,500 --> 01:01:02,000\nBye -> now.\n\n"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nHello &lt;there>.\n\n01:01:01.500 --> 01:01:02.000\nBye -> now.\n\n"),
    ],
)
def test_plain_formats_are_plain_text(wanted: str, body: str) -> None:
    """H133, S2-61."""
    answer = told(format=wanted)
    assert answer.body.decode() == body and answer.mime == "text/plain; charset=utf-8"


def test_a_transcript_without_segments_is_one_cue() -> None:
    assert told(Transcript(text="Hi.", seconds=2.5), format="srt").body == b"1\n00:00:00,000 --> 00:00:02,500\nHi.\n\n"
    assert told(Transcript(text=""), format="vtt").body == b"WEBVTT\n\n"


def test_speakers_stand_in_the_subtitles() -> None:
    heard = Transcript(text="Hi.", segments=(Segment(start=0, end=1, text="Hi.", speaker="A"),))
    assert b"\nA: Hi.\n" in told(heard, format="srt").body


def test_json_holds_text_and_usage() -> None:
    usage = Usage(input=37, audio_input=30, output=5)
    assert msgspec.json.decode(told(Transcript(text="Hi.", usage=usage)).body) == {
        "text": "Hi.",
        "usage": {"type": "tokens", "input_tokens": 37, "input_token_details": {"text_tokens": 7, "audio_tokens": 30}, "output_tokens": 5, "total_tokens": 42},
        "pisces": {},
    }  # fmt: skip
    assert msgspec.json.decode(told(Transcript(text="Hi.", seconds=3.0)).body)["usage"] == {"type": "duration", "seconds": 3.0}


def test_verbose_json_has_every_member_that_the_sdks_know() -> None:
    more = {"avg_logprob": -0.2, "tokens": [1, 2], "id": 4, "strange": True, "seek": None}
    heard = Transcript(
        text="Hi.",
        seconds=1.0,
        segments=(Segment(start=0, end=1, text="Hi.", more=more),),
        words=(Word(start=0, end=1, word="Hi"),),
    )
    answer = msgspec.json.decode(told(heard, format="verbose_json", language="en", granularities=("word", "segment")).body)
    assert answer["segments"] == [
        {"id": 4, "seek": 0, "start": 0.0, "end": 1.0, "text": "Hi.", "tokens": [1, 2], "temperature": 0.0, "avg_logprob": -0.2, "compression_ratio": 0.0, "no_speech_prob": 0.0}
    ]  # fmt: skip
    assert (answer["task"], answer["language"], answer["duration"], answer["words"]) == (
        "transcribe",
        "en",
        1.0,
        [{"word": "Hi", "start": 0.0, "end": 1.0}],
    )


def test_diarized_json_names_the_speakers() -> None:
    heard = Transcript(text="Hi.", seconds=1.0, segments=(Segment(start=0, end=1, text="Hi.", speaker="speaker_1"),))
    answer = msgspec.json.decode(told(heard, format="diarized_json").body)
    assert answer["segments"] == [
        {"type": "transcript.text.segment", "id": "seg_0", "start": 0.0, "end": 1.0, "text": "Hi.", "speaker": "speaker_1"}
    ]


def events(data: bytes) -> list[Any]:
    return [frame.data if frame.data == b"[DONE]" else msgspec.json.decode(frame.data) for frame in sse.frames(data)]


@pytest.mark.parametrize(
    ("heard", "deltas"),
    [
        (HEARD, [" Hello <there>.", " Bye --> now."]),
        (Transcript(text="Hi."), ["Hi."]),
        (Transcript(text="Hi.", segments=SEGMENTS), ["Hi."]),
    ],
)
def test_a_stream_tells_the_text_once_and_then_whole(heard: Transcript, deltas: list[str]) -> None:
    *first, done, end = events(WIRE.encoder(Transcription(file=SOUND, stream=True), samples.reply()).result(heard))
    assert [each["delta"] for each in first] == deltas
    assert (done["type"], done["text"], end) == ("transcript.text.done", heard.text, b"[DONE]")


def test_a_diarized_stream_tells_segments() -> None:
    request = Transcription(file=SOUND, stream=True, format="diarized_json")
    first = events(WIRE.encoder(request, samples.reply()).result(HEARD))[0]
    assert (first["type"], first["speaker"], first["id"]) == ("transcript.text.segment", "A", "seg_0")


# -- the same format on both sides ---------------------------------------------------------------------------------------

FILE = samples.file("file", samples.sound(2), "a.wav", "audio/wav")


@pytest.mark.parametrize(
    ("vendor", "model", "fields", "passes"),
    [
        ("openai", "whisper-1", {"response_format": "srt"}, True),
        ("openai", "whisper-1", {"stream": "true"}, False),  # it would answer with JSON
        ("openai", "gpt-4o-transcribe", {"stream": "true"}, True),
        ("openai", "gpt-4o-transcribe", {"response_format": "verbose_json"}, False),
        ("groq", "whisper-large-v3", {"response_format": "srt"}, False),
        ("mistral", "voxtral", {"response_format": "json"}, True),
        ("mistral", "voxtral", {"prompt": "x"}, False),
        ("mistral", "voxtral", {"timestamp_granularities[]": "word"}, False),
        ("compatible", "m", {"response_format": "vtt", "future": "1"}, True),
    ],
)
def test_forms_pass_where_they_say_the_same(vendor: str, model: str, fields: dict[str, str], passes: bool) -> None:
    operation = samples.uploaded(TRANSCRIBE, FILE, *(samples.text(name, value) for name, value in fields.items()))
    assert WIRE.passes(operation, profile(vendor, model)) is passes


def test_groq_takes_a_url_in_the_files_place() -> None:
    operation = samples.uploaded(TRANSCRIBE, samples.text("url", "https://e.com/a.mp3"))
    assert WIRE.passes(operation, profile("groq", "whisper-large-v3"))
    assert not WIRE.passes(operation, profile("openai", "whisper-1"))


def test_a_form_that_passes_keeps_its_file_where_it_lies() -> None:
    operation = samples.uploaded(TRANSLATE, FILE, samples.text("api_key", "k"), samples.text("response_format", "json"))
    ask = WIRE.rewrite(operation, "whisper-large-v3", profile("groq", "whisper-large-v3"))
    assert ask.path == "/translations" and isinstance(ask.body, Form)
    assert [part.name for part in ask.body.parts] == ["model", "file", "response_format"]
    assert ask.body.files("file")[0].file is FILE.file and ask.body.get("model") == "whisper-large-v3"


def test_an_upstream_with_one_format_is_not_told_of_it() -> None:
    operation = samples.uploaded(TRANSCRIBE, FILE, samples.text("response_format", "json"))
    ask = WIRE.rewrite(operation, "voxtral", profile("mistral", "voxtral"))
    assert isinstance(ask.body, Form) and [part.name for part in ask.body.parts] == ["model", "file"]


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (got(b"1\n00:00:00,000 --> 00:00:01,000\nHi.\n\n", mime="text/plain; charset=utf-8"), 2.0),
        (got({"text": "Hi."}), 2.0),
        (got({"text": "Hi.", "usage": {"type": "duration", "seconds": 3}}), 3.0),
    ],
)
def test_what_passes_is_billed_by_the_files_own_header_where_the_upstream_does_not_say(answer: Any, seconds: float) -> None:
    counted = WIRE.counted(answer, samples.uploaded(TRANSCRIBE, FILE), Profile())
    assert counted.measures == Measures(seconds=seconds)


def test_text_passes_untouched_and_json_gains_our_member() -> None:
    plain = got(b"Hi.\n", mime="text/plain; charset=utf-8")
    assert WIRE.relayed(plain, samples.reply(b'{"c":1}')) == WIRE.relayed(plain, samples.reply())
    assert WIRE.relayed(plain, samples.reply()).mime == "text/plain; charset=utf-8"
    assert msgspec.json.decode(WIRE.relayed(got({"text": "Hi."}), samples.reply(b'{"c":1}')).body) == {
        "text": "Hi.",
        "pisces": {"c": 1},
    }


STREAM = b'data: {"type":"transcript.text.delta","delta":"Hi"}\r\n\r\ndata: {"type":"transcript.text.done","text":"Hi","usage":{"type":"tokens","input_tokens":9,"output_tokens":2,"input_token_details":{"audio_tokens":9}}}\r\n\r\ndata: [DONE]\r\n\r\n'


@pytest.mark.parametrize("cut", [3, 52, 60, 200])
def test_a_stream_that_passes_is_counted(cut: int) -> None:
    """real-traffic 7: its lines end with CRLF."""
    watcher = WIRE.watcher(samples.uploaded(TRANSCRIBE, FILE), Profile(), samples.reply())
    out = watcher.feed(STREAM[:cut]) + watcher.feed(STREAM[cut:]) + watcher.end()
    assert out == STREAM.replace(b"\r\n", b"\n") and watcher.done and watcher.failure is None
    assert watcher.usage == Usage(input=9, audio_input=9, output=2) and watcher.measures == Measures(seconds=2.0)
