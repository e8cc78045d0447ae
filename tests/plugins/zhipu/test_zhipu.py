"""Zhipu: CogVideoX and Vidu (F7)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from pisces_zhipu.video import Video as Driver

from pisces_proxy import errors
from pisces_proxy.media import Asset, Video
from pisces_proxy.plugin import Profile
from pisces_proxy.testing import got

DRIVER = Driver()
PNG = "https://example.com/a.png"
COG, VIDU = "cogvideox-3", "viduq1-text"


def sent(model: str = COG, **members: Any) -> Any:
    ask = DRIVER.submit(Video(**{"prompt": "x", **members}), model, Profile(), "task_1")
    assert ask.path == "/videos/generations"
    return msgspec.json.decode(ask.body)


def given(role: str, url: str = PNG) -> Asset:
    return Asset(url=url, role=role)


@pytest.mark.parametrize(
    ("model", "members", "told"),
    [
        (COG, {"size": "1920x1080", "seconds": 5.0, "audio": True, "extra": {"quality": "quality", "fps": 60}},
         {"size": "1920x1080", "duration": 5, "with_audio": True, "quality": "quality", "fps": 60}),
        (COG, {"resolution": "720p", "aspect_ratio": "9:16"}, {"size": "720x1280"}),
        (COG, {"resolution": "1080p"}, {"size": "1920x1080"}),
        (COG, {"aspect_ratio": "1:1"}, {"size": "1024x1024"}),
        (COG, {"assets": (given("first_frame"),), "user": "customer-7"}, {"image_url": PNG, "user_id": "customer-7"}),
        (COG, {"assets": (given("last_frame", PNG + "2"), given("first_frame"))}, {"image_url": [PNG, PNG + "2"]}),
        (COG, {"assets": (Asset(data=b"\x89PNG\r\n\x1a\n", role="first_frame"),)},
         {"image_url": "data:image/png;base64,iVBORw0KGgo="}),
        (VIDU, {"aspect_ratio": "9:16", "size": "1920x1080"}, {"aspect_ratio": "9:16", "size": "1920x1080"}),
    ],
)  # fmt: skip
def test_a_video_is_asked_for(model: str, members: dict[str, Any], told: dict[str, Any]) -> None:
    plain = {"model": model, "prompt": "x", "watermark_enabled": False, "request_id": "task_1"}
    assert sent(model, **members) == {**plain, **told}


@pytest.mark.parametrize(
    ("assets", "said"),
    [((given("video"),), "no video"), ((given("audio"),), "no audio"), ((given("last_frame"),), "behind a first")],
)
def test_files_that_it_has_no_place_for_are_refused(assets: tuple[Asset, ...], said: str) -> None:
    with pytest.raises(errors.Unsupported, match=said):
        sent(assets=assets)


def test_what_is_left_away_is_listed() -> None:
    request = Video(prompt="x", resolution="480p", aspect_ratio="4:3", negative_prompt="y", seed=1, extra={"tone": "noir"})
    losses = DRIVER.losses(request, COG, Profile())
    assert [loss.field for loss in losses] == ["tone", "resolution", "ratio", "negative_prompt", "seed"]


def looked(status: str, **members: Any) -> Any:
    return DRIVER.read(got({"model": COG, "request_id": "task_1", "task_status": status, **members}), {"id": "8868"})


def test_a_task_goes_its_way() -> None:
    state = DRIVER.submitted(got({"id": "8868", "model": COG, "request_id": "task_1", "task_status": "PROCESSING"}))
    assert DRIVER.poll(state).path == "/async-result/8868" and DRIVER.cancel(state) is None
    assert looked("PROCESSING").status == "in_progress" and looked("DREAMING").status is None
    film = {"url": "https://files.example/v.mp4", "cover_image_url": "https://files.example/c.png"}
    done = looked("SUCCESS", video_result=[film])
    assert [(asset.url, asset.role) for asset in done.assets] == [(film["url"], ""), (film["cover_image_url"], "thumbnail")]


def test_a_task_that_failed_says_why() -> None:
    assert (
        looked("FAIL", error={"code": "1301", "message": "系统检测到输入或生成内容可能包含不安全或敏感内容"}).error_code
        == "content_policy"
    )
    assert looked("FAIL").error_code == "failed"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"code": "1113", "message": "您的账户已欠费,请充值后重试"}}, errors.UpstreamUnfunded),
        ({"error": {"code": "1302", "message": "并发数过高"}}, errors.UpstreamRateLimited),
        ({"error": {"code": "1214", "message": "size参数非法"}}, errors.BadRequest),
        ({"error": {"code": "1211", "message": "模型不存在"}}, errors.UpstreamModelMissing),
        ({}, errors.UpstreamBroken),
        (b"<html>", errors.UpstreamBroken),
    ],
)
def test_an_error_inside_a_200_is_raised(body: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        DRIVER.submitted(got(body))
    with pytest.raises(kind):
        DRIVER.read(got(body), {"id": "8868"})


def test_a_refusal_by_status_is_understood() -> None:
    body = msgspec.json.encode({"error": {"code": "1000", "message": "身份验证失败"}})
    assert isinstance(DRIVER.decode_error(401, {}, body), errors.UpstreamUnauthorized)
