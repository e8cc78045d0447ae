"""Qwen's voices: sound by URL or in the answer, WAV or PCM and nothing else (F5, H132, S3-73 to S3-82)."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pisces_dashscope.speech import Speech as Wire

from pisces_proxy import errors
from pisces_proxy.media import Speech, wav
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import Measures
from pisces_proxy.testing import got, run_plan
from pisces_proxy.usage import Usage

WIRE = Wire()
PCM = b"\x10\x00" * 12_000  # half a second
SOUND = wav(PCM, 24_000)
URL = "http://files.example/a.wav?Expires=1"
REQUEST = Speech(text="你好,这是一个测试。", voice="Cherry")


def spoken(**usage: int) -> dict[str, Any]:
    audio = {"data": "", "url": URL, "id": "audio_1", "expires_at": 1767000000}
    return {"request_id": "r", "output": {"finish_reason": "stop", "audio": audio}, "usage": usage or {"characters": 18}}


def played(request: Speech = REQUEST, *answers: Any, model: str = "qwen3-tts-flash") -> Any:
    return run_plan(WIRE.plan(request, model, Profile()), answers or (spoken(), got(SOUND, mime="audio/x-wav")), wire=WIRE)


def test_a_voice_speaks_wav_where_nobody_asks_for_a_format() -> None:
    done = played()
    assert done.asks[0].path == "/services/aigc/multimodal-generation/generation"
    said = {"text": REQUEST.text, "voice": "Cherry", "language_type": "Auto"}
    assert done.sent() == {"model": "qwen3-tts-flash", "input": said}
    assert done.fetched == [URL]
    assert (done.result.audio.data, done.result.audio.mime, done.result.seconds) == (SOUND, "audio/wav", 0.5)
    assert done.result.measures == Measures(characters=18, seconds=0.5)  # a Chinese letter counts twice: as they say


def test_pcm_is_the_same_without_its_header() -> None:
    result = played(Speech(text="x", voice="Cherry", format="pcm")).result
    assert (result.audio.data, result.audio.mime) == (PCM, "audio/pcm")


@pytest.mark.parametrize("format", ["mp3", "opus", "aac", "flac"])
def test_other_formats_are_refused_by_the_name_of_the_field_before_anything_is_paid_for(format: str) -> None:
    with pytest.raises(errors.Unsupported, match="wav and pcm") as raised:
        played(Speech(text="x", format=format))
    assert (raised.value.param, raised.value.status) == ("response_format", 400)


def test_what_it_cannot_do_is_listed_and_its_own_words_pass() -> None:
    request = Speech(
        text="x", voice="Ethan", speed=1.5, instructions="sing", language="de-DE",
        extra={"openai.speech": {"optimize_instructions": True, "colour": "red"}},
    )  # fmt: skip
    done = played(request)
    assert done.sent()["input"] == {"text": "x", "voice": "Ethan", "language_type": "German", "optimize_instructions": True}
    assert [loss.field for loss in done.result.losses] == ["colour", "instructions", "speed"]
    assert played(request, model="qwen3-tts-instruct-flash").sent()["input"]["instructions"] == "sing"


def test_sound_inside_the_answer_and_counts_in_tokens_are_read_too() -> None:
    answer = spoken(input_tokens=10, output_tokens=50)
    answer["output"]["audio"] = {"data": base64.b64encode(SOUND).decode(), "url": ""}
    result = played(REQUEST, answer).result
    assert result.audio.data == SOUND and result.usage == Usage(input=10, output=50, audio_output=50)


def test_plain_http_becomes_https_where_the_vendor_keeps_its_files() -> None:
    answer = spoken()
    answer["output"]["audio"]["url"] = "http://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/a.wav?Signature=x"
    assert played(REQUEST, answer, got(SOUND)).fetched[0].startswith("https://dashscope-result-bj.")


def test_a_sound_that_has_been_paid_for_is_asked_for_twice_and_never_made_again() -> None:
    lost = errors.UpstreamTimeout("slow")
    assert played(REQUEST, spoken(), lost, got(SOUND)).result.audio.data == SOUND
    with pytest.raises(errors.UpstreamTimeout) as raised:
        played(REQUEST, spoken(), errors.UpstreamTimeout("slow"), errors.UpstreamTimeout("slow"))
    assert raised.value.final


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("DataInspectionFailed", "Input text data may contain inappropriate content.", errors.ContentRefused),
        ("InvalidParameter", "Voice 'alloy' is not supported.", errors.BadRequest),
        ("Throttling.RateQuota", "Requests rate limit exceeded.", errors.UpstreamRateLimited),
        ("InvalidApiKey", "Invalid API-key provided.", errors.UpstreamUnauthorized),
        ("Arrearage", "Access denied, please make sure your account is in good standing.", errors.UpstreamUnfunded),
        ("InternalError.Timeout", "An internal timeout error has occurred.", errors.PiscesError),
    ],
)
def test_an_error_is_one_under_any_status(status: int, code: str, message: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        played(REQUEST, got({"code": code, "message": message, "request_id": "r"}, status=status))


@pytest.mark.parametrize("body", [b"", b"<html>", {"output": {}}, {"output": {"audio": {"url": "", "data": "?"}}}])
def test_an_answer_without_sound_is_the_upstreams_fault(body: Any) -> None:
    with pytest.raises(errors.UpstreamBroken):
        played(REQUEST, got(body))


def test_a_wav_that_does_not_know_its_length_counts_its_bytes() -> None:
    streamed = bytearray(SOUND)
    streamed[40:44] = b"\xff\xff\xff\xff"
    result = played(REQUEST, spoken(), got(bytes(streamed))).result
    assert result.seconds == 0.5
