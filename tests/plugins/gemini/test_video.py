"""Veo as an upstream, and its operations as a dialect of tasks (wire.md F7)."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from pisces_gemini.google import OPERATIONS, VIDEO
from pisces_gemini.operations import Operations
from pisces_gemini.video import GeminiVideo
from plugins.gemini.media_samples import B64, GIVEN, PNG, asked

from pisces_proxy.errors import BadRequest, NotFound, PiscesError, Unsupported, UpstreamBroken
from pisces_proxy.media import Asset, Video
from pisces_proxy.mediawire import TaskView
from pisces_proxy.plugin import Operation, Profile
from pisces_proxy.task import Progress
from pisces_proxy.testing import got

VEO, DOOR = GeminiVideo(), Operations()
NAME = "models/veo-3.1/operations/op1"
FRAME = Asset(data=PNG, mime="image/png")


def submitted(request: Video, model: str = "veo-3.1", **flags: Any) -> Any:
    ask = VEO.submit(request, model, Profile(**flags), "task_1")
    assert isinstance(ask.body, bytes)
    return ask.path, json.loads(ask.body)


def of(role: str) -> Asset:
    return msgspec.structs.replace(FRAME, role=role)


def test_a_film_is_ordered_in_veos_words() -> None:
    path, body = submitted(
        Video(
            prompt="a cat", seconds=8, resolution="1080p", aspect_ratio="4:5", negative_prompt="dogs", seed=7,
            assets=(of("first_frame"), of("last_frame"), of("reference"), of("reference")),
            extra={VIDEO: {"personGeneration": "allow_adult"}, "other": 1},
        )
    )  # fmt: skip
    reference = {"image": GIVEN, "referenceType": "asset"}
    assert path == "/models/veo-3.1:predictLongRunning"
    assert body["instances"] == [{"prompt": "a cat", "image": GIVEN, "lastFrame": GIVEN, "referenceImages": [reference] * 2}]
    assert body["parameters"] == {
        "aspectRatio": "9:16", "durationSeconds": 8, "resolution": "1080p", "negativePrompt": "dogs", "seed": 7,
        "personGeneration": "allow_adult",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "parameters"),
    [
        (Video(prompt="x"), None),
        (Video(prompt="x", size="1280x720"), {"aspectRatio": "16:9", "resolution": "720p"}),
        (Video(prompt="x", size="1024x1792"), {"aspectRatio": "9:16"}),
        (Video(prompt="x", resolution="4k"), {"resolution": "4k"}),
    ],
)
def test_sizes_become_a_ratio_and_lines(request_: Video, parameters: Any) -> None:
    assert submitted(request_)[1].get("parameters") == parameters


@pytest.mark.parametrize(
    ("request_", "model", "param"),
    [
        (Video(prompt="x", seconds=5), "veo-3.1", "seconds"),
        (Video(prompt="x", seconds=4), "veo-2.0-generate-001", "seconds"),
        (Video(prompt="x", resolution="480p"), "veo-3.1", "resolution"),
        (Video(prompt="x", assets=(of("video"),)), "veo-3.1", "video"),
        (Video(prompt="x", remix_of="op1"), "veo-3.1", "model"),
    ],
)
def test_what_veo_does_not_do_is_named(request_: Video, model: str, param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        submitted(request_, model)
    assert refused.value.param == param


def test_an_operation_is_watched_by_its_name() -> None:
    state = VEO.submitted(got({"name": NAME}))
    ask = VEO.poll(state)
    assert (state, ask.method, ask.path, ask.body) == ({"id": NAME}, "GET", "/" + NAME, b"")
    assert VEO.read(got({"name": NAME}), state) == Progress(status="in_progress")
    assert VEO.fetch_headers("https://generativelanguage.googleapis.com/v1beta/files/x:download?alt=media")


@pytest.mark.parametrize("body", [{}, {"error": {"message": "x"}}, {"name": "https://evil.example/x"}, {"name": "../../x"}])
def test_a_submission_without_a_name_is_none(body: Any) -> None:
    with pytest.raises(PiscesError):
        VEO.submitted(got(body))


@pytest.mark.parametrize(("asked_", "made"), [(None, 8.0), (6, 6)])
def test_a_film_is_as_long_as_it_was_ordered_or_as_google_makes_them(asked_: Any, made: float) -> None:
    state = {**VEO.remembered(Video(prompt="x", seconds=asked_), "veo-3.1"), "id": NAME}
    told = {"name": NAME, "done": True, "response": {"generateVideoResponse": {"generatedSamples": [{"video": {"uri": URI}}]}}}
    assert VEO.read(got(told), state).seconds == made


@pytest.mark.parametrize(
    ("asked_", "lines"),
    [
        ({}, "720p"),
        ({"extra": {"gemini.video": {"resolution": "4k"}}}, "4k"),
        ({"resolution": "1080p"}, ""),  # known from the request, as pixels are
        ({"size": "1080x1920"}, ""),
    ],
)
def test_a_film_that_names_no_resolution_is_billed_by_googles_usual_one(asked_: Any, lines: str) -> None:
    state = {**VEO.remembered(Video(prompt="x", **asked_), "veo-3.1"), "id": NAME}
    told = {"name": NAME, "done": True, "response": {"generateVideoResponse": {"generatedSamples": [{"video": {"uri": URI}}]}}}
    assert VEO.read(got(told), state).measures.resolution == lines


@pytest.mark.parametrize(
    ("request_", "model", "fields"),
    [
        (Video(prompt="x", aspect_ratio="16:9", audio=True), "veo-3.1", []),
        (Video(prompt="x", aspect_ratio="1:1", audio=False), "veo-3.1", ["aspect_ratio", "generate_audio"]),
        (Video(prompt="x", audio=True), "veo-2.0-generate-001", ["generate_audio"]),
        (Video(prompt="x", audio=False), "veo-2.0-generate-001", []),
    ],
)
def test_what_veo_decides_itself_is_said(request_: Video, model: str, fields: list[str]) -> None:
    assert [loss.field for loss in VEO.losses(request_, model, Profile())] == fields


URI = "https://generativelanguage.googleapis.com/v1beta/files/abc:download?alt=media"
DONE = Progress(status="completed", assets=(Asset(url=URI, mime="video/mp4"),))
WITHHELD = Progress(status="failed", error_code="content_policy", error_message="No faces.")


@pytest.mark.parametrize(
    ("operation", "progress"),
    [
        ({"response": {"generateVideoResponse": {"generatedSamples": [{"video": {"uri": URI}}]}}}, DONE),
        ({"response": {"generatedSamples": [{"video": {"uri": URI}}]}}, DONE),
        ({"response": {"videos": [{"bytesBase64Encoded": base64.b64encode(b"film").decode()}]}},
         Progress(status="completed", assets=(Asset(data=b"film", mime="video/mp4"),))),
        ({"response": {"generateVideoResponse": {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["No faces."]}}}, WITHHELD),
        ({"error": {"code": 3, "message": "Violates Google's usage guidelines."}},
         Progress(status="failed", error_code="content_policy", error_message="Violates Google's usage guidelines.")),
        ({"error": {"code": 13, "message": "Oops."}}, Progress(status="failed", error_code="internal", error_message="Oops.")),
        ({"error": {"code": 8, "message": "Full.", "status": "RESOURCE_EXHAUSTED"}},
         Progress(status="failed", error_code="resource_exhausted", error_message="Full.")),
        ({"error": {"code": 1, "message": "Stopped."}},
         Progress(status="cancelled", error_code="cancelled", error_message="Stopped.")),
        ({"response": {}}, Progress(status="completed")),
    ],
)  # fmt: skip
def test_how_it_ended(operation: Any, progress: Progress) -> None:
    assert VEO.read(got({"name": NAME, "done": True, **operation}), {"id": NAME}) == progress


@pytest.mark.parametrize("body", [{}, {"done": True, "response": {"videos": [{"gcsUri": "gs://bucket/a.mp4"}]}}])
def test_an_answer_that_says_nothing_is_asked_for_again(body: Any) -> None:
    with pytest.raises(UpstreamBroken):
        VEO.read(got(body), {"id": NAME})


# -- the dialect ---------------------------------------------------------------------------------------------------------


def created(instance: Any, **parameters: Any) -> Video:
    request, webhook = DOOR.decode_create(asked({"instances": [instance], "parameters": parameters}, OPERATIONS, model="veo"))
    assert isinstance(request, Video) and not webhook
    return request


def test_an_order_is_read_whole() -> None:
    found = created(
        {"prompt": "a cat", "image": GIVEN, "lastFrame": {"inlineData": {"mimeType": "image/png", "data": B64}},
         "referenceImages": [{"image": {"uri": "https://x/a.png", "mimeType": "image/png"}, "referenceType": "asset"}]},
        aspectRatio="9:16", durationSeconds="6", resolution="720P", negativePrompt="dogs", seed=3, generateAudio=True,
        personGeneration="allow_all",
    )  # fmt: skip
    assert found == Video(
        model="veo", prompt="a cat", seconds=6, resolution="720p", aspect_ratio="9:16", negative_prompt="dogs", seed=3,
        audio=True, extra={VIDEO: {"personGeneration": "allow_all"}},
        assets=(of("first_frame"), of("last_frame"), Asset(url="https://x/a.png", mime="image/png", role="reference")),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("instance", "parameters", "param"),
    [
        ({}, {}, "instances[0].prompt"),
        ({"prompt": "x"}, {"durationSeconds": 0}, "parameters.durationSeconds"),
        ({"prompt": "x"}, {"sampleCount": 2}, "parameters.sampleCount"),
        ({"prompt": "x"}, {"aspectRatio": "wide"}, "parameters.aspectRatio"),
        ({"prompt": "x"}, {"resolution": "big"}, "parameters.resolution"),
        ({"prompt": "x", "referenceImages": [{}]}, {}, "instances[0].referenceImages[0].image"),
        ({"prompt": "x", "video": {"gcsUri": "gs://b/a.mp4"}}, {}, "instances[0].video.gcsUri"),
    ],
)
def test_what_cannot_be_read_is_named(instance: Any, parameters: Any, param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        created(instance, **parameters)
    assert refused.value.param == param
    with pytest.raises(BadRequest):
        DOOR.decode_create(asked({"instances": []}, OPERATIONS))


ID = "task_" + "aB3" * 10 + "Zz"
VIEW = TaskView(
    id=ID, type="video", model="veo-3.1", status="queued", progress=0, created_at=1_700_000_000, request=Video(prompt="x"),
    polling_url=f"https://gate.example/v1/tasks/{ID}",
)  # fmt: skip


def told(**changes: Any) -> Any:
    return json.loads(DOOR.encode_task(msgspec.structs.replace(VIEW, **changes), created=False, extension=b'{"g":1}'))


def test_a_task_is_an_operation_of_its_model() -> None:
    assert json.loads(DOOR.encode_task(VIEW, created=True, extension=b"")) == {"name": f"models/veo-3.1/operations/{ID}"}
    running = told(status="in_progress", progress=40, started_at=1_700_000_001)
    assert "done" not in running and running["pisces"] == {"g": 1}
    assert running["metadata"] == {
        "createTime": "2023-11-14T22:13:20Z", "startTime": "2023-11-14T22:13:21Z", "state": "IN_PROGRESS", "progressPercent": 40,
    }  # fmt: skip


def test_results_lie_in_the_file_service() -> None:
    signed = "https://gate.example/v1/tasks/x/files/0?expires=1&signature=s"
    done = told(status="completed", urls=(signed, signed))
    samples = done["response"]["generateVideoResponse"]["generatedSamples"]
    uri = samples[1]["video"]["uri"]
    assert done["done"] and len(samples) == 2 and done["response"]["videos"][0]["gcsUri"] == signed
    prefix, _, name = uri.removesuffix(":download?alt=media").partition("/v1beta/files/")
    assert prefix == "https://gate.example" and name.isalnum() and name == name.lower()  # as the SDK takes it apart
    for file in (name, f"{prefix}/v1beta/files/{name}"):  # over plain http it sends all of it
        operation = Operation(kind="task.content", wire=OPERATIONS, path={"file": file})
        assert (DOOR.task_id(operation), DOOR.variant(operation)) == (ID, "1")


def test_a_task_is_found_by_path_and_by_name() -> None:
    assert DOOR.task_id(Operation(kind="task.get", wire=OPERATIONS, path={"id": ID, "model": "m"})) == ID
    assert DOOR.task_id(asked({"operationName": f"models/m/operations/{ID}"}, OPERATIONS)) == ID
    for file in ("", "abc", "zz" * 32 + "x0"):
        with pytest.raises(NotFound):
            DOOR.task_id(Operation(kind="task.content", wire=OPERATIONS, path={"file": file}))


@pytest.mark.parametrize(
    ("status", "code", "number"),
    [("failed", "submission_lost", 13), ("failed", "invalid_value", 3), ("cancelled", "", 1), ("expired", "", 4)],
)
def test_a_failure_has_googles_number(status: str, code: str, number: int) -> None:
    over = told(status=status, error_code=code, error_message="Why.")
    assert (over["done"], over["error"]) == (True, {"code": number, "message": "Why."})


def test_what_was_withheld_is_told_as_google_tells_it() -> None:
    over = told(status="failed", error_code="content_policy", error_message="No faces.")
    assert over["response"]["generateVideoResponse"]["raiMediaFilteredReasons"] == ["No faces."] and "error" not in over


def test_errors_are_googles() -> None:
    status, body = DOOR.encode_error(Unsupported("x", param="p"), "r", b"")
    assert (status, json.loads(body)["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert DOOR.encode_deleted(VIEW, b"") == b"{}"
