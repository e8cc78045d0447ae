"""MiniMax: sound in hexadecimal, videos in three steps, errors in `base_resp` (F5, F7, H132)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from pisces_minimax.speech import Speech as SpeechWire
from pisces_minimax.video import Video as Driver

from pisces_proxy import errors
from pisces_proxy.media import Asset, Speech, Video
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import Measures
from pisces_proxy.testing import got, run_plan

WIRE, DRIVER = SpeechWire(), Driver()
SOUND = b"ID3\x04sound"
FINE = {"status_code": 0, "status_msg": "success"}
PNG = "https://example.com/a.png"
REFUSALS = [
    (1001, "timeout", errors.UpstreamTimeout),
    (1002, "rate limit", errors.UpstreamRateLimited),
    (1004, "login fail: Please carry the API secret key", errors.UpstreamUnauthorized),
    (1008, "insufficient balance", errors.UpstreamUnfunded),
    (1026, "input new_sensitive", errors.ContentRefused),
    (1027, "output new_sensitive", errors.ContentRefused),
    (1039, "token limit", errors.UpstreamRateLimited),
    (1042, "invisible character ratio limit", errors.BadRequest),
    (2013, "invalid params, voice_id not exist", errors.BadRequest),
    (2049, "invalid api key", errors.UpstreamUnauthorized),
    (1000, "unknown error", errors.UpstreamBroken),
]


def refusal(code: int, said: str) -> dict[str, Any]:
    return {"data": None, "base_resp": {"status_code": code, "status_msg": said}, "trace_id": "t"}


# -- speech


def spoken(**facts: Any) -> dict[str, Any]:
    facts = {"audio_length": 1500, "usage_characters": 26, "audio_format": "mp3", **facts}
    return {"data": {"audio": SOUND.hex(), "status": 2}, "extra_info": facts, "trace_id": "t", "base_resp": FINE}


def played(request: Speech, *answers: Any, model: str = "MiniMax/speech-2.8-turbo") -> Any:
    return run_plan(WIRE.plan(request, model, Profile()), answers or (spoken(),), wire=WIRE)


def test_a_text_is_spoken_and_the_vendor_before_the_models_name_goes() -> None:
    """H132, S3-75, S3-78"""
    done = played(Speech(text="你好,这是一个测试。", voice="male-qn-qingse"))
    assert done.sent() == {
        "model": "speech-2.8-turbo",
        "text": "你好,这是一个测试。",
        "stream": False,
        "voice_setting": {"voice_id": "male-qn-qingse", "speed": 1.0, "vol": 1, "pitch": 0},
        "audio_setting": {"sample_rate": 32000, "bitrate": 128000, "format": "mp3", "channel": 1},
        "output_format": "hex",
    }
    result = done.result
    assert (result.audio.data, result.audio.mime, result.seconds) == (SOUND, "audio/mpeg", 1.5)
    assert result.measures == Measures(characters=26, seconds=1.5)


@pytest.mark.parametrize(
    ("format", "rate", "mime"), [("wav", 32000, "audio/wav"), ("flac", 32000, "audio/flac"), ("pcm", 24000, "audio/pcm")]
)
def test_formats_are_asked_for_by_name(format: str, rate: int, mime: str) -> None:
    done = played(Speech(text="x", voice="v", format=format), spoken(audio_format=format))
    assert done.sent()["audio_setting"]["sample_rate"] == rate and done.sent()["audio_setting"]["format"] == format
    assert done.result.audio.mime == mime


@pytest.mark.parametrize("format", ["opus", "aac"])
def test_other_formats_are_refused(format: str) -> None:
    with pytest.raises(errors.Unsupported, match="mp3, wav, flac, pcm") as raised:
        played(Speech(text="x", format=format))
    assert raised.value.param == "response_format"


def test_a_clients_words_of_its_own_find_their_places() -> None:
    own = {"emotion": "happy", "bitrate": 64000, "language_boost": "auto", "colour": "red"}
    request = Speech(text="x", voice="v", speed=4.0, instructions="sing", language="yue", extra={"openai.speech": own})
    done = played(request)
    assert done.sent()["voice_setting"] == {"voice_id": "v", "speed": 2.0, "vol": 1, "pitch": 0, "emotion": "happy"}
    assert done.sent()["audio_setting"]["bitrate"] == 64000 and done.sent()["language_boost"] == "auto"
    assert [(loss.field, loss.action) for loss in done.result.losses] == [
        ("colour", "dropped"), ("speed", "changed"), ("instructions", "dropped"),
    ]  # fmt: skip
    assert played(Speech(text="x", language="ja")).sent()["language_boost"] == "Japanese"


@pytest.mark.parametrize(("code", "said", "kind"), REFUSALS)
def test_an_error_inside_a_200_is_raised(code: int, said: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        played(Speech(text="x"), refusal(code, said))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", {"base_resp": FINE}, {"data": {"audio": "zz"}, "base_resp": FINE}, {"data": 1}]
)
def test_an_answer_without_sound_is_the_upstreams_fault(body: Any) -> None:
    with pytest.raises(errors.UpstreamBroken):
        played(Speech(text="x"), got(body))


def test_a_refusal_by_status_is_understood() -> None:
    assert isinstance(WIRE.decode_error(401, {}, b'{"error":{"message":"no"}}'), errors.UpstreamUnauthorized)


# -- video


def sent(model: str = "MiniMax-Hailuo-2.3", **members: Any) -> Any:
    ask = DRIVER.submit(Video(**{"prompt": "x", **members}), model, Profile(), "task_1")
    assert ask.path == "/video_generation"
    return msgspec.json.decode(ask.body)


def given(role: str) -> Asset:
    return Asset(url=PNG, role=role)


@pytest.mark.parametrize(
    ("model", "members", "told"),
    [
        ("MiniMax-Hailuo-2.3", {"resolution": "1080p", "seconds": 6.0}, {"resolution": "1080P", "duration": 6}),
        ("minimax/MiniMax-Hailuo-02", {"size": "1280x720", "extra": {"prompt_optimizer": False}},
         {"resolution": "768P", "prompt_optimizer": False}),
        ("MiniMax-Hailuo-02", {"assets": (given("first_frame"), given("last_frame"))},
         {"first_frame_image": PNG, "last_frame_image": PNG}),
        ("MiniMax-Hailuo-02", {"assets": (Asset(data=b"\x89PNG\r\n\x1a\n", role="first_frame"),)},
         {"first_frame_image": "data:image/png;base64,iVBORw0KGgo="}),
        ("S2V-01", {"assets": (given("reference"),), "resolution": "720p"},
         {"subject_reference": [{"type": "character", "image": [PNG]}]}),
    ],
)  # fmt: skip
def test_a_video_is_asked_for(model: str, members: dict[str, Any], told: dict[str, Any]) -> None:
    assert sent(model, **members) == {"model": model.rpartition("/")[2], "prompt": "x", "aigc_watermark": False, **told}


@pytest.mark.parametrize(
    ("assets", "said"),
    [
        ((given("reference"),), "S2V-01"),
        ((given("video"),), "takes no video"),
        ((given("audio"),), "takes no audio"),
        ((given("first_frame"), given("first_frame")), "one first frame only"),
    ],
)
def test_files_that_it_has_no_place_for_are_refused(assets: tuple[Asset, ...], said: str) -> None:
    with pytest.raises(errors.Unsupported, match=said):
        sent(assets=assets)


def test_it_is_told_where_to_call() -> None:
    ask = DRIVER.with_callback(DRIVER.submit(Video(prompt="x"), "T2V-01", Profile(), "t"), "https://gateway.example/up/1")
    assert msgspec.json.decode(ask.body)["callback_url"] == "https://gateway.example/up/1"


def test_what_is_left_away_is_listed() -> None:
    request = Video(prompt="x", resolution="720p", aspect_ratio="9:16", seed=1, audio=True, extra={"style": "noir"})
    losses = DRIVER.losses(request, "MiniMax-Hailuo-2.3", Profile())
    assert [loss.field for loss in losses] == ["style", "resolution", "aspect_ratio", "seed", "audio"]


def looked(status: str, state: dict[str, Any] | None = None, **members: Any) -> Any:
    body = {"task_id": "176", "status": status, "file_id": "", "base_resp": FINE, **members}
    return DRIVER.read(got(body), state or {"id": "176"})


def test_the_files_address_is_asked_for_in_a_step_of_its_own() -> None:
    state: Any = DRIVER.submitted(got({"task_id": "176", "base_resp": FINE}))
    assert DRIVER.poll(state).path == "/query/video_generation?task_id=176"
    done = looked("Success", state, file_id="205", video_width=1920, video_height=1080)
    assert done.status == "in_progress" and not done.assets
    assert DRIVER.poll(done.state).path == "/files/retrieve?file_id=205"
    body = {"file": {"file_id": 205, "filename": "out.mp4", "download_url": "https://files.example/v.mp4"}, "base_resp": FINE}
    end = DRIVER.read(got(body), done.state)
    assert (end.status, end.assets[0].url, end.width, end.height) == ("completed", "https://files.example/v.mp4", 1920, 1080)
    assert end.measures.resolution == "1920x1080"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Preparing", "queued"),
        ("Queueing", "queued"),
        ("Processing", "in_progress"),
        ("Dreaming", None),
        ("Success", "completed"),
    ],
)
def test_their_words_for_a_status(word: str, status: str | None) -> None:
    assert looked(word).status == status


def test_a_task_that_failed_says_why() -> None:
    refused = looked("Fail", base_resp={"status_code": 1027, "status_msg": "output new_sensitive"})
    assert (refused.status, refused.error_code) == ("failed", "content_policy")
    assert looked("Fail").error_message == "The upstream's task failed, and it did not say why."
    assert looked("Fail", base_resp={"status_code": 1000, "status_msg": "unknown error"}).error_code == "failed"


@pytest.mark.parametrize(("code", "said", "kind"), REFUSALS)
def test_a_refusal_inside_a_200_is_raised_at_each_step(code: int, said: str, kind: type[Exception]) -> None:
    body = got({"task_id": "", "base_resp": {"status_code": code, "status_msg": said}})
    with pytest.raises(kind):
        DRIVER.submitted(body)
    for state in ({"id": "1"}, {"id": "1", "file": "2"}):
        with pytest.raises(kind):
            DRIVER.read(body, state)


@pytest.mark.parametrize("body", [b"<html>", {"base_resp": FINE}])
def test_what_cannot_be_read_is_the_upstreams_fault(body: Any) -> None:
    with pytest.raises(errors.UpstreamBroken):
        DRIVER.submitted(got(body))
    for state in ({"id": "1"}, {"id": "1", "file": "2"}):
        with pytest.raises(errors.UpstreamBroken):
            DRIVER.read(got(body), state)
