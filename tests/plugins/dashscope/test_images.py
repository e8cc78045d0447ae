"""Qwen-Image and Wan: pictures in the answer, pictures in the background (F4)."""

from __future__ import annotations

from typing import Any

import pytest
from pisces_compatible import PROVIDERS
from pisces_dashscope.image_jobs import ImageJobs
from pisces_dashscope.images import Images as Wire

from pisces_proxy import errors
from pisces_proxy.media import Asset, Image
from pisces_proxy.pricing import Images, Measures
from pisces_proxy.testing import got, run_plan

WIRE, JOBS = Wire(), ImageJobs()
ROW = next(row for row in PROVIDERS if row.name == "dashscope")
URL = "https://files.example/a.png"


def profile(model: str, wire: str = "dashscope.images") -> Any:
    return ROW.profile(wire, model, {})


def drawn(*urls: str, count: int = 1) -> dict[str, Any]:
    choices = [{"finish_reason": "stop", "message": {"role": "assistant", "content": [{"image": url}]}} for url in urls]
    return {"output": {"choices": choices}, "usage": {"image_count": count, "width": 1328, "height": 1328}, "request_id": "r"}


def played(request: Image, *answers: Any, model: str = "qwen-image-2.0") -> Any:
    return run_plan(WIRE.plan(request, model, profile(model)), answers or (drawn(URL),), wire=WIRE)


def test_a_picture_is_drawn_without_a_watermark() -> None:
    done = played(Image(prompt="a cat", size="1024x1024", negative_prompt="dogs", seed=7, quality="high"))
    assert done.sent() == {
        "model": "qwen-image-2.0",
        "input": {"messages": [{"role": "user", "content": [{"text": "a cat"}]}]},
        "parameters": {"watermark": False, "size": "1024*1024", "negative_prompt": "dogs", "seed": 7, "n": 1},
    }
    assert done.result.pictures[0].asset.url == URL
    assert done.result.measures == Measures(images=(Images(count=1, size="1328x1328", quality="auto"),))
    assert [loss.field for loss in done.result.losses] == ["quality"]


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("qwen-image-plus", {"size": "1024x1024"}, "1328*1328"),  # five shapes and no others
        ("qwen-image-plus", {"size": "1792x1024"}, "1664*928"),
        ("qwen-image-plus", {"aspect_ratio": "9:16"}, "928*1664"),
        ("qwen-image-2.0", {"size": "1024x1536"}, "1024*1536"),
        ("wan2.6-t2i", {"size": "1024x1024"}, "1280*1280"),  # too small for it: the same shape, larger
        ("wan2.6-t2i", {"size": "4096x4096"}, "1440*1440"),
        ("wan2.7-image-pro", {"size": "2K"}, "2048*2048"),
        ("wan2.7-image-pro", {"size": "2K", "aspect_ratio": "16:9"}, "2736*1536"),
    ],
)
def test_sizes_are_brought_to_what_the_model_draws(model: str, asked: dict[str, str], sent: str) -> None:
    done = played(Image(prompt="x", **asked), model=model)
    assert done.sent()["parameters"]["size"] == sent
    changed = bool(asked.get("size", "").endswith(("24", "96"))) and asked["size"].replace("x", "*") != sent
    assert [loss.field for loss in done.result.losses] == (["size"] if changed else [])


def test_nothing_is_said_of_a_size_that_nobody_asked_for() -> None:
    assert "size" not in played(Image(prompt="x")).sent()["parameters"]


def test_a_model_that_draws_one_at_a_time_is_asked_as_often() -> None:
    done = played(Image(prompt="x", n=3), *[drawn(f"{URL}{n}") for n in range(3)], model="qwen-image-plus")
    assert [done.sent(n)["parameters"]["n"] for n in range(3)] == [1, 1, 1]
    assert len(done.result.pictures) == 3 and done.result.measures.images[0].count == 3
    assert len(played(Image(prompt="x", n=3), drawn(URL, URL, URL, count=3)).asks) == 1


def test_an_edit_sends_its_pictures_by_url_or_as_data() -> None:
    pictures = (Asset(url="https://example.com/in.png"), Asset(data=b"\x89PNG", mime="image/png"))
    done = played(Image(action="edit", prompt="a hat", images=pictures), model="qwen-image-edit-plus")
    content = done.sent()["input"]["messages"][0]["content"]
    assert content == [{"image": "https://example.com/in.png"}, {"image": "data:image/png;base64,iVBORw=="}, {"text": "a hat"}]


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (Image(action="edit", prompt="x", images=(Asset(url="https://a.b/c"),), mask=Asset(url="https://a.b/m")), "mask"),
        (Image(action="variation", images=(Asset(url="https://a.b/c"),)), "model"),
    ],
)
def test_what_it_has_no_place_for_is_refused(request_: Image, param: str) -> None:
    with pytest.raises(errors.Unsupported) as raised:
        played(request_)
    assert raised.value.param == param


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"code": "DataInspectionFailed", "message": "Output data may contain inappropriate content."}, errors.ContentRefused),
        ({"code": "IPInfringementSuspect", "message": "Input data is suspected of IP infringement."}, errors.ContentRefused),
        ({"code": "Throttling", "message": "Too many requests."}, errors.UpstreamRateLimited),
        ({"output": {"choices": []}}, errors.UpstreamBroken),
        ({"output": {"choices": [{"message": {"content": [{"text": "no"}]}}]}}, errors.UpstreamBroken),
        (b"<html>", errors.UpstreamBroken),
    ],
)
def test_an_answer_without_pictures_says_why(body: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        played(Image(prompt="x"), got(body))


# -- in the background


def job(**output: Any) -> Any:
    return got({"request_id": "r", "output": {"task_id": "t-1", **output}, "usage": {"image_count": 2}})


def test_older_models_are_handed_over_and_looked_at() -> None:
    model = "wan2.5-t2i-preview"
    request = Image(prompt="x", n=2, size="1024x1024", negative_prompt="y", style="vivid")
    ask = JOBS.submit(request, model, profile(model, "dashscope.image-jobs"), "task_1")
    assert ask.path == "/services/aigc/text2image/image-synthesis" and ask.headers == {"X-DashScope-Async": "enable"}
    assert b'"input":{"prompt":"x","negative_prompt":"y"}' in ask.body and b'"size":"1280*1280","n":2' in ask.body
    losses = JOBS.losses(request, model, profile(model, "dashscope.image-jobs"))
    assert [loss.field for loss in losses] == ["size", "style"]
    state = JOBS.submitted(job(task_status="PENDING"))
    assert JOBS.poll(state).path == "/tasks/t-1"
    assert JOBS.read(job(task_status="RUNNING"), state).status == "in_progress"


def test_pictures_refused_on_their_own_are_left_out_and_those_drawn_are_counted() -> None:
    refused = {"code": "DataInspectionFailed", "message": "Output data may contain inappropriate content."}
    progress = JOBS.read(job(task_status="SUCCEEDED", results=[{"url": URL}, refused]), {"id": "t-1"})
    assert (progress.status, [asset.url for asset in progress.assets]) == ("completed", [URL])
    progress = JOBS.read(job(task_status="SUCCEEDED", results=[refused]), {"id": "t-1"})
    assert (progress.status, progress.error_code) == ("failed", "content_policy")


def test_an_older_model_edits_nothing() -> None:
    with pytest.raises(errors.Unsupported, match="from text only"):
        JOBS.submit(Image(prompt="x", images=(Asset(url=URL),)), "wan2.2-t2i-plus", profile(""), "t")


@pytest.mark.parametrize(
    ("model", "wire"),
    [("wan2.5-t2i-preview", True), ("wanx2.1-t2i-turbo", True), ("wan2.6-t2i", False), ("qwen-image-plus", False)],
)
def test_each_model_goes_its_own_way(model: str, wire: bool) -> None:
    assert ROW.serves("dashscope.image-jobs", model) is wire
