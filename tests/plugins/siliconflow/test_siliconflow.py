"""SiliconFlow's driver for videos."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from pisces_siliconflow.video import SiliconVideo

from pisces_proxy.errors import PiscesError, Unsupported, UpstreamBroken, UpstreamUnfunded
from pisces_proxy.media import Asset, Video
from pisces_proxy.plugin import Profile
from pisces_proxy.testing import got

DRIVER, PROFILE = SiliconVideo(), Profile()
FIRST = Asset(url="https://a.example/f.png", role="first_frame")


def submitted(request: Video) -> dict[str, Any]:
    ask = DRIVER.submit(request, "Wan-AI/Wan2.2-T2V-A14B", PROFILE, "t")
    assert ask.path == "/submit" and isinstance(ask.body, bytes)
    return dict(msgspec.json.decode(ask.body))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (Video(prompt="p"), {}),
        (
            Video(prompt="p", aspect_ratio="9:16", seed=3, negative_prompt="n"),
            {"image_size": "720x1280", "seed": 3, "negative_prompt": "n"},
        ),
        (Video(prompt="p", size="1920x1080"), {"image_size": "1280x720"}),
        (Video(prompt="p", assets=(FIRST,)), {"image": FIRST.url}),
    ],
)
def test_a_video_is_asked_for(request_: Video, expected: dict[str, Any]) -> None:
    assert submitted(request_) == {"model": "Wan-AI/Wan2.2-T2V-A14B", "prompt": "p", **expected}


def test_what_the_model_cannot_do_is_refused_or_listed() -> None:
    for assets in ((FIRST, FIRST), (Asset(url="https://a.example/v", role="video"),)):
        with pytest.raises(Unsupported):
            submitted(Video(prompt="p", assets=assets))
    with pytest.raises(Unsupported):
        submitted(Video(prompt="p", remix_of="x"))
    request = Video(prompt="p", seconds=5, resolution="720p", size="1920x1080", audio=True, watermark=True, extra={"hue": 1})
    assert {loss.field: loss.action for loss in DRIVER.losses(request, "m", PROFILE)} == {
        "hue": "dropped", "seconds": "dropped", "resolution": "dropped", "generate_audio": "dropped", "watermark": "dropped",
        "size": "changed",
    }  # fmt: skip


def test_a_task_is_watched_to_its_end() -> None:
    state = DRIVER.submitted(got({"requestId": "r1"}))
    ask = DRIVER.poll(state)
    assert (ask.method, ask.path, ask.body) == ("POST", "/status", b'{"requestId":"r1"}')
    assert [DRIVER.read(got({"status": word}), state).status for word in ("InQueue", "InProgress", "Odd")] == [
        "queued",
        "in_progress",
        None,
    ]
    results = {"videos": [{"url": "https://a.example/v.mp4"}], "timings": {"inference": 95}, "seed": 1}
    done = DRIVER.read(got({"status": "Succeed", "reason": "", "results": results}), state)
    assert (done.status, done.assets) == ("completed", (Asset(url="https://a.example/v.mp4", mime="video/mp4"),))
    failed = DRIVER.read(got({"status": "Failed", "reason": "Prompt contains sensitive words"}), state)
    assert (failed.status, failed.error_code) == ("failed", "content_policy")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [({}, UpstreamBroken), ({"code": 30001, "message": "Sorry, your account balance is insufficient"}, UpstreamUnfunded)],
)
def test_a_refusal_inside_a_200_is_one(answer: dict[str, Any], kind: type[PiscesError]) -> None:
    for step in (DRIVER.submitted, lambda one: DRIVER.read(one, {})):
        with pytest.raises(kind):
            step(got(answer))
