"""Every dialect starts tasks, and shows each task of every other in its own spelling (H134, S3-33 to S4-36)."""

from __future__ import annotations

import json
import re

import aiohttp
import pytest

HAPPYHORSE = {
    "model": "dream",
    "input": {"prompt": "a horse", "media": [{"type": "input_image", "url": "https://example.com/horse.png"}]},
    "parameters": {"resolution": "720P", "duration": 5, "ratio": "16:9", "watermark": False},
}
SEEDANCE = {
    "model": "dream",
    "prompt": "a horse",
    "resolution": "720p",
    "ratio": "16:9",
    "duration": 5,
    "generate_audio": False,
}
OPENAI = {"model": "dream", "prompt": "a horse", "seconds": "5", "size": "1280x720"}
OPEN = {"model": "dream", "prompt": "a horse", "resolution": "720p", "aspect_ratio": "16:9", "duration_seconds": 5}
CREATIONS = [
    ("/v1/videos", HAPPYHORSE, 200),
    ("/v1/videos", OPENAI, 200),
    ("/v1/video/generations", SEEDANCE, 200),
    ("/v1/videos/tasks", OPEN, 202),
]


@pytest.mark.parametrize(("path", "body", "status"), CREATIONS, ids=["happyhorse", "openai", "seedance", "open"])
async def test_a_task_is_started_in_every_dialect_and_read_in_every_other(customer, studio, path, body, status) -> None:
    """S3-52 to S3-59, S3-67 to S3-72, S4-24 to S4-28"""
    answered, told, headers = await customer("POST", path, body)
    assert answered == status
    assert told["id"] == told["task_id"]
    assert re.fullmatch(r"task_[0-9A-Za-z]{32}", told["id"])
    assert (told["status"], told["model"]) == ("queued", "dream")
    assert isinstance(told["created_at"], int)
    assert "retry-after" in headers
    task = await customer.until(told["id"])
    assert studio.submissions[0]["seconds"] == 5
    assert task.cost_nano == 5 * 10**8
    await spelled(customer, told["id"])


async def spelled(customer, id: str) -> None:
    _, videos, _ = await customer("GET", f"/v1/videos/{id}")
    assert (videos["object"], videos["status"], videos["progress"], videos["error"]) == ("video", "completed", 100, None)
    assert (videos["seconds"], videos["size"], videos["prompt"]) == ("5", "1280x720", "a horse")
    _, seedance, _ = await customer("GET", f"/v1/video/generations/{id}")
    assert (seedance["code"], seedance["message"]) == ("success", "")
    data = seedance["data"]
    assert (data["task_id"], data["status"], data["progress"], data["fail_reason"]) == (id, "SUCCESS", "100%", "")
    assert 0 < data["submit_time"] <= data["start_time"] <= data["finish_time"]
    _, own, _ = await customer("GET", f"/v1/tasks/{id}")
    assert (own["status"], own["progress"], own["type"], own["result"]["seconds"]) == ("completed", 100, "video", 5)
    assert own["polling_url"] == f"{customer.house.url}/v1/tasks/{id}"
    assert {videos["metadata"]["url"], videos["video_url"], data["result_url"]} == {*own["result"]["urls"]}
    assert own["expires_at"] - own["completed_at"] == 7 * 86400


async def test_failures_and_cancellations_have_their_words_in_every_dialect(customer) -> None:
    """S3-59, S3-71"""
    failed, cancelled = await customer.make("fail"), await customer.make("stuck")
    await customer("DELETE", f"/v1/videos/{cancelled}")
    await customer.until(failed)
    for id, word in ((failed, "failed"), (cancelled, "cancelled")):
        assert (await customer("GET", f"/v1/videos/{id}"))[1]["status"] == word
        assert (await customer("GET", f"/v1/tasks/{id}"))[1]["status"] == word
        data = (await customer("GET", f"/v1/video/generations/{id}"))[1]["data"]
        assert data["status"] == "FAILURE"
        assert data["fail_reason"]
        assert data["progress"] != "100%"


async def test_the_list_is_filtered_and_paged(customer) -> None:
    """S4-29 to S4-31"""
    ids = [await customer.make(prompt) for prompt in ("a river", "fail", "a sea")]
    for id in ids:
        await customer.until(id)
    _, page, _ = await customer("GET", "/v1/tasks?limit=2")
    assert ([each["id"] for each in page["data"]], page["has_more"]) == (ids[:0:-1], True)
    _, rest, _ = await customer("GET", f"/v1/tasks?limit=2&after={page['last_id']}")
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (ids[:1], False)
    _, failed, _ = await customer("GET", "/v1/tasks?type=video&status=failed")
    assert [each["id"] for each in failed["data"]] == [ids[1]]
    assert (await customer("GET", "/v1/tasks?type=image"))[1]["data"] == []
    assert len((await customer("GET", "/v1/videos/tasks"))[1]["data"]) == 3
    for query, param in (("type=song", "type"), ("status=unknown", "status"), ("limit=0", "limit"), ("order=up", "order")):
        status, told, _ = await customer("GET", f"/v1/tasks?{query}")
        assert (status, told["error"]["param"]) == (400, param)


WRONG = [
    ("/v1/videos", {"input": {"prompt": "x", "media": [{"type": "input_image", "url": "/tmp/a.png"}]}}, "input.media[0].url", "own machine"),
    ("/v1/videos", {"input": {"prompt": "x", "media": [{"type": "input_image", "url": "C:\\a.png"}]}}, "input.media[0].url", "own machine"),
    ("/v1/videos", {"input": {"prompt": "x", "media": [{"type": "input_image", "url": "iVBORw0KGgo" * 20}]}}, "input.media[0].url", "base64"),
    ("/v1/videos", {"input": {"prompt": "x", "media": [{"type": "picture", "url": "https://e.com/a"}]}}, "input.media[0].type", "input_image"),
    ("/v1/videos", {"input": {"prompt": "x", "media": [{"type": "video"}]}}, "input.media[0].url", "not a URL"),
    ("/v1/videos", {"input": {"prompt": "x"}, "parameters": {"resolution": "huge"}}, "parameters.resolution", "720p"),
    ("/v1/videos", {"input": {"prompt": "x"}, "parameters": {"duration": "long"}}, "parameters.duration", "number"),
    ("/v1/videos", {"input": {"prompt": "x"}, "parameters": {"ratio": "wide"}}, "parameters.ratio", "16:9"),
    ("/v1/videos", {"input": {"prompt": "x"}, "parameters": {"watermark": "maybe"}}, "parameters.watermark", "true or false"),
    ("/v1/videos", {"input": "x"}, "input", "object"),
    ("/v1/videos", {"input": {}}, "input.prompt", "required"),
    ("/v1/videos", {"prompt": "x", "seconds": -1}, "seconds", "above 0"),
    ("/v1/videos", {"prompt": "x", "seconds": [4]}, "seconds", "number"),
    ("/v1/videos", {"prompt": "x", "size": "big"}, "size", "1280x720"),
    ("/v1/videos", {"prompt": "x", "input_reference": {"file_id": "file-1"}}, "input_reference", "file"),
    ("/v1/video/generations", {"prompt": "x", "image": "http://192.168.0.4/a.png"}, "image", "private"),
    ("/v1/video/generations", {"prompt": "x", "images": ["https://e.com/a.png", "http://[::1]/a"]}, "images[1]", "private"),
    ("/v1/video/generations", {"prompt": "x", "image": "file:///etc/passwd"}, "image", "own machine"),
    ("/v1/video/generations", {"prompt": "x", "image": "data:image/png;base64,%%%"}, "image", "base64"),
    ("/v1/video/generations", {"prompt": ""}, "prompt", "required"),
    ("/v1/videos/tasks", {"prompt": "x", "duration_seconds": True}, "duration_seconds", "number"),
    ("/v1/videos/tasks", {"prompt": 5}, "prompt", "string"),
    ("/v1/images/tasks", {"prompt": "x", "resolution": "720p"}, "resolution", "1K"),
    ("/v1/images/tasks", {"prompt": "x", "n": 99}, "n", "from 1 to 10"),
    ("/v1/videos/tasks", {"prompt": "x", "webhook": {"href": "https://e.com"}}, "webhook.url", "required"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "param", "words"), WRONG, ids=[f"{row[0]} {row[2]}" for row in WRONG])
async def test_bad_input_is_refused_by_name(customer, path: str, body: dict, param: str, words: str) -> None:
    """H135, S3-50, S3-51"""
    status, told, _ = await customer("POST", path, {"model": "dream", **body})
    assert (status, told["error"]["param"]) == (400, param), told
    assert words in told["error"]["message"]


async def test_a_request_without_a_model_is_refused(customer) -> None:
    status, told, _ = await customer("POST", "/v1/video/generations", {"prompt": "x"})
    assert (status, told["error"]["param"]) == (400, "model")
    status, told, _ = await customer("POST", "/v1/videos/tasks", {"prompt": "x", "model": "nobody"})
    assert (status, told["error"]["code"]) == (404, "model_not_found")
    async with customer.http.post(
        customer.house.url + "/v1/videos",
        data=b"{",
        headers={"Authorization": f"Bearer {customer.secret}", "Content-Type": "application/json"},
    ) as response:
        assert response.status == 400
        assert "JSON" in json.loads(await response.read())["error"]["message"]


# -- files


async def test_a_result_is_downloaded_whole_and_in_part_by_its_owner_and_by_its_signed_url(customer, studio) -> None:
    from upstreams.studio import MOVIE

    id = await customer.make("a river")
    await customer.until(id)
    status, body, headers = await customer("GET", f"/v1/videos/{id}/content")
    assert (status, body, headers["content-type"]) == (200, MOVIE, "video/mp4")
    status, body, headers = await customer("GET", f"/v1/videos/{id}/content", headers={"Range": "bytes=10-19"})
    assert (status, body, headers["content-range"]) == (206, MOVIE[10:20], f"bytes 10-19/{len(MOVIE)}")
    _, told, _ = await customer("GET", f"/v1/tasks/{id}")
    url = told["result"]["urls"][0]
    assert url == (await customer("GET", f"/v1/tasks/{id}"))[1]["result"]["urls"][0]
    async with aiohttp.ClientSession() as anybody:
        async with anybody.get(url) as response:
            assert (response.status, await response.read()) == (200, MOVIE)
        for wrong in (url[:-1], url.replace("expires=", "expires=1"), url.split("&")[0], url.replace("/files/0", "/files/1")):
            async with anybody.get(wrong) as response:
                assert response.status in (401, 403), wrong
    assert studio.keys == {"Bearer upstream-key"}


async def test_there_is_nothing_to_download_before_the_end(customer) -> None:
    id = await customer.make("stuck")
    status, told, _ = await customer("GET", f"/v1/videos/{id}/content")
    assert (status, told["error"]["code"]) == (404, "task_not_completed")
    done = await customer.make("a river")
    await customer.until(done)
    status, told, _ = await customer("GET", f"/v1/videos/{done}/content?variant=thumbnail")
    assert (status, told["error"]["param"]) == (404, "variant")


async def test_a_task_that_is_over_can_be_deleted(customer) -> None:
    id = await customer.make("a river")
    await customer.until(id)
    status, told, _ = await customer("DELETE", f"/v1/videos/{id}")
    assert (status, told["deleted"], told["object"]) == (200, True, "video.deleted")
    assert (await customer("GET", f"/v1/videos/{id}"))[0] == 404
    assert await customer.balance() == (100 * 10**9 - 5 * 10**8, 0)
