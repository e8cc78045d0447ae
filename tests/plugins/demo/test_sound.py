"""The demo speaks as long as somebody would need to, in three formats, and tells how long a sound is."""

from __future__ import annotations

import io
import wave

import pytest
from pisces_demo import Demo
from tinytag import TinyTag

from pisces_proxy.errors import BadRequest, PiscesError, Unsupported
from pisces_proxy.media import Asset, Sound, Speech, Transcript, Transcription, wav

SAID = "Good morning, this is a test of the voice."


async def spoken(model: str = "qwen3-tts-flash", **values: object) -> Sound:
    result = await Demo().make(Speech(**{"text": SAID, "voice": "Cherry", **values}), model)  # type: ignore[arg-type]
    assert isinstance(result, Sound)
    return result


async def heard(**values: object) -> Transcript:
    given = {"file": Asset(data=wav(bytes(32_000), 8_000)), "seconds": 2.0, **values}
    result = await Demo().make(Transcription(**given), "whisper-1")  # type: ignore[arg-type]
    assert isinstance(result, Transcript)
    return result


async def test_wav_is_the_default_and_lasts_as_long_as_it_is_said() -> None:
    result = await spoken()
    with wave.open(io.BytesIO(result.audio.data)) as sound:
        seconds = sound.getnframes() / sound.getframerate()
        loudest = max(abs(value) for value in memoryview(sound.readframes(sound.getnframes())).cast("h"))
    assert result.audio.mime == "audio/wav" and 2 < seconds < 4 and seconds == pytest.approx(result.seconds, abs=0.001)
    assert 4000 < loudest < 32000


async def test_mp3_lasts_as_long_as_wav_by_its_own_header() -> None:
    plain, packed = await spoken(format="wav"), await spoken(format="mp3")
    assert plain.seconds is not None
    tag = TinyTag.get(filename="speech.mp3", file_obj=io.BytesIO(packed.audio.data))
    assert packed.audio.mime == "audio/mpeg" and tag.duration == pytest.approx(plain.seconds, abs=0.1)
    assert tag.samplerate == 24_000 and len(packed.audio.data) < len(plain.audio.data) / 8


async def test_every_frame_of_mp3_holds_what_its_header_promises() -> None:
    """The bits of the spectrum are as many as the side information says, and fit."""
    data = (await spoken(format="mp3")).audio.data
    frames = [data[at : at + 96] for at in range(0, len(data), 96)]
    assert all(frame[:4] == b"\xff\xf3\x44\xc4" and len(frame) == 96 for frame in frames)
    lengths = {int.from_bytes(frame[4:8], "big") >> 11 & 0xFFF for frame in frames}
    assert 0 in lengths and max(lengths) < (96 - 13) * 8


async def test_pcm_is_the_same_sound_without_a_header() -> None:
    assert (await spoken(format="wav")).audio.data.endswith((await spoken(format="pcm")).audio.data)


@pytest.mark.parametrize(("values", "longer"), [({"speed": 0.5}, True), ({"speed": 2.0}, False), ({"text": "你好" * 20}, True)])
async def test_speed_and_script_decide_how_long_it_takes(values: dict[str, object], longer: bool) -> None:
    usual, other = (await spoken()).seconds, (await spoken(**values)).seconds
    assert usual is not None and other is not None and (other > usual) == longer


async def test_each_voice_sounds_its_own_way() -> None:
    assert (await spoken(voice="Cherry")).audio.data != (await spoken(voice="male-qn-qingse")).audio.data


async def test_openais_models_speak_mp3_where_nobody_says_what() -> None:
    assert (await spoken("tts-1")).audio.mime == "audio/mpeg"


@pytest.mark.parametrize("format", ["opus", "aac", "flac"])
async def test_other_formats_are_refused_by_name(format: str) -> None:
    with pytest.raises(Unsupported, match=format) as refused:
        await spoken(format=format)
    assert refused.value.param == "response_format"


async def test_a_text_too_long_to_be_spoken_is_refused() -> None:
    with pytest.raises(BadRequest) as refused:
        await spoken(text="a" * 5000)
    assert refused.value.param == "input"


async def test_a_transcript_tells_the_length_in_words_with_their_times() -> None:
    result = await heard()
    assert result.text == "This is a recording of 2.0 seconds." and result.seconds == 2.0
    assert result.segments[0].end == 2.0 and result.words[-1].end == 2.0
    assert [word.word for word in result.words] == result.text.split()
    assert result.measures.seconds == 2.0


async def test_a_transcript_is_in_the_language_that_was_named_but_for_translations() -> None:
    assert (await heard(language="zh")).text == "这是一段 2.0 秒的录音。"
    assert (await heard(language="zh", translate=True)).text.startswith("This is")


@pytest.mark.parametrize(
    "values",
    [{"file": Asset(data=b"\x89PNG\r\n\x1a\n" + bytes(40))}, {"prompt": "demo:error 500"}],
    ids=["a picture", "an order"],
)
async def test_what_cannot_be_heard_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(PiscesError):
        await heard(**values)
