"""Gemini's models as voices and as listeners (wire.md F5, F6)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from pisces_gemini.speech import GeminiSpeech
from pisces_gemini.transcriptions import LARGEST, GeminiTranscriptions
from plugins.gemini.media_samples import RAW, SAMPLES, answer, usage

from pisces_proxy.errors import ContentRefused, PiscesError, TooLarge, Unsupported, UpstreamBroken
from pisces_proxy.forms import Held
from pisces_proxy.media import Asset, Segment, Speech, Transcription, wav
from pisces_proxy.plugin import Profile
from pisces_proxy.testing import run_plan
from pisces_proxy.usage import Usage

VOICE, EAR = GeminiSpeech(), GeminiTranscriptions()
WAV = Asset(data=wav(SAMPLES, 24_000), mime="audio/x-wav")


def spoken(request: Speech, *answers: Any) -> Any:
    return run_plan(VOICE.plan(request, "tts", Profile()), answers or [answer(RAW)])


@pytest.mark.parametrize(
    ("wanted", "mime", "data"),
    [("", "audio/wav", wav(SAMPLES, 24_000)), ("wav", "audio/wav", wav(SAMPLES, 24_000)), ("pcm", "audio/pcm", SAMPLES)],
)
def test_samples_come_bare_or_behind_a_header(wanted: str, mime: str, data: bytes) -> None:
    played = spoken(Speech(text="Hi", voice="Puck", format=wanted), answer(RAW, usageMetadata=usage(2, AUDIO=25)))
    assert played.asks[0].path == ":generateContent"
    assert played.sent()["generationConfig"] == {
        "responseModalities": ["AUDIO"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}},
    }
    assert played.result.audio == Asset(data=data, mime=mime)
    assert (played.result.seconds, played.result.usage) == (0.05, Usage(input=2, output=25, audio_output=25))
    assert played.result.losses == ()


def test_openais_voices_and_wishes_are_translated() -> None:
    played = spoken(Speech(text="Hi", voice="NOVA", instructions="Whisper: ", speed=1.5, language="de-DE"))
    assert played.sent()["contents"][0]["parts"] == [{"text": "Whisper:\nHi"}]
    config = played.sent()["generationConfig"]["speechConfig"]
    assert (config["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"], config["languageCode"]) == ("Leda", "de-DE")
    assert [loss.field for loss in played.result.losses] == ["speed", "voice"]


def test_several_parts_are_one_sound_at_its_own_rate() -> None:
    slow = {"inlineData": {**RAW["inlineData"], "mimeType": "audio/L16;codec=pcm;rate=16000"}}
    played = spoken(Speech(text="x"), answer(slow, slow))
    assert played.result.audio.data == wav(SAMPLES * 2, 16_000)


def test_sound_that_is_whole_stays() -> None:
    data = base64.b64encode(b"ID3\x04").decode()
    played = spoken(Speech(text="x"), answer({"inlineData": {"mimeType": "audio/mpeg", "data": data}}))
    assert played.result.audio == Asset(data=b"ID3\x04", mime="audio/mpeg")


@pytest.mark.parametrize("wanted", ["mp3", "opus", "aac", "flac"])
def test_other_formats_are_refused_before_anybody_is_asked(wanted: str) -> None:
    with pytest.raises(Unsupported, match="wav, pcm") as refused:
        spoken(Speech(text="x", format=wanted))
    assert refused.value.param == "response_format"


@pytest.mark.parametrize(
    ("body", "kind"), [(answer({"text": "No."}), ContentRefused), (answer(finish="OTHER"), UpstreamBroken)]
)
def test_silence_is_no_answer(body: Any, kind: type[PiscesError]) -> None:
    with pytest.raises(kind):
        spoken(Speech(text="x"), body)


# -- listening -----------------------------------------------------------------------------------------------------------


def heard(request: Transcription, *parts: Any) -> Any:
    return run_plan(EAR.plan(request, "m", Profile()), [answer(*parts, usageMetadata=usage(40, TEXT=6))])


def test_words_are_asked_for_in_words() -> None:
    asked = Transcription(file=WAV, language="fr", prompt="About Pisces.", temperature=0.2, seconds=0.05)
    played = heard(asked, {"text": " Bonjour. "})
    text, sound = played.sent()["contents"][0]["parts"]
    assert "word for word" in text["text"] and "language is fr" in text["text"] and "About Pisces." in text["text"]
    assert sound["inlineData"] == {"mimeType": "audio/wav", "data": base64.b64encode(WAV.data).decode()}
    assert played.sent()["generationConfig"] == {"temperature": 0.2}
    result = played.result
    assert (result.text, result.language, result.seconds, result.usage.input) == ("Bonjour.", "fr", 0.05, 40)


def test_a_translation_is_into_english() -> None:
    played = heard(Transcription(file=WAV, translate=True, language="fr"), {"text": "Hello."})
    assert "into English" in played.sent()["contents"][0]["parts"][0]["text"]


@pytest.mark.parametrize("wanted", ["srt", "vtt", "verbose_json", "diarized_json"])
def test_times_are_asked_for_where_they_are_told(wanted: str) -> None:
    said = [
        {"start": 0, "end": 1.5, "text": " One. ", "speaker": "A"},
        {"start": "1.5", "end": 1, "text": "Two."},
        {"text": ""},
    ]
    played = heard(Transcription(file=WAV, format=wanted, granularities=("word",)), {"text": json.dumps(said)})
    assert played.sent()["generationConfig"]["responseMimeType"] == "application/json"
    assert played.result.segments == (
        Segment(start=0, end=1.5, text="One.", speaker="A"),
        Segment(start=1.5, end=1.5, text="Two."),
    )
    assert played.result.text == "One. Two." and [loss.field for loss in played.result.losses] == ["timestamp_granularities"]


def test_times_that_are_none_are_the_upstreams_fault() -> None:
    with pytest.raises(UpstreamBroken):
        heard(Transcription(file=WAV, format="srt"), {"text": "1. Hello"})


def test_a_sound_without_words_has_no_text() -> None:
    assert heard(Transcription(file=WAV), {"text": ""}).result.text == ""


@pytest.mark.parametrize("body", [{"promptFeedback": {"blockReason": "SAFETY"}}, answer(finish="SAFETY")])
def test_a_refusal_is_told(body: Any) -> None:
    with pytest.raises(ContentRefused):
        run_plan(EAR.plan(Transcription(file=WAV), "m", Profile()), [body])


def test_a_file_too_large_is_refused_before_anybody_is_asked() -> None:
    with pytest.raises(TooLarge):
        heard(Transcription(file=Asset(file=Held(b"x" * (LARGEST + 1)))))
