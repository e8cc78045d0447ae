"""Volcengine Ark: Seedream's pictures, Seedance's videos (F4, F7, S3-60 to S3-71)."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from pisces_ark.images import Images as Wire
from pisces_ark.video import Video as Driver

from pisces_proxy import errors
from pisces_proxy.media import Asset, Image, Video
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import Images, Measures
from pisces_proxy.testing import got, run_plan
from pisces_proxy.usage import Usage

WIRE, DRIVER = Wire(), Driver()
NEW, OLD = "doubao-seedream-4-5-251128", "doubao-seedream-3-0-t2i-250415"
URL = "https://files.example/a.jpeg"
SEEDANCE, LITE = "doubao-seedance-2-0-260128", "doubao-seedance-1-0-pro-250528"


# -- pictures


def drawn(*items: Any, **usage: int) -> dict[str, Any]:
    usage = usage or {"generated_images": 1, "output_tokens": 16384, "total_tokens": 16384}
    return {"model": "m", "created": 1757321139, "data": list(items) or [{"url": URL, "size": "2048x2048"}], "usage": usage}


def played(request: Image, *answers: Any, model: str = NEW) -> Any:
    return run_plan(WIRE.plan(request, model, Profile()), answers or (drawn(),), wire=WIRE)


def test_a_picture_is_drawn_without_a_watermark() -> None:
    done = played(Image(prompt="a cat", size="2K", quality="hd"))
    assert done.sent() == {"model": NEW, "prompt": "a cat", "watermark": False, "size": "2K", "response_format": "url"}
    result = done.result
    assert (result.pictures[0].asset.url, result.created) == (URL, 1757321139)
    assert result.usage == Usage(output=16384, image_output=16384)
    assert result.measures == Measures(images=(Images(count=1, size="2048x2048", quality="auto"),))
    assert [loss.field for loss in result.losses] == ["quality"]


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        (NEW, {"size": "1024x1024"}, "1920x1920"),  # OpenAI's usual size is too small for it
        (NEW, {"size": "1536x1024"}, "2352x1568"),
        (NEW, {"size": "2560x1440"}, "2560x1440"),
        ("seedream-4-0-250828", {"size": "1024x1024"}, "1024x1024"),
        (OLD, {"size": "1024x1024"}, "1024x1024"),
        (OLD, {"size": "4096x4096"}, "2048x2048"),
        ("ep-20260101-abcde", {"size": "512x512"}, "512x512"),  # nobody knows what is behind it
        (NEW, {"aspect_ratio": "16:9", "size": "4K"}, "5461x3072"),
        (NEW, {"aspect_ratio": "1:1"}, "2048x2048"),
        (NEW, {}, None),
    ],
)
def test_sizes_are_brought_to_what_the_model_draws(model: str, asked: dict[str, str], sent: str | None) -> None:
    done = played(Image(prompt="x", **asked), model=model)
    assert done.sent().get("size") == sent
    changed = "x" in asked.get("size", "") and asked["size"] != sent
    assert [loss.field for loss in done.result.losses] == (["size"] if changed else [])


def test_several_are_asked_for_one_by_one_unless_they_are_to_be_a_series() -> None:
    done = played(Image(prompt="x", n=2), drawn(), drawn())
    assert len(done.asks) == 2 and len(done.result.pictures) == 2
    assert done.result.measures.images[0].count == 2 and done.result.usage.output == 2 * 16384
    series = Image(prompt="x", n=4, extra={"openai.images": {"sequential_image_generation": "auto"}})
    done = played(series, drawn({"url": URL}, {"url": URL}, generated_images=2, output_tokens=9))
    assert len(done.asks) == 1 and done.sent()["sequential_image_generation_options"] == {"max_images": 4}
    assert len(done.result.pictures) == 2


def test_an_edit_sends_one_picture_bare_and_several_as_a_list() -> None:
    one, two = Asset(url="https://example.com/in.png"), Asset(data=b"\x89PNG", mime="image/png")
    assert played(Image(action="edit", prompt="x", images=(one,))).sent()["image"] == "https://example.com/in.png"
    both = played(Image(action="edit", prompt="x", images=(one, two))).sent()["image"]
    assert both == ["https://example.com/in.png", "data:image/png;base64,iVBORw=="]


def test_data_comes_as_data() -> None:
    done = played(Image(prompt="x", wants="data"), drawn({"b64_json": base64.b64encode(b"\xff\xd8\xffjpeg").decode()}))
    assert done.sent()["response_format"] == "b64_json"
    assert (done.result.pictures[0].asset.data, done.result.pictures[0].asset.mime) == (b"\xff\xd8\xffjpeg", "image/jpeg")


@pytest.mark.parametrize(
    ("model", "kept"), [(OLD, {"seed"}), (NEW, set()), ("doubao-seedream-5-0-260128", {"output_format"}), ("ep-1", {"seed", "output_format"})]
)  # fmt: skip
def test_choices_go_to_the_versions_that_have_them(model: str, kept: set[str]) -> None:
    done = played(Image(prompt="x", seed=3, output_format="png"), model=model)
    assert {"seed", "output_format"} & set(done.sent()) == kept
    assert {loss.field for loss in done.result.losses} == {"seed", "output_format"} - kept


def test_a_picture_that_was_refused_on_its_own_is_left_out() -> None:
    refused = {
        "error": {"code": "OutputImageSensitiveContentDetected", "message": "The image may contain sensitive information."}
    }
    result = played(Image(prompt="x", n=1), drawn({"url": URL, "size": "2048x2048"}, refused)).result
    assert len(result.pictures) == 1
    with pytest.raises(errors.ContentRefused):
        played(Image(prompt="x"), drawn(refused))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"error": {"code": "InvalidParameter", "message": "size is wrong", "param": "size"}}, errors.BadRequest),
        (200, {"data": []}, errors.UpstreamBroken),
        (200, b"<html>", errors.UpstreamBroken),
        (400, {"error": {"code": "InputTextSensitiveContentDetected", "message": "The text may contain sensitive information."}},
         errors.ContentRefused),
        (404, {"error": {"code": "ModelNotOpen", "message": "Your account has not activated the model."}},
         errors.UpstreamModelMissing),
        (429, {"error": {"code": "AccountRateLimitExceeded", "message": "slow down"}}, errors.UpstreamRateLimited),
        (403, {"error": {"code": "AccountOverdueError", "message": "The account is overdue."}}, errors.UpstreamUnfunded),
    ],
)  # fmt: skip
def test_an_answer_without_pictures_says_why(status: int, body: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        played(Image(prompt="x"), got(body, status=status))


def test_what_it_has_no_place_for_is_refused() -> None:
    picture = Asset(url="https://a.b/c.png")
    for request in (
        Image(action="edit", prompt="x", images=(picture,), mask=picture),
        Image(action="variation", images=(picture,)),
    ):
        with pytest.raises(errors.Unsupported):
            played(request)


# -- videos


def sent(model: str = SEEDANCE, **members: Any) -> Any:
    return msgspec.json.decode(DRIVER.submit(Video(**{"prompt": "a boy", **members}), model, Profile(), "task_1").body)


def test_a_video_is_asked_for_in_members() -> None:
    """S3-61 to S3-66"""
    told = sent(resolution="720p", aspect_ratio="16:9", seconds=4.0, audio=False, seed=11)
    assert told == {
        "model": SEEDANCE, "content": [{"type": "text", "text": "a boy"}], "watermark": False, "resolution": "720p",
        "ratio": "16:9", "duration": 4, "seed": 11, "generate_audio": False,
    }  # fmt: skip


def test_older_models_are_told_behind_the_prompt() -> None:
    told = sent(LITE, resolution="1080p", aspect_ratio="1:1", seconds=5.0, seed=3, extra={"camera_fixed": True})
    text = "a boy --watermark false --resolution 1080p --ratio 1:1 --duration 5 --seed 3 --camerafixed true"
    assert told == {"model": LITE, "content": [{"type": "text", "text": text}]}


def test_files_have_roles() -> None:
    urls = {role: f"https://example.com/{role}" for role in ("first_frame", "last_frame", "reference", "video", "audio")}
    content = sent(prompt="", assets=tuple(Asset(url=url, role=role) for role, url in urls.items()))["content"]
    assert [(item["type"], item["role"], item[item["type"]]["url"]) for item in content] == [
        ("image_url", "first_frame", urls["first_frame"]),
        ("image_url", "last_frame", urls["last_frame"]),
        ("image_url", "reference_image", urls["reference"]),
        ("video_url", "reference_video", urls["video"]),
        ("audio_url", "reference_audio", urls["audio"]),
    ]


def test_an_upload_goes_as_data_but_for_clips() -> None:
    content = sent(assets=(Asset(data=b"\x89PNG\r\n\x1a\n", role="first_frame"),))["content"]
    assert content[1]["image_url"] == {"url": "data:image/png;base64,iVBORw0KGgo="}
    with pytest.raises(errors.Unsupported, match="public https URL"):
        sent(assets=(Asset(data=b"\0\0\0\x18ftypmp42", role="video"),))


def test_openais_sizes_and_the_vendors_own_words_are_understood() -> None:
    told = sent(size="720x1280", extra={"return_last_frame": True, "frames": 57, "style": "noir"}, seconds=4.0)
    assert (told["resolution"], told["ratio"], told["return_last_frame"], told["frames"]) == ("720p", "9:16", True, 57)
    assert "duration" not in told and "style" not in told
    request = Video(prompt="x", negative_prompt="y", audio=True, extra={"style": "noir"})
    assert [loss.field for loss in DRIVER.losses(request, LITE, Profile())] == ["style", "negative_prompt", "audio"]


def looked(status: str, **members: Any) -> Any:
    return DRIVER.read(got({"id": "cgt-1", "model": SEEDANCE, "status": status, **members}), {"id": "cgt-1"})


def test_a_task_goes_its_way() -> None:
    state = DRIVER.submitted(got({"id": "cgt-1"}))
    cancel = DRIVER.cancel(state)
    assert (DRIVER.poll(state).method, DRIVER.poll(state).path) == ("GET", "/cgt-1")
    assert cancel is not None and (cancel.method, cancel.path) == ("DELETE", "/cgt-1")
    words = {"queued": "queued", "running": "in_progress", "cancelled": "cancelled", "expired": "expired", "dreaming": None}
    assert {word: looked(word).status for word in words} == words


def test_it_is_told_where_to_call() -> None:
    ask = DRIVER.with_callback(DRIVER.submit(Video(prompt="x"), SEEDANCE, Profile(), "t"), "https://gateway.example/up/1")
    assert msgspec.json.decode(ask.body)["callback_url"] == "https://gateway.example/up/1"


def test_a_video_is_billed_by_its_tokens_its_length_and_its_lines() -> None:
    content = {"video_url": "https://files.example/v.mp4", "last_frame_url": "https://files.example/last.png"}
    done = looked("succeeded", content=content, usage={"completion_tokens": 108900}, resolution="720p", duration=5)
    assert [(asset.url, asset.role) for asset in done.assets] == [
        (content["video_url"], ""),
        (content["last_frame_url"], "last_frame"),
    ]
    assert done.usage == Usage(output=108900) and done.measures == Measures(seconds=5, resolution="720p") and done.seconds == 5
    assert looked("succeeded", content=content, frames=48, framespersecond=24).seconds == 2


def test_a_task_that_failed_says_why() -> None:
    failed = looked(
        "failed", error={"code": "OutputVideoSensitiveContentDetected", "message": "may contain sensitive information"}
    )
    assert (failed.status, failed.error_code) == ("failed", "content_policy")
    failed = looked("failed", error={"code": "InternalServiceError", "message": "Please try again."})
    assert (failed.error_code, failed.error_message) == ("InternalServiceError", "Please try again.")
    assert looked("failed", error=None).error_code == "failed"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"code": "InvalidParameter", "message": "duration is wrong"}}, errors.BadRequest),
        ({"error": {"code": "RateLimitExceeded", "message": "slow down"}}, errors.UpstreamRateLimited),
        ({}, errors.UpstreamBroken),
        (b"<html>", errors.UpstreamBroken),
    ],
)
def test_an_error_inside_a_200_is_raised(body: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        DRIVER.submitted(got(body))
    with pytest.raises(kind):
        DRIVER.read(got(body), {"id": "cgt-1"})
