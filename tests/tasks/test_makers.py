"""Tasks that no driver watches: pictures of APIs that answer when they are done, and what is made in this process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import msgspec
from upstreams.studio import MOVIE, PICTURE

from tasks.conftest import PRICES, QUICK, plugin, studio_channel

TOY = '[[channel]]\nname = "toy"\nprovider = "toy"\nmodels = ["toy"]\n'
IMAGES = '[price.painter]\nper_image = 0.04\n'  # fmt: skip


def painter(studio) -> str:
    channel = studio_channel(studio, "openai", "painter")
    return channel + 'wires = ["openai.images"]\n'


async def fetched(url: str) -> bytes:
    async with aiohttp.ClientSession() as anybody, anybody.get(url) as response:
        assert response.status == 200
        return await response.read()


async def draw(customer, model: str = "painter", **more) -> str:
    body = {"model": model, "prompt": "a cat", "aspect_ratio": "1:1", **more}
    status, told, _ = await customer("POST", "/v1/images/tasks", body)
    assert (status, told["type"], told["status"]) == (202, "image", "queued")
    return told["task_id"]


async def test_pictures_are_made_in_the_background_by_an_api_that_knows_no_tasks(house, studio, enlist) -> None:
    """S4-12 to S4-27"""
    opened = await house(painter(studio), IMAGES, server=plugin())
    customer = await enlist(opened)
    id = await draw(customer, n=2)
    working = await customer.until(id, lambda task: task.status == "in_progress")
    assert working.phase == "submitting"
    task = await customer.until(id)
    assert (task.status, len(task.assets), task.cost_nano) == ("completed", 2, 2 * 4 * 10**7)
    assert all(not asset.data for asset in task.assets)
    _, told, _ = await customer("GET", f"/v1/tasks/{id}")
    assert [await fetched(url) for url in told["result"]["urls"]] == [PICTURE] * 2
    assert (await customer("GET", f"/v1/tasks/{id}/content"))[1] == PICTURE
    assert (await customer("GET", "/v1/tasks?type=image"))[1]["data"][0]["id"] == id
    assert (await customer("GET", "/v1/videos"))[1]["data"] == []


async def test_pictures_whose_answer_is_lost_are_not_asked_for_twice(house, studio, enlist) -> None:
    opened = await house(painter(studio), IMAGES, server=plugin())
    customer = await enlist(opened)
    task = await customer.until(await draw(customer, prompt="lose this"))
    assert (task.status, task.error_code, len(studio.submissions)) == ("failed", "submission_lost", 1)
    assert await customer.balance() == (100 * 10**9, 0)


async def test_what_runs_here_is_watched_by_the_same_engine(house, enlist) -> None:
    opened = await house(TOY, server=plugin())
    customer = await enlist(opened)
    id = await customer.make("a river", "toy")
    task = await customer.until(id)
    assert (task.status, task.channel, task.cost_nano) == ("completed", "toy", 0)
    _, told, _ = await customer("GET", f"/v1/tasks/{id}")
    assert await fetched(told["result"]["urls"][0]) == b"a movie " * 100
    status, part, _ = await customer("GET", f"/v1/videos/{id}/content", headers={"Range": "bytes=-3"})
    assert (status, part) == (206, b"ie ")
    status, part, headers = await customer("GET", f"/v1/videos/{id}/content", headers={"Range": "bytes=9999-"})
    assert (status, headers["content-range"]) == (416, "bytes */800")
    pictures = await customer.until(await draw(customer, "toy"))
    assert (pictures.status, len(pictures.assets)) == ("completed", 1)


async def test_what_runs_here_is_begun_again_after_a_crash(house, enlist) -> None:
    opened = await house(TOY, server=plugin())
    customer = await enlist(opened)
    id = await customer.make("a river", "toy")
    task = await customer.until(id)
    lost = msgspec.structs.replace(task, phase="submitting", status="queued", completed_at=None, assets=(), driver="local")
    assert opened.gateway.work.engine.steps.lost(lost).phase == "new"


async def test_results_are_kept_where_a_store_is_configured(house, studio, enlist, tmp_path: Path) -> None:
    place = f'media = "file://{tmp_path / "kept"}"\n'
    opened = await house(studio_channel(studio), PRICES, server=place + plugin())
    opened.gateway.work.engine.steps.pace = QUICK
    customer = await enlist(opened)
    id = await customer.make("a river")
    await customer.until(id)
    _, told, _ = await customer("GET", f"/v1/tasks/{id}")
    assert await fetched(told["result"]["urls"][0]) == MOVIE
    assert [file.read_bytes() for file in (tmp_path / "kept").rglob("*.mp4")] == [MOVIE]
    assert (await customer("GET", f"/v1/videos/{id}/content"))[1] == MOVIE


async def test_an_upstream_that_calls_is_only_looked_at_sooner(house, studio, enlist) -> None:
    opened = await house(studio_channel(studio), PRICES, server='public_url = "http://gateway.example"\n' + plugin())
    opened.gateway.work.engine.steps.pace = msgspec.structs.replace(QUICK, speed=100.0)
    customer = await enlist(opened)
    id = await customer.make("a river")
    await customer.until(id, lambda task: task.phase == "running")
    url = studio.submissions[0]["callback"]
    assert url.startswith(f"http://gateway.example/v1/tasks/{id}/callbacks/")
    path = url.removeprefix("http://gateway.example")
    async with aiohttp.ClientSession() as anybody:
        for wrong in (path[:-1] + ("0" if path[-1] != "0" else "1"), f"/v1/tasks/{id}/callbacks/{'0' * 40}"):
            async with anybody.post(opened.url + wrong) as response:
                assert response.status == 404
        assert studio.polls == 0
        for _ in range(2):
            async with anybody.post(opened.url + path, json={"status": "failed", "challenge": "c"}) as response:
                assert (response.status, await response.json()) == (200, {"challenge": "c"})
            polls = studio.polls
            while studio.polls == polls:
                await asyncio.sleep(0.02)
    task = await customer.until(id)
    assert task.status == "completed"
