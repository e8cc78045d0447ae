"""Replicate's drivers, as its documentation has the answers."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from pisces_replicate import pisces_providers, pisces_wires
from pisces_replicate.images import ReplicateImages
from pisces_replicate.video import ReplicateVideo

from pisces_proxy.driving import Driven
from pisces_proxy.errors import BadRequest, ContentRefused, PiscesError, Unsupported, UpstreamBroken, UpstreamUnfunded
from pisces_proxy.media import Asset, Image, Video
from pisces_proxy.plans import Ask
from pisces_proxy.testing import Played, got, run_plan

PROVIDER = pisces_providers()[0]
IMAGES, VIDEO = ReplicateImages(), ReplicateVideo()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
URI = "data:image/png;base64," + base64.b64encode(PNG).decode()
STARTING = got({"id": "p1", "status": "starting", "urls": {"get": "...", "cancel": "..."}}, 201)
FILE = got(b"webp", mime="image/webp")


def profile(model: str = "black-forest-labs/flux-1.1-pro") -> Any:
    return PROVIDER.profile("replicate.images", model, {})


def ended(status: str = "succeeded", **members: Any) -> dict[str, Any]:
    return {"id": "p1", "status": status, "error": None, "output": None, **members}


def sent(ask: Ask) -> dict[str, Any]:
    assert isinstance(ask.body, bytes)
    return dict(msgspec.json.decode(ask.body))


def asked(request: Image, model: str = "black-forest-labs/flux-1.1-pro") -> dict[str, Any]:
    return dict(sent(IMAGES.submit(request, model, profile(model), "t"))["input"])


def drawn(*answers: Any) -> Played[Any]:
    plan = Driven(IMAGES).plan(Image(prompt="a cat"), "black-forest-labs/flux-1.1-pro", profile(), "t")
    return run_plan(plan, answers, wire=IMAGES)


def test_the_provider_speaks_what_the_plugin_provides() -> None:
    assert set(PROVIDER.wires) == {wire.name for wire in pisces_wires()}
    assert PROVIDER.authorize("replicate.images", "r8") == {"Authorization": "Bearer r8"}
    assert (profile().n_max, profile("black-forest-labs/flux-schnell").n_max) == (1, 4)


@pytest.mark.parametrize(
    "output",
    [
        "https://replicate.delivery/a.webp",
        ["https://replicate.delivery/a.webp"],
        {"image": "https://replicate.delivery/a.webp"},
    ],
)
def test_a_prediction_is_watched_until_it_has_an_output(output: Any) -> None:
    played = drawn(STARTING, ended("processing", logs=" 45%|####"), ended(output=output), FILE)
    assert [(ask.method, ask.path) for ask in played.asks] == [
        ("POST", "/models/black-forest-labs/flux-1.1-pro/predictions"),
        *[("GET", "/predictions/p1")] * 2,
    ]
    assert played.sent() == {"input": {"prompt": "a cat"}}
    assert played.result.pictures[0].asset == Asset(url="https://replicate.delivery/a.webp", data=b"webp", mime="image/webp")


@pytest.mark.parametrize(
    ("model", "path", "version"),
    [
        ("stability-ai/sdxl:" + "ab" * 32, "/predictions", "ab" * 32),
        ("cd" * 32, "/predictions", "cd" * 32),
        ("black-forest-labs/flux-dev", "/models/black-forest-labs/flux-dev/predictions", None),
        ("deployments/me/mine", "/deployments/me/mine/predictions", None),
    ],
)
def test_models_run_by_name_version_and_deployment(model: str, path: str, version: str | None) -> None:
    ask = IMAGES.submit(Image(prompt="p"), model, profile(), "t")
    assert (ask.path, sent(ask).get("version")) == (path, version)


@pytest.mark.parametrize(
    ("model", "request_", "expected"),
    [
        (
            "o/flux-1.1-pro",
            Image(prompt="p", size="1792x1024", output_format="jpeg"),
            {"aspect_ratio": "16:9", "output_format": "jpg"},
        ),
        ("o/sdxl:" + "ab" * 32, Image(prompt="p", size="1000x600", n=2), {"width": 1024, "height": 576, "num_outputs": 2}),
        (
            "o/flux-kontext-pro",
            Image(prompt="p", images=(Asset(url="https://a.example/b"),)),
            {"input_image": "https://a.example/b"},
        ),
        ("google/nano-banana", Image(prompt="p", images=(Asset(data=PNG),) * 2), {"image_input": [URI, URI]}),
        ("o/flux-dev", Image(prompt="p", images=(Asset(data=PNG),), mask=Asset(data=PNG)), {"image": URI, "mask": URI}),
        (
            "openai/gpt-image-1",
            Image(prompt="p", n=3, quality="high", output_format="jpeg"),
            {"number_of_images": 3, "quality": "high", "output_format": "jpeg"},
        ),
        ("o/x", Image(prompt="p", seed=4, extra={"go_fast": False}), {"seed": 4, "go_fast": False}),
    ],
)
def test_each_model_is_asked_in_its_own_words(model: str, request_: Image, expected: dict[str, Any]) -> None:
    assert asked(request_, model) == {"prompt": "p", **expected}


def test_what_a_model_cannot_do_is_refused_or_listed() -> None:
    with pytest.raises(Unsupported, match="at most 1"):
        asked(Image(prompt="p", n=2))
    with pytest.raises(Unsupported):
        asked(Image(prompt="p", images=(Asset(data=PNG),) * 2), "o/flux-dev")
    with pytest.raises(Unsupported):
        asked(Image(action="variation", images=(Asset(data=PNG),)))
    losses = IMAGES.losses(Image(prompt="p", size="1024x1024", style="vivid"), "o/flux-1.1-pro", profile())
    assert {loss.field: loss.action for loss in losses} == {"style": "dropped", "size": "changed"}


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (
            [STARTING, ended("failed", error="NSFW content detected. Try running it again, or try a different prompt.")],
            ContentRefused,
        ),
        ([STARTING, ended("failed", error="The input or output was flagged as sensitive. (E005)")], ContentRefused),
        ([STARTING, ended("failed", error="CUDA out of memory")], UpstreamBroken),
        ([STARTING, ended("failed")], UpstreamBroken),
        ([STARTING, ended("canceled")], UpstreamBroken),
        ([STARTING, ended("aborted")], UpstreamBroken),
        ([STARTING, ended(output=["Once upon a time"])], UpstreamBroken),
        ([STARTING, *[{}] * 5], UpstreamBroken),
        (
            [got({"title": "Insufficient credit", "detail": "You have insufficient credit", "status": 402}, 402)],
            UpstreamUnfunded,
        ),
        ([got({"title": "Input validation failed", "detail": "- input: prompt is required", "status": 422}, 422)], BadRequest),
        ([{}], UpstreamBroken),
    ],
)
def test_a_refusal_is_told_wherever_it_comes(answers: list[Any], kind: type[PiscesError]) -> None:
    with pytest.raises(kind):
        drawn(*answers)


def test_how_far_it_is_stands_in_the_logs() -> None:
    assert IMAGES.read(got(ended("processing", logs="  6%|▌   | 3/50\n 38%|███▊ | 19/50")), {}).progress == 38
    assert IMAGES.read(got(ended("processing", logs="100%|████| 50/50")), {}).progress == 99
    assert IMAGES.read(got(ended("starting", logs=None)), {}).status == "queued"


def test_a_prediction_can_be_called_off_and_can_call() -> None:
    assert IMAGES.cancel({"id": "p1"}) == Ask(path="/predictions/p1/cancel")
    ask = IMAGES.with_callback(Ask(body=b'{"input":{}}'), "https://me.example/cb")
    assert sent(ask) == {"input": {}, "webhook": "https://me.example/cb", "webhook_events_filter": ["completed"]}


@pytest.mark.parametrize(
    ("model", "video", "expected"),
    [
        (
            "google/veo-3",
            Video(prompt="p", seconds=8, resolution="1080p", audio=True),
            {"duration": 8, "resolution": "1080p", "generate_audio": True},
        ),
        (
            "kwaivgi/kling-v2.1",
            Video(
                prompt="p", assets=(Asset(data=PNG, role="first_frame"), Asset(url="https://a.example/l", role="last_frame"))
            ),
            {"start_image": URI, "end_image": "https://a.example/l"},
        ),
        (
            "o/x",
            Video(prompt="p", size="1280x720", assets=(Asset(url="https://a.example/r", role="reference"),)),
            {"reference_images": ["https://a.example/r"], "aspect_ratio": "16:9", "resolution": "720p"},
        ),
        (
            "o/x",
            Video(assets=(Asset(url="https://a.example/v", role="video"),), extra={"strength": 0.5}),
            {"video": "https://a.example/v", "strength": 0.5},
        ),
    ],
)
def test_a_video_is_asked_for_in_its_makers_words(model: str, video: Video, expected: dict[str, Any]) -> None:
    prompt = {"prompt": video.prompt} if video.prompt else {}
    assert sent(VIDEO.submit(video, model, profile(), "t"))["input"] == {**prompt, **expected}


def test_a_video_is_read() -> None:
    progress = VIDEO.read(
        got(ended(output="https://replicate.delivery/a.mp4", metrics={"video_output_duration_seconds": 5})), {}
    )
    assert (progress.status, progress.assets, progress.seconds) == (
        "completed",
        (Asset(url="https://replicate.delivery/a.mp4"),),
        5.0,
    )
    with pytest.raises(Unsupported):
        VIDEO.submit(Video(prompt="p", remix_of="x"), "m", profile(), "t")
