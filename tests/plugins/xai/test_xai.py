"""Grok Imagine's driver."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from pisces_xai.video import GrokVideo

from pisces_proxy.errors import BadRequest, ContentRefused, PiscesError, Unsupported, UpstreamBroken, UpstreamRateLimited
from pisces_proxy.media import Asset, Video
from pisces_proxy.plans import Ask
from pisces_proxy.plugin import Profile
from pisces_proxy.testing import got

DRIVER = GrokVideo()
URL = "https://a.example/f.png"
FIRST = Asset(url=URL, role="first_frame")
PROFILE = Profile()


def submitted(request: Video) -> tuple[str, dict[str, Any]]:
    ask = DRIVER.submit(request, "grok-imagine-video", PROFILE, "t")
    assert isinstance(ask.body, bytes)
    body = dict(msgspec.json.decode(ask.body))
    assert body.pop("model") == "grok-imagine-video"
    return ask.path, body


@pytest.mark.parametrize(
    ("request_", "path", "expected"),
    [
        (Video(prompt="p", seconds=6, resolution="480p"), "/generations", {"prompt": "p", "duration": 6, "resolution": "480p"}),
        (Video(prompt="p", size="1280x720"), "/generations", {"prompt": "p", "aspect_ratio": "16:9", "resolution": "720p"}),
        (Video(prompt="p", size="480x480"), "/generations", {"prompt": "p", "aspect_ratio": "1:1", "resolution": "480p"}),
        (Video(prompt="p", assets=(FIRST,)), "/generations", {"prompt": "p", "image": {"url": URL}}),
        (
            Video(prompt="p", assets=(Asset(url=URL, role="reference"),) * 2),
            "/generations",
            {"prompt": "p", "reference_images": [{"url": URL}] * 2},
        ),
        (
            Video(prompt="p", seconds=5, assets=(Asset(url=URL, role="video"),)),
            "/edits",
            {"prompt": "p", "video": {"url": URL}},
        ),
    ],
)
def test_videos_are_made_and_edited(request_: Video, path: str, expected: dict[str, Any]) -> None:
    assert submitted(request_) == (path, expected)


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (Video(prompt="p", seconds=16), "seconds"),
        (Video(prompt="p", seconds=2.5), "seconds"),
        (Video(prompt="p", resolution="4k"), "resolution"),
        (Video(prompt="p", assets=(Asset(url=URL, role="last_frame"),)), "last_frame"),
        (Video(prompt="p", assets=(FIRST, Asset(url=URL, role="video"))), "images"),
        (Video(prompt="p", remix_of="x"), "model"),
    ],
)
def test_what_grok_cannot_do_is_refused_by_name(request_: Video, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        submitted(request_)
    assert caught.value.param == param
    assert isinstance(caught.value, Unsupported) or param in ("seconds", "resolution")


def test_what_is_left_away_is_listed() -> None:
    request = Video(prompt="p", negative_prompt="n", seed=3, audio=False, watermark=True, extra={"hue": 1})
    assert {loss.field for loss in DRIVER.losses(request, "m", PROFILE)} == {
        "negative_prompt",
        "seed",
        "generate_audio",
        "watermark",
        "hue",
    }
    edit = Video(prompt="p", seconds=5, resolution="720p", assets=(Asset(url=URL, role="video"),))
    assert {loss.field for loss in DRIVER.losses(edit, "m", PROFILE)} == {"seconds", "resolution"}


def test_a_task_is_watched_to_its_end() -> None:
    state = DRIVER.submitted(got({"request_id": "r-1"}))
    assert DRIVER.poll(state) == Ask(method="GET", path="/r-1")
    waiting = DRIVER.read(got({"status": "pending", "progress": 18}, 202), state)
    assert (waiting.status, waiting.progress) == ("queued", 18)
    video = {"url": "https://vidgen.example/a.mp4", "duration": 6, "respect_moderation": True}
    done = DRIVER.read(got({"status": "done", "video": video, "model": "m", "progress": 100}), state)
    assert (done.status, done.assets[0].url, done.seconds) == ("completed", "https://vidgen.example/a.mp4", 6.0)


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ({"status": "done", "video": {"url": "", "respect_moderation": False}}, "failed", "content_policy"),
        ({"status": "failed", "error": {"code": "internal_error", "message": "It broke."}}, "failed", "internal_error"),
        ({"status": "failed", "error": "Generated video rejected by content moderation."}, "failed", "content_policy"),
        ({"status": "failed"}, "failed", "failed"),
        ({"status": "expired"}, "expired", "failed"),
    ],
)
def test_a_task_that_comes_to_nothing_says_why(answer: dict[str, Any], status: str, code: str) -> None:
    progress = DRIVER.read(got(answer), {})
    assert (progress.status, progress.error_code) == (status, code)
    assert progress.error_message


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (400, {"code": "Client specified an invalid argument", "error": "Rejected by content moderation."}, ContentRefused),
        (400, {"code": "Client specified an invalid argument", "error": "duration must be at most 15"}, BadRequest),
        (429, {"code": "x", "error": "Too many requests"}, UpstreamRateLimited),
    ],
)
def test_a_submission_that_is_refused_says_why(status: int, answer: dict[str, Any], kind: type[PiscesError]) -> None:
    assert type(DRIVER.decode_error(status, {}, msgspec.json.encode(answer))) is kind


@pytest.mark.parametrize("answer", [{}, {"error": "Too many requests", "code": "rate_limit_exceeded"}])
def test_an_answer_without_an_id_is_no_task(answer: dict[str, Any]) -> None:
    with pytest.raises(UpstreamRateLimited if answer else UpstreamBroken):
        DRIVER.submitted(got(answer))
    with pytest.raises(UpstreamRateLimited if answer else UpstreamBroken):
        DRIVER.read(got(answer), {})
