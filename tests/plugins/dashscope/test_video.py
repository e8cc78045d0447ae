"""Happyhorse and Wan: what is asked in which words, and what is made of their answers (F7, S3-33 to S3-51)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from pisces_dashscope.video import Video as Driver

from pisces_proxy import errors
from pisces_proxy.media import Asset, Video
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import Measures
from pisces_proxy.testing import got

DRIVER = Driver()
PNG = "https://example.com/input.jpg"
MP4 = "https://example.com/input.mp4"


def sent(model: str, **members: Any) -> dict[str, Any]:
    ask = DRIVER.submit(Video(**{"prompt": "x", **members}), model, Profile(), "task_1")
    assert ask.headers == {"X-DashScope-Async": "enable"}
    return {"path": ask.path, **msgspec.json.decode(ask.body)}


def given(role: str, url: str = PNG) -> Asset:
    return Asset(url=url, role=role)


@pytest.mark.parametrize(
    ("model", "members", "input", "parameters"),
    [
        (
            "happyhorse-1.0-t2v",
            {"resolution": "720p", "seconds": 5.0, "aspect_ratio": "16:9"},
            {"prompt": "x"},
            {"resolution": "720P", "ratio": "16:9", "watermark": False, "duration": 5},
        ),
        (
            "happyhorse-1.0-i2v",
            {"assets": (given("first_frame"),), "resolution": "720p", "seconds": 5.0},
            {"prompt": "x", "media": [{"type": "first_frame", "url": PNG}]},
            {"resolution": "720P", "watermark": False, "duration": 5},
        ),
        (
            "happyhorse-1.0-r2v",
            {"assets": (given("reference"), given("reference", PNG + "2")), "seconds": 3.0, "watermark": True, "seed": 4},
            {"prompt": "x", "media": [{"type": "reference_image", "url": PNG}, {"type": "reference_image", "url": PNG + "2"}]},
            {"watermark": True, "duration": 3, "seed": 4},
        ),
        (  # an edit is as long as its clip: `duration` is for the bill
            "happyhorse-1.0-video-edit",
            {"assets": (given("video", MP4),), "billed_seconds": 3.0, "extra": {"audio_setting": "origin"}},
            {"prompt": "x", "media": [{"type": "video", "url": MP4}]},
            {"watermark": False, "audio_setting": "origin"},
        ),
        (  # OpenAI's clients: pixels, and a file that was uploaded
            "happyhorse-1.0-i2v",
            {"assets": (Asset(data=b"\x89PNG\r\n\x1a\n", role="first_frame"),), "size": "1280x720", "seconds": 4.0},
            {"prompt": "x", "media": [{"type": "first_frame", "url": "data:image/png;base64,iVBORw0KGgo="}]},
            {"resolution": "720P", "watermark": False, "duration": 4},
        ),
        (
            "wan2.7-i2v",
            {"assets": (given("first_frame"), given("last_frame"), given("audio", "https://a.b/c.mp3"))},
            {
                "prompt": "x",
                "media": [
                    {"type": "first_frame", "url": PNG},
                    {"type": "last_frame", "url": PNG},
                    {"type": "driving_audio", "url": "https://a.b/c.mp3"},
                ],
            },
            {"watermark": False},
        ),
        (
            "wan2.6-t2v",
            {"size": "1080x1920", "audio": False, "negative_prompt": "y", "seed": -1},
            {"prompt": "x", "negative_prompt": "y"},
            {"size": "1080*1920", "watermark": False, "audio": False},
        ),
        (
            "wan2.2-t2v-plus",
            {"resolution": "480p", "aspect_ratio": "1:1", "extra": {"prompt_extend": False}},
            {"prompt": "x"},
            {"size": "624*624", "watermark": False, "prompt_extend": False},
        ),
        (
            "wan2.5-i2v-preview",
            {"assets": (given("first_frame"), given("audio", "https://a.b/c.mp3")), "resolution": "1080p"},
            {"prompt": "x", "img_url": PNG, "audio_url": "https://a.b/c.mp3"},
            {"resolution": "1080P", "watermark": False},
        ),
        (
            "wan2.6-r2v",
            {"assets": (given("reference"), given("video", MP4)), "resolution": "720p"},
            {"prompt": "x", "reference_urls": [PNG, MP4]},
            {"size": "1280*720", "watermark": False},
        ),
        (
            "wan2.2-kf2v-flash",
            {"assets": (given("first_frame"), given("last_frame", PNG + "2")), "resolution": "720p"},
            {"prompt": "x", "first_frame_url": PNG, "last_frame_url": PNG + "2"},
            {"resolution": "720P", "watermark": False},
        ),
        (
            "a-model-of-tomorrow",
            {"assets": (given("reference"),), "aspect_ratio": "9:16"},
            {"prompt": "x", "media": [{"type": "reference_image", "url": PNG}]},
            {"ratio": "9:16", "watermark": False},
        ),
    ],
)
def test_each_line_of_models_is_asked_in_its_own_words(
    model: str, members: dict[str, Any], input: dict[str, Any], parameters: dict[str, Any]
) -> None:
    told = sent(model, **members)
    assert told.pop("path") == f"/services/aigc/{'image2video' if 'kf2v' in model else 'video-generation'}/video-synthesis"
    assert told == {"model": model, "input": input, "parameters": parameters}


@pytest.mark.parametrize(
    ("model", "assets", "said"),
    [
        ("happyhorse-1.0-t2v", (given("first_frame"),), "i2v model"),
        ("happyhorse-1.0-i2v", (given("first_frame"), given("last_frame")), "does not take a last frame"),
        ("happyhorse-1.0-video-edit", (given("video", MP4), given("audio")), "does not take sound"),
        ("happyhorse-1.0-i2v", (), "needs a first frame"),
        ("happyhorse-1.0-r2v", (), "needs reference images"),
        ("happyhorse-1.0-video-edit", (given("reference"),), "needs a video"),
        ("happyhorse-1.0-video-edit", (Asset(data=b"\0\0\0\x18ftypmp42", mime="video/mp4", role="video"),), "public https URL"),
        ("happyhorse-1.0-i2v", (given("first_frame"), given("first_frame")), "one of each"),
        ("wan2.5-i2v-preview", (given("first_frame"), given("first_frame")), "a first frame once only"),
    ],
)
def test_files_that_a_model_has_no_place_for_are_refused_by_name(model: str, assets: tuple[Asset, ...], said: str) -> None:
    with pytest.raises(errors.BadRequest, match=said) as raised:
        sent(model, assets=assets)
    assert raised.value.param == "input.media"


def test_what_is_left_away_is_listed() -> None:
    request = Video(
        prompt="x", assets=(given("first_frame"),), aspect_ratio="16:9", resolution="540p", extra={"style": "noir"}, seconds=4.5
    )
    losses = DRIVER.losses(request, "happyhorse-1.0-i2v", Profile())
    assert [(loss.field, loss.action) for loss in losses] == [
        ("style", "dropped"),
        ("resolution", "changed"),
        ("ratio", "dropped"),
    ]
    assert sent("happyhorse-1.0-i2v", assets=request.assets, seconds=4.5)["parameters"]["duration"] == 4.5


# -- how it goes


def told(status: str = "", usage: Any = None, **output: Any) -> Any:
    return got({"request_id": "r", "output": {"task_id": "t-1", "task_status": status, **output}, "usage": usage})


def test_a_task_is_found_by_its_id() -> None:
    state = DRIVER.submitted(told("PENDING"))
    assert state == {"id": "t-1"}
    assert (DRIVER.poll(state).method, DRIVER.poll(state).path) == ("GET", "/tasks/t-1")
    cancel = DRIVER.cancel(state)
    assert cancel is not None and (cancel.method, cancel.path) == ("POST", "/tasks/t-1/cancel")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("PENDING", "queued"),
        ("RUNNING", "in_progress"),
        ("SUSPENDED", None),
        ("CANCELED", "cancelled"),
        ("UNKNOWN", "expired"),
        ("FAILED", "failed"),
    ],
)
def test_their_words_for_a_status(word: str, status: str | None) -> None:
    assert DRIVER.read(told(word), {}).status == status


@pytest.mark.parametrize(
    ("usage", "seconds", "measures", "pixels"),
    [
        ({"duration": 5, "SR": 720, "video_count": 1}, 5, Measures(seconds=5, resolution="720p"), (None, None)),
        ({"duration": 8, "output_video_duration": 3, "SR": "1080"}, 3, Measures(seconds=8, resolution="1080p"), (None, None)),
        ({"video_duration": 10, "video_count": 1}, 10, Measures(seconds=10), (None, None)),
        ({"duration": 5, "size": "1280*720"}, 5, Measures(seconds=5, resolution="1280x720"), (1280, 720)),
        ({"duration": "five"}, None, Measures(), (None, None)),
        (None, None, Measures(), (None, None)),
    ],
)
def test_a_video_is_billed_as_long_and_as_large_as_they_say(usage: Any, seconds: Any, measures: Any, pixels: Any) -> None:
    progress = DRIVER.read(told("SUCCEEDED", usage, video_url="https://files.example/v.mp4"), {})
    assert progress.status == "completed" and progress.assets[0].url == "https://files.example/v.mp4"
    assert (progress.seconds, progress.measures, (progress.width, progress.height)) == (seconds, measures, pixels)


@pytest.mark.parametrize(
    ("code", "message", "seen"),
    [
        ("DataInspectionFailed", "Output data may contain inappropriate content.", "content_policy"),
        ("InvalidParameter.DataInspection", "Unable to download the media resource.", "InvalidParameter.DataInspection"),
        ("InternalError", "Internal server error!", "InternalError"),
        ("", "", "failed"),
    ],
)
def test_a_task_that_failed_says_why(code: str, message: str, seen: str) -> None:
    progress = DRIVER.read(told("FAILED", code=code, message=message), {})
    assert (progress.status, progress.error_code) == ("failed", seen)
    assert progress.error_message and (not message or progress.error_message == message)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"code": "InvalidApiKey", "message": "Invalid API-key provided."}, errors.UpstreamUnauthorized),
        ({"code": "Throttling.RateQuota", "message": "Requests rate limit exceeded."}, errors.UpstreamRateLimited),
        ({"code": "InvalidParameter", "message": "duration is too long"}, errors.BadRequest),
        ({"output": {}}, errors.UpstreamBroken),
        (b"<html>", errors.UpstreamBroken),
    ],
)
def test_an_error_inside_a_200_is_raised(body: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        DRIVER.submitted(got(body))
    with pytest.raises(kind):
        DRIVER.read(got(body), {"id": "t-1"})


def test_a_refusal_by_status_is_understood() -> None:
    body = msgspec.json.encode({"code": "Model.AccessDenied", "message": "Model access denied.", "request_id": "r"})
    assert isinstance(DRIVER.decode_error(403, {}, body), errors.UpstreamUnauthorized)
