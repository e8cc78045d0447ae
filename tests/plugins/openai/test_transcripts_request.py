"""Requests to write down what is said: forms in every spelling, JSON with a URL, mistakes refused by name."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from pisces_openai.sound_length import seconds_of
from pisces_openai.transcripts import ENDPOINTS, OpenAITranscriptions

from pisces_proxy.errors import BadRequest
from pisces_proxy.forms import FormPart, Held
from pisces_proxy.media import Asset

from . import media_samples as samples

WIRE = OpenAITranscriptions()
TRANSCRIBE, TRANSLATE = ENDPOINTS
SOUND = samples.sound(1.5)
FILE = samples.file("file", SOUND, "a.wav", "audio/wav")


def decoded(*parts: FormPart, endpoint: Any = TRANSCRIBE) -> Any:
    return WIRE.decode_request(samples.uploaded(endpoint, *parts))


def test_every_field_is_read() -> None:
    """S2-56 to S2-62."""
    fields = {"language": "en", "prompt": "names", "response_format": "verbose_json", "temperature": "0.2", "stream": "true"}
    request = decoded(FILE, *(samples.text(name, value) for name, value in fields.items()))
    assert (request.language, request.prompt, request.format, request.temperature, request.stream) == (
        "en", "names", "verbose_json", 0.2, True,
    )  # fmt: skip
    assert (request.file.content(), request.file.filename, request.file.mime, request.translate) == (
        SOUND,
        "a.wav",
        "audio/wav",
        False,
    )
    assert request.file.file is FILE.file


@pytest.mark.parametrize("name", ["timestamp_granularities[]", "timestamp_granularities"])
def test_lists_are_read_with_brackets_and_without(name: str) -> None:
    request = decoded(FILE, samples.text(name, "word"), samples.text(name, "segment"), samples.text("include[]", "logprobs"))
    assert request.granularities == ("word", "segment") and request.include == ("logprobs",)


def test_a_translation_is_known_by_its_path() -> None:
    assert decoded(FILE, endpoint=TRANSLATE).translate is True


def test_a_file_without_a_name_gets_one_that_shows_what_it_is() -> None:
    assert decoded(samples.file("file", SOUND)).file.filename == "audio.wav"


@pytest.mark.parametrize("name", ["url", "file_url", "file"])
def test_a_url_may_stand_in_json(name: str) -> None:
    request: Any = WIRE.decode_request(
        samples.asked(TRANSCRIBE, {"model": "m", name: "https://e.com/a.mp3", "timestamp_granularities": ["word"]})
    )
    assert request.file.url == "https://e.com/a.mp3" and request.granularities == ("word",)


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ((), "file"),
        ((samples.text("file", "a.wav"),), "file"),
        ((samples.file("file", b"", "a.wav"),), "file"),
        ((FILE, samples.text("response_format", "xml")), "response_format"),
        ((FILE, samples.text("temperature", "2")), "temperature"),
        ((FILE, samples.text("temperature", "warm")), "temperature"),
        ((FILE, samples.text("timestamp_granularities[]", "letter")), "timestamp_granularities"),
        ((FILE, samples.text("include[]", "thoughts")), "include"),
        ((FILE, samples.text("stream", "maybe")), "stream"),
    ],
)
def test_a_mistake_is_refused_by_the_name_of_its_field(parts: tuple[FormPart, ...], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        decoded(*parts)
    assert refused.value.param == param


def test_a_form_without_a_model_is_refused_by_name() -> None:
    assert TRANSCRIBE.peek_upload is not None
    with pytest.raises(BadRequest) as refused:
        TRANSCRIBE.peek_upload(samples.Form((FILE,)), {}, {})
    assert refused.value.param == "model"
    assert TRANSCRIBE.peek_upload(samples.Form((FILE,)), {"model": "deployed"}, {})[0] == "deployed"


# -- how long it is ------------------------------------------------------------------------------------------------------


def test_the_length_is_read_from_the_file_whatever_the_client_says() -> None:
    assert decoded(FILE, samples.text("duration", "0.1")).seconds == 1.5


@pytest.mark.parametrize("where", ["file", "data"])
def test_the_length_is_read_where_the_file_lies(where: str) -> None:
    asset = Asset(file=Held(SOUND)) if where == "file" else Asset(data=SOUND)
    assert seconds_of(asset) == 1.5


@pytest.mark.parametrize(
    "data",
    [b"", b"text", b"RIFF" + b"\xff" * 60, b"fLaC" + b"\xff" * 60, b"OggS" + b"\0" * 80, b"\0\0\0\x20ftypM4A " + b"\xff" * 60, SOUND[:20], b"\x1aE\xdf\xa3" * 30],
    ids=range(8),
)  # fmt: skip
def test_a_broken_file_has_no_length_and_does_no_harm(data: bytes) -> None:
    assert seconds_of(Asset(data=data)) is None


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff", b"\0\0\0\0"])
def test_a_header_written_before_the_end_was_known_is_not_believed(size: bytes) -> None:
    data = SOUND[:4] + size + SOUND[8:40] + size + SOUND[44:]
    assert seconds_of(Asset(data=data)) == pytest.approx(1.5, abs=0.01)


def test_what_lies_elsewhere_has_no_length_yet() -> None:
    assert seconds_of(Asset(url="https://e.com/a.mp3")) is None


def mp3(frames: int) -> bytes:
    """Silent frames of MPEG 1 layer III, 128 kbit/s, 44.1 kHz: 1152 samples each."""
    return (b"\xff\xfb\x90\x00" + b"\0" * 413) * frames


def flac(seconds: int, rate: int = 16_000) -> bytes:
    packed = (rate << 44) | (0 << 41) | (15 << 36) | (rate * seconds)
    info = b"\x10\0\x10\0" + b"\0" * 6 + packed.to_bytes(8, "big") + b"\0" * 16
    return b"fLaC\x80" + len(info).to_bytes(3, "big") + info + b"\xff\xf8" * 20


def atom(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", 8 + len(data)) + name + data


def m4a(seconds: float) -> bytes:
    header = struct.pack(">IIIII", 0, 0, 0, 1000, int(seconds * 1000)) + b"\0" * 80
    return atom(b"ftyp", b"M4A \0\0\0\0M4A ") + atom(b"moov", atom(b"mvhd", header)) + atom(b"mdat", b"\0" * 64)


def page(granule: int, data: bytes, flags: int = 0) -> bytes:
    head = b"OggS\0" + bytes([flags]) + struct.pack("<qIII", granule, 7, 0, 0)
    return head + b"\x01" + bytes([len(data)]) + data


def opus(seconds: float) -> bytes:
    head = b"OpusHead\x01\x01" + struct.pack("<HIhB", 0, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0)
    return page(0, head, 2) + page(0, tags) + page(int(seconds * 48_000), b"\0" * 200, 4)


@pytest.mark.parametrize(
    ("data", "seconds"),
    [(mp3(200), 200 * 1152 / 44_100), (flac(7), 7.0), (m4a(3.5), 3.5), (opus(4.25), 4.25)],
    ids=["mp3", "flac", "m4a", "opus"],
)
def test_the_length_is_read_from_other_containers(data: bytes, seconds: float) -> None:
    assert seconds_of(Asset(data=data)) == pytest.approx(seconds, rel=0.02)
