"""Kling's driver, as its documentation has the answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import msgspec
import pytest
from pisces_kling import pisces_providers, pisces_wires
from pisces_kling.signing import token
from pisces_kling.video import KlingVideo

from pisces_proxy.errors import (
    BadRequest,
    ContentRefused,
    PiscesError,
    Unsupported,
    UpstreamBroken,
    UpstreamModelMissing,
    UpstreamOverloaded,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnfunded,
)
from pisces_proxy.media import Asset, Video
from pisces_proxy.plans import Ask
from pisces_proxy.testing import got

PROVIDER = pisces_providers()[0]
DRIVER = KlingVideo()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
B64 = base64.b64encode(PNG).decode()
FIRST = Asset(data=PNG, mime="image/png", role="first_frame")
LAST = Asset(url="https://a.example/l.png", role="last_frame")
REFERENCE = Asset(data=PNG, role="reference")


def profile(model: str = "kling-v2-1") -> Any:
    return PROVIDER.profile("kling.video", model, {})


def answer(status: str = "submitted", **data: Any) -> dict[str, Any]:
    return {"code": 0, "message": "SUCCEED", "request_id": "r", "data": {"task_id": "831", "task_status": status, **data}}


def submitted(request: Video, model: str = "kling-v2-1") -> tuple[str, dict[str, Any]]:
    ask = DRIVER.submit(request, model, profile(), "task_1")
    assert isinstance(ask.body, bytes)
    return ask.path, dict(msgspec.json.decode(ask.body))


# -- keys


def test_the_provider_speaks_what_the_plugin_provides() -> None:
    assert set(PROVIDER.wires) == {wire.name for wire in pisces_wires()}


def test_an_api_key_is_a_bearer_and_a_pair_of_keys_signs() -> None:
    assert PROVIDER.authorize("kling.video", "api-key") == {"Authorization": "Bearer api-key"}
    assert PROVIDER.authorize("kling.video", "") == {}
    bearer = PROVIDER.authorize("kling.video", "AK:SK")["Authorization"].removeprefix("Bearer ")
    head, claims, signature = bearer.split(".")
    assert _read(head) == {"alg": "HS256", "typ": "JWT"}
    assert _read(claims)["iss"] == "AK"
    expected = hmac.new(b"SK", f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)) == expected


def test_a_token_is_what_rfc_7519_makes_of_it() -> None:
    signed = token("AK", "SK", 1_700_000_000.9)
    assert _read(signed.split(".")[1]) == {"iss": "AK", "exp": 1_700_001_800, "nbf": 1_699_999_995}
    assert "=" not in signed and signed == token("AK", "SK", 1_700_000_000.1)
    assert signed != token("AK", "other", 1_700_000_000)


def _read(part: str) -> dict[str, Any]:
    return dict(msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


# -- what is asked for


@pytest.mark.parametrize(
    ("model", "request_", "kind", "expected"),
    [
        ("kling-v1", Video(prompt="p"), "text2video", {"prompt": "p"}),
        (
            "kling-v2-1",
            Video(prompt="p", seconds=10, resolution="1080p", aspect_ratio="9:16", negative_prompt="dogs"),
            "text2video",
            {"prompt": "p", "duration": "10", "mode": "pro", "aspect_ratio": "9:16", "negative_prompt": "dogs"},
        ),
        ("kling-v1", Video(prompt="p", size="1280x720"), "text2video", {"prompt": "p", "mode": "std", "aspect_ratio": "16:9"}),
        ("kling-v1", Video(prompt="p", size="1920x1080"), "text2video", {"prompt": "p", "mode": "pro", "aspect_ratio": "16:9"}),
        ("kling-v2-1", Video(assets=(FIRST, LAST)), "image2video", {"image": B64, "image_tail": LAST.url}),
        ("kling-v1-6", Video(prompt="p", assets=(REFERENCE,) * 2), "multi-image2video", {"prompt": "p", "image_list": [{"image": B64}] * 2}),
        ("kling-v2-6", Video(prompt="p", audio=True), "text2video", {"prompt": "p", "sound": "on"}),
        ("kling-v2-6", Video(prompt="p", audio=False), "text2video", {"prompt": "p", "sound": "off"}),
        ("kling-v1", Video(prompt="p", audio=True), "text2video", {"prompt": "p"}),
        ("kling-v3", Video(prompt="p", seconds=15), "text2video", {"prompt": "p", "duration": "15"}),
        ("kling-v1", Video(prompt="p", resolution="720p", extra={"mode": "pro", "cfg_scale": 0.7, "hue": 1}), "text2video", {"prompt": "p", "mode": "pro", "cfg_scale": 0.7}),
    ],
)  # fmt: skip
def test_the_kind_follows_from_the_files(model: str, request_: Video, kind: str, expected: dict[str, Any]) -> None:
    path, body = submitted(request_, model)
    assert path == f"/{kind}"
    assert body == {"model_name": model, **expected, "external_task_id": "task_1"}
    assert DRIVER.remembered(request_, model) == {"kind": kind}


def test_pictures_are_base64_without_a_data_uri() -> None:
    assert submitted(Video(assets=(FIRST,)))[1]["image"] == B64


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (Video(prompt="p", seconds=7), "seconds"),
        (Video(prompt="p", seconds=5.5), "seconds"),
        (Video(prompt="p", resolution="480p"), "resolution"),
        (Video(prompt="p", assets=(FIRST, REFERENCE)), "images"),
        (Video(prompt="p", assets=(REFERENCE,) * 5), "images"),
        (Video(prompt="p", assets=(Asset(url="https://a.example/v", role="video"),)), "video"),
        (Video(prompt="p", remix_of="830"), "model"),
    ],
)
def test_what_kling_cannot_do_is_refused_by_name(request_: Video, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        submitted(request_)
    assert caught.value.param == param


def test_what_is_left_away_is_listed() -> None:
    request = Video(prompt="p", assets=(FIRST,), aspect_ratio="1:1", audio=True, seed=3, watermark=True, extra={"hue": 1})
    lost = {loss.field for loss in DRIVER.losses(request, "kling-v1", profile())}
    assert lost == {"hue", "aspect_ratio", "generate_audio", "seed", "watermark"}
    assert DRIVER.losses(Video(prompt="p", aspect_ratio="1:1", audio=True), "kling-v2-6", profile()) == ()


def test_kling_can_call() -> None:
    ask = DRIVER.with_callback(Ask(body=b'{"prompt":"p"}'), "https://me.example/cb")
    assert ask.body == b'{"prompt":"p","callback_url":"https://me.example/cb"}'


# -- what has come of it


def test_a_task_is_looked_for_under_the_kind_of_its_making() -> None:
    state = {"kind": "image2video", **DRIVER.submitted(got(answer()))}
    assert DRIVER.poll(state) == Ask(method="GET", path="/image2video/831")
    assert [DRIVER.read(got(answer(word)), state).status for word in ("submitted", "processing", "strange")] == [
        "queued",
        "in_progress",
        None,
    ]


def test_a_video_is_read() -> None:
    videos = [{"id": "v", "url": "https://cdn.example/a.mp4", "duration": "5.1"}]
    progress = DRIVER.read(got(answer("succeed", task_result={"videos": videos}, final_unit_deduction="2")), {})
    assert progress.assets == (Asset(url="https://cdn.example/a.mp4", mime="video/mp4"),)
    assert (progress.status, progress.seconds) == ("completed", 5.1)
    assert DRIVER.read(got(answer("succeed", task_result={"videos": [{"url": "u", "duration": "?"}]})), {}).seconds is None
    assert DRIVER.read(got(answer("succeed")), {}).assets == ()


@pytest.mark.parametrize(
    ("message", "code"),
    [("Failure to pass the risk control system", "content_policy"), ("Server exploded", "failed"), (None, "failed")],
)
def test_a_task_that_failed_says_why(message: str | None, code: str) -> None:
    progress = DRIVER.read(got(answer("failed", task_status_msg=message)), {})
    assert (progress.status, progress.error_code) == ("failed", code)
    assert progress.error_message


@pytest.mark.parametrize("status", [200, 0])
@pytest.mark.parametrize(
    ("code", "http", "kind"),
    [
        (1000, 401, UpstreamUnauthorized),
        (1004, 401, UpstreamUnauthorized),
        (1101, 429, UpstreamUnfunded),
        (1102, 429, UpstreamUnfunded),
        (1103, 403, UpstreamUnauthorized),
        (1201, 400, BadRequest),
        (1203, 404, UpstreamModelMissing),
        (1301, 400, ContentRefused),
        (1302, 429, UpstreamRateLimited),
        (1303, 429, UpstreamRateLimited),
        (1304, 429, UpstreamUnauthorized),
        (5000, 500, UpstreamBroken),
        (5001, 503, UpstreamOverloaded),
        (5002, 504, UpstreamTimeout),
        (9999, 500, UpstreamBroken),
    ],
)
def test_a_code_means_the_same_under_its_status_and_inside_a_200(
    code: int, http: int, kind: type[PiscesError], status: int
) -> None:
    told = {"code": code, "message": "Something is wrong", "request_id": "r"}
    with pytest.raises(kind) as caught:
        if not status:
            raise DRIVER.decode_error(http, {}, msgspec.json.encode(told))
        DRIVER.submitted(got(told))
    assert type(caught.value) is kind


def test_an_answer_that_is_none_is_the_upstreams_fault() -> None:
    with pytest.raises(UpstreamBroken):
        DRIVER.submitted(got({"code": 0, "data": None}))
    assert isinstance(DRIVER.decode_error(502, {}, b"<html><title>Bad gateway</title></html>"), UpstreamBroken)


def test_a_lost_submission_is_found_by_our_own_id() -> None:
    request = Video(assets=(FIRST,))
    assert DRIVER.find("task_1", request) == Ask(method="GET", path="/image2video/task_1")
    assert DRIVER.found(got(answer("processing")), "task_1") == {"id": "831"}
    assert DRIVER.found(got({"code": 1203, "message": "task not found"}, 404), "task_1") is None
    with pytest.raises(Unsupported):
        DRIVER.find("task_1", Video(prompt="p", remix_of="x"))
