"""ElevenLabs' formats, as its documentation has the answers."""

from __future__ import annotations

from typing import Any

import pytest
from pisces_elevenlabs import pisces_providers, pisces_wires, voices
from pisces_elevenlabs.speech import ElevenSpeech
from pisces_elevenlabs.transcriptions import ElevenTranscriptions

from pisces_proxy import media
from pisces_proxy.errors import (
    BadRequest,
    PiscesError,
    Unsupported,
    UpstreamBroken,
    UpstreamModelMissing,
    UpstreamUnauthorized,
    UpstreamUnfunded,
)
from pisces_proxy.forms import Form, Held
from pisces_proxy.media import Asset, Segment, Speech, Transcription, Word
from pisces_proxy.pricing import NOTHING, Measures
from pisces_proxy.testing import Played, got, run_plan
from pisces_proxy.usage import Usage

PROVIDER = pisces_providers()[0]
SPEECH, TEXT = ElevenSpeech(), ElevenTranscriptions()
SOUND = got(b"ID3sound", mime="audio/mpeg", character_cost="6")


def profile(model: str = "eleven_multilingual_v2") -> Any:
    return PROVIDER.profile("elevenlabs.speech", model, {})


def spoken(request: Speech, answer: Any = SOUND, model: str = "eleven_multilingual_v2") -> Played[Any]:
    return run_plan(SPEECH.plan(request, model, profile(model)), [answer], wire=SPEECH)


def test_the_provider_speaks_what_the_plugin_provides() -> None:
    assert set(PROVIDER.wires) == {wire.name for wire in pisces_wires()}
    assert PROVIDER.authorize("elevenlabs.speech", "k") == {"xi-api-key": "k"}


# -- speech


def test_a_text_is_spoken_and_counted_as_it_was_billed() -> None:
    played = spoken(Speech(text="Hello there.", voice="George", language="en"))
    assert played.asks[0].path == f"/{voices.voice_id('george')}?output_format=mp3_44100_128"
    assert played.sent() == {"text": "Hello there.", "model_id": "eleven_multilingual_v2", "language_code": "en"}
    assert (played.result.audio, played.result.measures) == (Asset(data=b"ID3sound", mime="audio/mpeg"), Measures(characters=6))
    assert played.result.usage == Usage()


def test_a_bill_that_is_not_told_is_left_to_the_letters() -> None:
    played = spoken(Speech(text="Hi"), got(b"ID3", mime="audio/mpeg"))
    assert (played.result.usage, played.result.measures) == (None, NOTHING)


def test_voices_go_by_name_or_id() -> None:
    assert all(len(id) == 20 and id.isalnum() for id in voices._VOICES.values())
    assert voices.voice_id("") == voices.voice_id("Rachel")
    assert voices.voice_id("Xy9cloned") == "Xy9cloned"
    assert spoken(Speech(text="x", voice="../v1/user")).asks[0].path.startswith("/..%2Fv1%2Fuser?")


@pytest.mark.parametrize(
    ("format", "asked", "mime", "data"),
    [
        ("mp3", "mp3_44100_128", "audio/mpeg", b"1234"),
        ("opus", "opus_48000_128", "audio/ogg", b"1234"),
        ("pcm", "pcm_24000", "audio/pcm", b"1234"),
        ("wav", "pcm_24000", "audio/wav", media.wav(b"1234", 24_000)),
    ],
)
def test_formats_are_asked_for_or_made(format: str, asked: str, mime: str, data: bytes) -> None:
    played = spoken(Speech(text="x", format=format), got(b"1234", mime="audio/mpeg"))
    assert played.asks[0].path.endswith(f"?output_format={asked}")
    assert played.result.audio == Asset(data=data, mime=mime)


@pytest.mark.parametrize("format", ["aac", "flac"])
def test_other_formats_are_refused_by_name(format: str) -> None:
    with pytest.raises(Unsupported) as caught:
        spoken(Speech(text="x", format=format))
    assert caught.value.param == "response_format" and "mp3" in caught.value.message


def test_a_text_too_long_is_refused_before_anybody_is_asked() -> None:
    with pytest.raises(BadRequest) as caught:
        spoken(Speech(text="x" * 5001), model="eleven_v3")
    assert caught.value.param == "input"
    assert spoken(Speech(text="x" * 5001)).result.audio.data


def test_knobs_are_settings_of_the_voice() -> None:
    extra = {"openai.speech": {"stability": 0.4, "voice_settings": {"style": 0.1}, "seed": 7, "hue": 1}}
    played = spoken(Speech(text="x", speed=3.0, instructions="Whisper.", extra=extra))
    assert played.sent()["voice_settings"] == {"style": 0.1, "stability": 0.4, "speed": 1.2}
    assert played.sent()["seed"] == 7
    assert {loss.field: loss.action for loss in played.result.losses} == {
        "hue": "dropped",
        "instructions": "dropped",
        "speed": "changed",
    }
    assert "voice_settings" not in spoken(Speech(text="x", speed=1.0)).sent()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            got({"detail": {"status": "voice_not_found", "message": "A voice with the voice_id x was not found."}}, 404),
            BadRequest,
        ),
        (got({"detail": {"status": "invalid_uid", "message": "An invalid ID has been received"}}, 400), BadRequest),
        (got({"detail": {"status": "quota_exceeded", "message": "This request exceeds your quota."}}, 401), UpstreamUnfunded),
        (got({"detail": {"status": "invalid_api_key", "message": "Invalid API key"}}, 401), UpstreamUnauthorized),
        (
            got({"detail": {"status": "model_not_found", "message": "A model with model ID x does not exist"}}, 404),
            UpstreamModelMissing,
        ),
        (got({"detail": {"status": "quota_exceeded", "message": "This request exceeds your quota."}}), UpstreamUnfunded),
        (got(b"", mime="audio/mpeg"), UpstreamBroken),
    ],
)
def test_a_refusal_is_never_sound(answer: Any, kind: type[PiscesError]) -> None:
    with pytest.raises(kind) as caught:
        spoken(Speech(text="x", voice="nobody"), answer)
    assert kind is not BadRequest or caught.value.param == "voice"


# -- transcripts


def word(text: str, start: float, end: float, speaker: str = "speaker_0", type: str = "word") -> dict[str, Any]:
    return {"text": text, "start": start, "end": end, "type": type, "speaker_id": speaker, "logprob": -0.1}


HEARD = {
    "language_code": "eng",
    "language_probability": 0.99,
    "text": "Hello there. Goodbye now",
    "words": [
        word("Hello", 0.1, 0.4), word(" ", 0.4, 0.5, type="spacing"), word("there.", 0.5, 0.9),
        word(" ", 0.9, 1.2, type="spacing"), word("Goodbye", 1.2, 1.6, "speaker_1"), word(" ", 1.6, 3.0, "speaker_1", "spacing"),
        word("now", 3.0, 3.2, "speaker_1"),
    ],
}  # fmt: skip


def heard(answer: Any = HEARD, **members: Any) -> Played[Any]:
    request = Transcription(file=Asset(file=Held(b"RIFF"), mime="audio/wav", filename="a.wav"), **members)
    return run_plan(TEXT.plan(request, "scribe_v1", profile("scribe_v1")), [answer], wire=TEXT)


def fields(played: Played[Any]) -> dict[str, str]:
    form = played.asks[0].body
    assert isinstance(form, Form)
    assert [(part.filename, part.mime) for part in form.files("file")] == [("a.wav", "audio/wav")]
    return {part.name: part.value for part in form.parts if part.file is None}


def test_words_become_segments_by_sentence_speaker_and_pause() -> None:
    result = heard(granularities=("word", "segment")).result
    assert result.segments == (
        Segment(start=0.1, end=0.9, text="Hello there.", speaker="speaker_0"),
        Segment(start=1.2, end=1.6, text="Goodbye", speaker="speaker_1"),
        Segment(start=3.0, end=3.2, text="now", speaker="speaker_1"),
    )
    assert [each.word for each in result.words] == ["Hello", "there.", "Goodbye", "now"]
    assert result.words[0] == Word(start=0.1, end=0.4, word="Hello")
    assert (result.text, result.language, result.seconds) == ("Hello there. Goodbye now", "eng", 3.2)


def test_how_long_it_is_is_taken_from_who_knows_best() -> None:
    assert heard(seconds=4.0).result.measures == Measures(seconds=4.0)
    assert heard({**HEARD, "audio_duration_secs": 4.25}, seconds=4.0).result.measures == Measures(seconds=4.25)
    nothing = heard({"text": ""}).result
    assert (nothing.seconds, nothing.measures, nothing.segments) == (None, NOTHING, ())


def test_what_is_asked_stands_in_the_form() -> None:
    assert fields(heard()) == {"model_id": "scribe_v1", "tag_audio_events": "false"}
    played = heard(
        format="diarized_json",
        language="en",
        temperature=0.5,
        prompt="Names",
        extra={"openai.transcriptions": {"num_speakers": 2, "hue": "1"}},
    )
    assert fields(played) == {
        "model_id": "scribe_v1", "tag_audio_events": "false", "diarize": "true", "language_code": "en", "temperature": "0.5",
        "num_speakers": "2",
    }  # fmt: skip
    assert {loss.field for loss in played.result.losses} == {"hue", "prompt"}


def test_it_does_not_translate() -> None:
    with pytest.raises(Unsupported):
        heard(translate=True)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"detail": {"status": "quota_exceeded", "message": "This request exceeds your quota."}}, UpstreamUnfunded),
        ({"request_id": "r"}, UpstreamBroken),
        (got(b"<html>", mime="text/html"), UpstreamBroken),
    ],
)
def test_an_answer_without_a_text_is_no_transcript(answer: Any, kind: type[PiscesError]) -> None:
    with pytest.raises(kind):
        heard(answer)
