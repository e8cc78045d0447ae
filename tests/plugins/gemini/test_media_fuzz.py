"""Whatever a client writes into a request of Google's formats, it is read or refused; never anything else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from pisces_gemini.embed import GeminiEmbed
from pisces_gemini.google import EMBED, IMAGEN, ONE, OPERATIONS
from pisces_gemini.imagen import GeminiImagen
from pisces_gemini.operations import Operations
from pisces_gemini.pictures import as_data, as_text
from pisces_gemini.video import GeminiVideo
from plugins.gemini.media_samples import asked

from pisces_proxy.errors import BadRequest, PiscesError
from pisces_proxy.media import Image, Video
from pisces_proxy.plugin import Profile
from pisces_proxy.testing import got, run_plan

NAMES = [
    "requests",
    "content",
    "parts",
    "text",
    "inlineData",
    "taskType",
    "title",
    "outputDimensionality",
    "embedContentConfig",
    "instances",
    "prompt",
    "image",
    "lastFrame",
    "referenceImages",
    "referenceImage",
    "referenceType",
    "bytesBase64Encoded",
    "mimeType",
    "gcsUri",
    "uri",
    "video",
    "parameters",
    "sampleCount",
    "aspectRatio",
    "durationSeconds",
    "resolution",
    "negativePrompt",
    "seed",
    "generateAudio",
    "outputOptions",
    "compressionQuality",
    "mode",
    "sampleImageSize",
    "operationName",
    "name",
    "done",
    "error",
    "response",
    "generateVideoResponse",
    "generatedSamples",
    "videos",
    "code",
    "message",
    "raiMediaFilteredReasons",
]
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8),
    st.sampled_from(["AAAA", "16:9", "0:0", "720p", "8", "gs://b/a", "https://x/a.png", "REFERENCE_TYPE_MASK", "\ud800"]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=5))
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)


def written(body: Any) -> bytes:
    return json.dumps(body).encode()


@settings(max_examples=300, deadline=None)
@given(BODIES, st.sampled_from(["sse", ONE]))
def test_a_request_is_read_or_refused(body: Any, form: str) -> None:
    with suppress(BadRequest):
        GeminiEmbed().decode_request(asked(written(body), EMBED, form=form))
    with suppress(BadRequest):
        GeminiImagen().decode_request(asked(written({**body, "instances": [body]}), IMAGEN))
    with suppress(BadRequest):
        request, _ = Operations().decode_create(asked(written({"instances": [body], "parameters": body}), OPERATIONS))
        assert isinstance(request, Video)
        GeminiVideo().submit(request, "veo-3.1", Profile(), "task_1")
    with suppress(PiscesError):
        Operations().task_id(asked(written(body), OPERATIONS))


@settings(max_examples=200, deadline=None)
@given(BODIES)
def test_an_operation_is_read_or_is_no_answer(body: Any) -> None:
    """What is not of the right type is the core's to refuse (`msgspec.MsgspecError`)."""
    with suppress(PiscesError, msgspec.MsgspecError):
        GeminiVideo().read(got(written({"name": "models/m/operations/x", **body})), {"id": "x"})
    with suppress(PiscesError, msgspec.MsgspecError):
        GeminiVideo().submitted(got(written(body)))


SAMPLES = st.dictionaries(st.sampled_from(["bytesBase64Encoded", "encodedVideo", "gcsUri", "raiFilteredReason"]), LEAVES)


@settings(max_examples=200, deadline=None)
@given(st.lists(SAMPLES, max_size=3))
def test_a_result_is_read_or_is_no_answer(samples: Any) -> None:
    done = {"name": "models/m/operations/x", "done": True, "response": {"videos": samples}}
    with suppress(PiscesError, msgspec.MsgspecError):
        GeminiVideo().read(got(written(done)), {"id": "x"})
    with suppress(PiscesError, msgspec.MsgspecError):
        run_plan(GeminiImagen().plan(Image(prompt="x"), "m", Profile()), [written({"predictions": samples})])


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_answers_without_pictures_stay_as_they_are(value: Any) -> None:
    body = written(value)
    assert as_data(body) == body
    json.loads(as_text(body))
