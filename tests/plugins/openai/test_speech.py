"""Speech: what clients ask, what upstreams are asked, sound passed, converted, and told as events."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from pisces_compatible import PROVIDERS
from pisces_openai.provider import OpenAI
from pisces_openai.speech import ENDPOINTS, OpenAISpeech

from pisces_proxy import sse
from pisces_proxy.errors import BadRequest, PiscesError, Unsupported, UpstreamBroken, UpstreamRateLimited
from pisces_proxy.media import Asset, Sound, Speech, wav
from pisces_proxy.plans import Got
from pisces_proxy.plugin import Profile, Provider
from pisces_proxy.testing import got, run_plan
from pisces_proxy.usage import Usage

from . import media_samples as samples

WIRE = OpenAISpeech()
(SPEAK,) = ENDPOINTS
VENDORS: dict[str, Provider] = {row.name: row for row in (*PROVIDERS, OpenAI())}
MP3 = b"ID3\x04" + b"\x01" * 400
PCM = b"\x10\x00" * 4800
WAV = wav(PCM, 24_000)


def decoded(**members: Any) -> Any:
    return WIRE.decode_request(samples.asked(SPEAK, {"model": "m", **members}))


def profile(vendor: str, model: str) -> Profile:
    return VENDORS[vendor].profile(WIRE.name, model, {})


def test_every_member_is_read() -> None:
    request = decoded(input="hi", voice="alloy", instructions="softly", response_format="opus", speed=1.5, stream_format="sse")
    assert (request.text, request.voice, request.instructions, request.format, request.speed, request.stream) == (
        "hi", "alloy", "softly", "opus", 1.5, True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": ["a"]}, "input"),
        ({"input": "x" * 200_001}, "input"),
        ({"input": "x", "voice": 5}, "voice"),
        ({"input": "x", "speed": 0.1}, "speed"),
        ({"input": "x", "speed": 4.5}, "speed"),
        ({"input": "x", "speed": "fast"}, "speed"),
        ({"input": "x", "response_format": "ogg"}, "response_format"),
        ({"input": "x", "stream_format": "chunks"}, "stream_format"),
        ({"input": "x", "stream_format": ["sse"]}, "stream_format"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_mistake_is_refused_by_the_name_of_its_field(members: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        decoded(**members)
    assert refused.value.param == param


def test_a_voice_may_be_an_object() -> None:
    request = decoded(input="x", voice={"id": "voice_1"})
    assert request.voice == "voice_1"
    run = run_plan(WIRE.plan(request, "gpt-4o-mini-tts", Profile()), [got(MP3, mime="audio/mpeg")])
    assert run.sent()["voice"] == {"id": "voice_1"}


def test_a_slash_in_the_models_name_is_its_own() -> None:
    """S3-75."""
    assert samples.asked(SPEAK, {"model": "MiniMax/speech-2.8-turbo", "input": "x"}).model == "MiniMax/speech-2.8-turbo"


# -- upstreams -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "model", "request_", "sent"),
    [
        ("openai", "gpt-4o-mini-tts", Speech(text="t", voice="ash", instructions="slow", speed=2.0), {"voice": "ash", "instructions": "slow", "speed": 2.0}),
        ("openai", "tts-1", Speech(text="t", voice="ash", format="flac"), {"voice": "ash", "response_format": "flac"}),
        ("groq", "playai-tts", Speech(text="t", voice="Fritz-PlayAI", format="wav"), {"voice": "Fritz-PlayAI", "response_format": "wav"}),
        ("groq", "playai-tts", Speech(text="t"), {"response_format": "wav"}),
        ("openrouter", "hexgrad/kokoro-82m", Speech(text="t", format="wav"), {"response_format": "pcm"}),
        ("mistral", "voxtral-mini-tts", Speech(text="t", voice="paul"), {"voice": "paul"}),
    ],
)  # fmt: skip
def test_an_upstream_is_asked_in_its_own_words(vendor: str, model: str, request_: Speech, sent: dict[str, Any]) -> None:
    run = run_plan(WIRE.plan(request_, model, profile(vendor, model)), [got(PCM, mime="audio/pcm")], wire=WIRE)
    assert run.sent() == {"model": model, "input": "t", **sent}


def test_what_a_model_does_not_take_is_listed_as_lost() -> None:
    request = Speech(text="t", instructions="softly")
    result = run_plan(WIRE.plan(request, "tts-1", profile("openai", "tts-1")), [got(MP3, mime="audio/mpeg")]).result
    assert [loss.field for loss in result.losses] == ["instructions"]


def test_a_format_that_the_model_does_not_make_is_refused_with_those_it_does() -> None:
    with pytest.raises(Unsupported, match="wav") as refused:
        run_plan(WIRE.plan(Speech(text="t", format="opus"), "playai-tts", profile("groq", "playai-tts")))
    assert refused.value.param == "response_format"


@pytest.mark.parametrize("passed", [True, False])
def test_a_text_longer_than_the_model_speaks_is_refused_by_name(passed: bool) -> None:
    long, rules = "x" * 4097, profile("openai", "tts-1")
    with pytest.raises(BadRequest, match="4096") as refused:
        if passed:
            WIRE.rewrite(samples.asked(SPEAK, {"model": "m", "input": long}), "tts-1", rules)
        else:
            run_plan(WIRE.plan(Speech(text=long), "tts-1", rules))
    assert refused.value.param == "input"


@pytest.mark.parametrize(
    ("answer", "wanted", "data", "mime"),
    [
        (got(MP3, mime="audio/mpeg"), "", MP3, "audio/mpeg"),
        (got(MP3, mime="application/octet-stream"), "mp3", MP3, "audio/mpeg"),
        (got({"audio_data": base64.b64encode(MP3).decode()}), "", MP3, "audio/mpeg"),  # Mistral
        (got(WAV, mime="audio/wav"), "pcm", PCM, "audio/pcm"),
        (got(PCM, mime="audio/pcm"), "wav", WAV, "audio/wav"),
        (got(PCM, mime="audio/L16;codec=pcm;rate=16000"), "wav", wav(PCM, 16_000), "audio/wav"),
        (got(WAV, mime="audio/x-wav"), "wav", WAV, "audio/x-wav"),
    ],
)
def test_sound_arrives_as_it_was_wanted_under_its_true_name(answer: Got, wanted: str, data: bytes, mime: str) -> None:
    request = Speech(text="t", format=wanted)
    sound = run_plan(WIRE.plan(request, "m", Profile()), [answer]).result
    told = WIRE.encode_response(sound, request, samples.reply(b"{}"))
    assert (told.body, told.mime) == (data, mime)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (got({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}), UpstreamRateLimited),
        (got({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, mime="audio/mpeg"), UpstreamRateLimited),
        (got({"audio_data": "@@"}), UpstreamBroken),
        (got(b"", mime="audio/mpeg"), UpstreamBroken),
        (got(b"<html></html>", mime="text/html"), UpstreamBroken),
    ],
)
def test_an_error_inside_a_good_answer_is_understood(answer: Got, kind: type[PiscesError]) -> None:
    """S3-82."""
    with pytest.raises(kind):
        run_plan(WIRE.plan(Speech(text="t"), "m", Profile()), [answer], wire=WIRE)


# -- the same format on both sides ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "model", "members", "passes"),
    [
        ("openai", "gpt-4o-mini-tts", {"stream_format": "sse"}, True),
        ("openai", "tts-1", {"stream_format": "sse"}, False),
        ("openai", "tts-1", {"response_format": "wav"}, True),
        ("groq", "playai-tts", {"response_format": "mp3"}, False),
        ("mistral", "voxtral-mini-tts", {}, False),
        ("compatible", "kokoro", {"response_format": "opus", "volume": 2}, True),
    ],
)
def test_bytes_pass_where_they_say_the_same(vendor: str, model: str, members: dict[str, Any], passes: bool) -> None:
    operation = samples.asked(SPEAK, {"model": "m", "input": "x", **members})
    assert WIRE.passes(operation, profile(vendor, model)) is passes
    assert WIRE.streams(operation)


def test_a_request_that_passes_changes_its_model_only() -> None:
    operation = samples.asked(SPEAK, {"model": "ours", "input": "x", "voice": "v", "api_key": "k", "volume": 2})
    ask = WIRE.rewrite(operation, "theirs", Profile())
    assert isinstance(ask.body, bytes)
    assert msgspec.json.decode(ask.body) == {"model": "theirs", "input": "x", "voice": "v", "volume": 2}


def watch(*chunks: bytes, **members: Any) -> tuple[Any, list[bytes]]:
    watcher = WIRE.watcher(samples.asked(SPEAK, {"model": "m", "input": "x", **members}), Profile(), samples.reply(b'{"c":1}'))
    return watcher, [*(watcher.feed(chunk) for chunk in chunks), watcher.end()]


def test_bare_sound_passes_untouched() -> None:
    assert watch(MP3[:7], MP3[7:])[1] == [MP3[:7], MP3[7:], b""]


@pytest.mark.parametrize("sound", [b"{", b"{\x10" + PCM, b'{"' + PCM, b'{"' + PCM * 8])
def test_sound_that_begins_like_json_is_sound_all_the_same(sound: bytes) -> None:
    watcher, out = watch(sound[:1], sound[1:])
    assert b"".join(out) == sound and watcher.failure is None


@pytest.mark.parametrize("cut", [1, 2, 20])
def test_an_error_under_a_200_is_never_told_as_sound(cut: int) -> None:
    """S3-82."""
    body = b'{"error":{"message":"slow down","code":"rate_limit_exceeded"}}'
    watcher, out = watch(body[:cut], body[cut:])
    assert b"".join(out) == b"" and isinstance(watcher.failure, UpstreamRateLimited)


EVENTS = b'data: {"type":"speech.audio.delta","audio":"AAAA"}\n\ndata: {"type":"speech.audio.done","usage":{"input_tokens":4,"output_tokens":60,"total_tokens":64}}\n\n'


def test_events_pass_and_are_counted() -> None:
    watcher, out = watch(EVENTS[:30], EVENTS[30:], stream_format="sse")
    assert watcher.done and (watcher.usage.input, watcher.usage.output) == (4, 60)
    assert [msgspec.json.decode(frame.data)["pisces"] for frame in sse.frames(b"".join(out))] == [{"c": 1}, {"c": 1}]


def test_sound_becomes_events_where_they_were_asked_for() -> None:
    sound = Sound(audio=Asset(data=MP3 * 300, mime="audio/mpeg"), usage=Usage(input=4, output=60))
    told = WIRE.encoder(Speech(text="t", stream=True), samples.reply()).result(sound)
    frames = [msgspec.json.decode(frame.data) for frame in sse.frames(told)]
    assert [frame["type"] for frame in frames] == ["speech.audio.delta"] * 3 + ["speech.audio.done"]
    assert b"".join(base64.b64decode(frame["audio"]) for frame in frames[:-1]) == MP3 * 300
    assert frames[-1]["usage"] == {"input_tokens": 4, "output_tokens": 60, "total_tokens": 64}
