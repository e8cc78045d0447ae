"""fal's drivers, as its documentation has the answers."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from pisces_fal import pisces_providers, pisces_wires
from pisces_fal.images import FalImages
from pisces_fal.video import FalVideo

from pisces_proxy.driving import Driven
from pisces_proxy.errors import ContentRefused, PiscesError, Unsupported, UpstreamBroken, UpstreamTimeout, UpstreamUnfunded
from pisces_proxy.media import Asset, Image, Video
from pisces_proxy.plans import Ask
from pisces_proxy.pricing import Images
from pisces_proxy.testing import Played, got, run_plan

PROVIDER = pisces_providers()[0]
IMAGES, VIDEO = FalImages(), FalVideo()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
URI = "data:image/png;base64," + base64.b64encode(PNG).decode()
HERE = "https://queue.fal.run/fal-ai/flux/requests/42"
QUEUED = {"request_id": "42", "status_url": HERE + "/status", "response_url": HERE, "cancel_url": HERE + "/cancel"}
WAITING = {"status": "IN_QUEUE", "queue_position": 3}
DONE = {"status": "COMPLETED", "response_url": HERE}
DRAWN = {
    "images": [{"url": "https://v3.fal.media/a.jpeg", "width": 1024, "height": 768, "content_type": "image/jpeg"}],
    "seed": 1,
}


def profile(model: str = "fal-ai/flux/dev") -> Any:
    return PROVIDER.profile("fal.images", model, {})


def sent(ask: Ask) -> dict[str, Any]:
    assert isinstance(ask.body, bytes)
    return dict(msgspec.json.decode(ask.body))


def body(request: Image, model: str = "fal-ai/flux/dev") -> dict[str, Any]:
    return sent(IMAGES.submit(request, model, profile(), "t"))


def drawn(*answers: Any, request: Image | None = None) -> Played[Any]:
    plan = Driven(IMAGES).plan(request or Image(prompt="a cat"), "fal-ai/flux/dev", profile(), "t")
    return run_plan(plan, answers, wire=IMAGES)


def test_the_provider_speaks_what_the_plugin_provides() -> None:
    assert set(PROVIDER.wires) == {wire.name for wire in pisces_wires()}
    assert PROVIDER.authorize("fal.images", "id:secret") == {"Authorization": "Key id:secret"}
    assert PROVIDER.authorize("fal.images", "") == {}


def test_a_picture_goes_through_the_queue_by_the_queues_own_urls() -> None:
    played = drawn(QUEUED, WAITING, {"status": "IN_PROGRESS"}, DONE, DRAWN)
    assert [(ask.method, ask.path or ask.url) for ask in played.asks] == [
        ("POST", "/fal-ai/flux/dev"),
        *[("GET", HERE + "/status")] * 3,
        ("GET", HERE),
    ]
    assert played.result.pictures[0].asset == Asset(url="https://v3.fal.media/a.jpeg", mime="image/jpeg")
    assert played.result.measures.images == (Images(count=1, size="1024x768", quality="auto"),)


@pytest.mark.parametrize(
    ("model", "request_", "expected"),
    [
        (
            "fal-ai/flux/dev",
            Image(prompt="p", size="1000x600", n=2),
            {"image_size": {"width": 992, "height": 608}, "num_images": 2},
        ),
        ("fal-ai/flux-pro/kontext", Image(prompt="p", size="1024x1792"), {"aspect_ratio": "9:16"}),
        (
            "fal-ai/flux/dev",
            Image(prompt="p", images=(Asset(url="https://a.example/b"),)),
            {"image_url": "https://a.example/b"},
        ),
        ("fal-ai/nano-banana/edit", Image(prompt="p", images=(Asset(data=PNG),)), {"image_urls": [URI]}),
        ("fal-ai/x", Image(prompt="p", images=(Asset(data=PNG),), mask=Asset(data=PNG)), {"image_url": URI, "mask_url": URI}),
        ("fal-ai/x", Image(prompt="p", extra={"openai.images": {"num_inference_steps": 8}}), {"num_inference_steps": 8}),
        (
            "fal-ai/x",
            Image(prompt="p", seed=5, negative_prompt="dogs", quality="high"),
            {"seed": 5, "negative_prompt": "dogs", "quality": "high"},
        ),
    ],
)
def test_each_model_is_asked_in_its_own_words(model: str, request_: Image, expected: dict[str, Any]) -> None:
    assert body(request_, model) == {"prompt": "p", **expected}


def test_what_is_left_away_is_listed() -> None:
    losses = IMAGES.losses(Image(prompt="p", size="1024x1024", style="vivid"), "fal-ai/flux-pro/kontext", profile())
    assert {loss.field: loss.action for loss in losses} == {"style": "dropped", "size": "changed"}
    with pytest.raises(Unsupported, match="at most 4"):
        body(Image(prompt="p", n=5))
    with pytest.raises(Unsupported):
        body(Image(action="variation", images=(Asset(data=PNG),)))


def test_pictures_come_by_one_member_or_as_data_too() -> None:
    assert drawn(QUEUED, DONE, {"image": {"url": URI}}).result.pictures[0].asset == Asset(data=PNG, mime="image/png")


def test_pictures_that_the_filter_blackened_are_no_pictures() -> None:
    two = {"images": [{"url": "https://a.example/1"}, {"url": "https://a.example/2"}], "has_nsfw_concepts": [True, False]}
    assert [one.asset.url for one in drawn(QUEUED, DONE, two).result.pictures] == ["https://a.example/2"]
    with pytest.raises(ContentRefused, match="filter"):
        drawn(QUEUED, DONE, {**DRAWN, "has_nsfw_concepts": [True]})


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([got({"detail": "Invalid key"}, 401)], PiscesError),
        ([got({"detail": "User is locked. Reason: Exhausted balance."}, 403)], UpstreamUnfunded),
        ([{"detail": "Application 'x' not found"}], PiscesError),
        ([{}], UpstreamBroken),
        ([QUEUED, {"status": "COMPLETED", "error": "Request timed out", "error_type": "request_timeout"}], UpstreamTimeout),
        (
            [
                QUEUED,
                DONE,
                got({"detail": [{"loc": ["body", "prompt"], "msg": "Flagged", "type": "content_policy_violation"}]}, 422),
            ],
            ContentRefused,
        ),
        ([QUEUED, DONE, {"images": []}], UpstreamBroken),
        ([QUEUED, *[{}] * 5], UpstreamBroken),
    ],
)
def test_a_refusal_is_told_wherever_it_comes(answers: list[Any], kind: type[PiscesError]) -> None:
    with pytest.raises(kind):
        drawn(*answers)


def test_what_waits_can_be_called_off_and_the_queue_can_call() -> None:
    state = IMAGES.submitted(got(QUEUED))
    assert IMAGES.cancel(state) == Ask(method="PUT", url=HERE + "/cancel")
    assert IMAGES.cancel({**state, "cancel": ""}) is None
    ask = IMAGES.with_callback(Ask(path="/fal-ai/x"), "https://me.example/cb?a=1")
    assert ask.path == "/fal-ai/x?fal_webhook=https%3A%2F%2Fme.example%2Fcb%3Fa%3D1"


@pytest.mark.parametrize(
    ("model", "video", "expected"),
    [
        ("fal-ai/veo3", Video(prompt="p", seconds=8, resolution="720p"), {"duration": "8s", "resolution": "720p"}),
        ("fal-ai/kling-video/v2/master/text-to-video", Video(prompt="p", seconds=5), {"duration": "5"}),
        (
            "fal-ai/ltx",
            Video(prompt="p", seconds=5, size="1280x720"),
            {"duration": 5, "aspect_ratio": "16:9", "resolution": "720p"},
        ),
        (
            "fal-ai/kling-video/v2/image-to-video",
            Video(assets=(Asset(data=PNG, role="first_frame"), Asset(url="https://a.example/l", role="last_frame"))),
            {"image_url": URI, "tail_image_url": "https://a.example/l"},
        ),
        (
            "fal-ai/vidu",
            Video(prompt="p", assets=(Asset(data=PNG, role="reference"),) * 2),
            {"reference_image_urls": [URI, URI]},
        ),
        ("fal-ai/x", Video(prompt="p", audio=False, extra={"cfg_scale": 0.4}), {"generate_audio": False, "cfg_scale": 0.4}),
    ],
)
def test_a_video_is_asked_for_in_its_makers_words(model: str, video: Video, expected: dict[str, Any]) -> None:
    prompt = {"prompt": video.prompt} if video.prompt else {}
    assert sent(VIDEO.submit(video, model, profile(), "t")) == {**prompt, **expected}


def test_a_video_is_read() -> None:
    file = {"url": "https://v3.fal.media/a.mp4", "content_type": "video/mp4", "duration": 5.04, "width": 1280, "height": 720}
    progress = VIDEO.read(got({"video": file}), {"ready": True})
    assert progress.assets == (Asset(url="https://v3.fal.media/a.mp4", mime="video/mp4"),)
    assert (progress.seconds, progress.width, progress.height) == (5.04, 1280, 720)
    with pytest.raises(Unsupported):
        VIDEO.submit(Video(prompt="p", remix_of="x"), "m", profile(), "t")
    assert [loss.field for loss in VIDEO.losses(Video(prompt="p", watermark=True), "m", profile())] == ["watermark"]
