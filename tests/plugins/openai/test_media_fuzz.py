"""Whatever a client or an upstream sends, it is read or refused in so many words; nothing else is raised."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pisces_openai import images, speech, transcripts
from pisces_openai.chat_images import ChatImages

from pisces_proxy.errors import BadRequest, PiscesError
from pisces_proxy.forms import FormPart, Held
from pisces_proxy.media import Asset, Image, Speech, Transcription
from pisces_proxy.plugin import MediaWire, Profile
from pisces_proxy.testing import got, run_plan

from . import media_samples as samples

IMAGES, SPEECH, TRANSCRIPTS = images.OpenAIImages(), speech.OpenAISpeech(), transcripts.OpenAITranscriptions()
DOORS: list[tuple[MediaWire, Any]] = [
    *((IMAGES, endpoint) for endpoint in images.ENDPOINTS),
    (SPEECH, speech.ENDPOINTS[0]),
    *((TRANSCRIPTS, endpoint) for endpoint in transcripts.ENDPOINTS),
]
NAMES = (
    "prompt", "n", "size", "aspect_ratio", "quality", "style", "output_format", "output_compression", "response_format", "image",
    "images", "mask", "partial_images", "seed", "input", "voice", "speed", "stream_format", "file", "url", "language",
    "temperature", "timestamp_granularities", "include", "pisces", "extra_body",
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20), st.sampled_from([samples.DATA_URI, samples.B64, "https://e.com/a", "1024x1024", "16:9", "data:", "1e999"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
QUIET = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(("wire", "door"), DOORS, ids=[door.path for _, door in DOORS])
@QUIET
@given(members=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8))
def test_any_json_is_read_or_refused(wire: MediaWire, door: Any, members: dict[str, Any]) -> None:
    try:
        operation = samples.asked(door, {"model": "m", "prompt": "p", "input": "i", "file": "https://e.com/a", **members})
        wire.decode_request(operation)
    except BadRequest as refused:
        assert refused.message and refused.param
        return
    if wire.passes(operation, Profile()):
        assert wire.rewrite(operation, "theirs", Profile()).body


@pytest.mark.parametrize(("wire", "door"), [DOORS[1], DOORS[2], DOORS[4]], ids=["edits", "variations", "transcriptions"])
@QUIET
@given(
    fields=st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(["", "[]", "[0]", "["]), st.text(max_size=12)), max_size=6
    ),
    data=st.binary(max_size=64),
)
def test_any_form_is_read_or_refused(wire: MediaWire, door: Any, fields: list[tuple[str, str, str]], data: bytes) -> None:
    parts = [samples.text(name + brackets, value) for name, brackets, value in fields]
    files = [FormPart(name=name, file=Held(data), filename="a") for name in ("image", "file")]
    operation = samples.uploaded(door, *parts, *files)
    try:
        wire.decode_request(operation)
    except BadRequest as refused:
        assert refused.message and refused.param
        return
    if wire.passes(operation, Profile(image_variations=True)):
        assert wire.rewrite(operation, "theirs", Profile(image_variations=True)).path


ASKED: list[tuple[MediaWire, Any]] = [
    (IMAGES, Image(prompt="p")),
    (ChatImages(), Image(prompt="p")),
    (SPEECH, Speech(text="t")),
    (TRANSCRIPTS, Transcription(file=Asset(data=b"x"), format="verbose_json")),
]
ANSWERS = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(
        st.sampled_from(["data", "images", "usage", "created", "error", "text", "segments", "duration", "words", "audio_data", "choices", "size"]),
        st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["url", "b64_json", "message", "content", "images", "start", "end", "text", "type", "input_tokens", "seconds"]), inner, max_size=4)),
        max_size=6,
    ).map(msgspec.json.encode),
)  # fmt: skip


@pytest.mark.parametrize(("wire", "request_"), ASKED, ids=[wire.name for wire, _ in ASKED])
@QUIET
@given(body=ANSWERS)
def test_any_answer_is_read_or_an_error(wire: MediaWire, request_: Any, body: bytes) -> None:
    try:
        result = run_plan(wire.plan(request_, "m", Profile()), [got(body)], wire=wire).result
    except PiscesError as error:
        assert error.message
        return
    if not isinstance(wire, ChatImages):
        assert wire.encode_response(result, request_, samples.reply(b"{}")).mime
        if wire is not SPEECH:
            operation = samples.asked(DOORS[0][1], {"model": "m", "prompt": "p"})
            try:
                wire.counted(got(body), operation, Profile())
            except PiscesError as error:
                assert error.message
