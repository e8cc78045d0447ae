"""The samples of the Piccc open API (S4)."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from seeds.running import Runner

pytestmark = pytest.mark.asyncio(loop_scope="module")
HEADERS = '-H "Authorization: Bearer $PICCC_API_KEY" -H "Content-Type: application/json"'
CHAT = f"""curl https://gateway.example/v1/chat/completions \\
  {HEADERS} \\
  -d '{{
    "model": "piccc-pro",
    "messages": [{{"role":"user","content":"Write a launch caption."}}],
    "stream": false
  }}'"""
MESSAGES = f"""curl https://gateway.example/v1/messages \\
  {HEADERS} \\
  -H "anthropic-version: 2023-06-01" \\
  -d '{{
    "model": "piccc-pro",
    "max_tokens": 512,
    "messages": [{{"role":"user","content":"Write a launch caption."}}]
  }}'"""
IMAGE_TASK = f"""curl https://gateway.example/v1/images/tasks \\
  {HEADERS} \\
  -d '{{
    "model": "image-model-id",
    "prompt": "A clean product hero image for a ceramic mug",
    "aspect_ratio": "1:1",
    "resolution": "1K",
    "webhook": {{"url": "https://your.app/piccc/webhook"}}
  }}'"""
VIDEO_TASK = f"""curl https://gateway.example/v1/videos/tasks \\
  {HEADERS} \\
  -d '{{
    "model": "video-model-id",
    "prompt": "A 6 second product reveal video",
    "resolution": "720p",
    "aspect_ratio": "16:9",
    "duration_seconds": 6,
    "webhook": {{"url": "https://your.app/piccc/webhook"}}
  }}'"""
LOOK = """curl -i https://gateway.example/v1/tasks/task_xxx \\
  -H "Authorization: Bearer $PICCC_API_KEY\""""


async def finished(run: Runner, id: str) -> dict[str, Any]:
    """By polling as the document advises, every two seconds."""
    while True:
        headers, _, body = (await run.curl(LOOK.replace("task_xxx", id))).partition("\r\n\r\n")
        told: dict[str, Any] = json.loads(body)
        if told["status"] not in ("queued", "in_progress"):
            return told
        wait = int(re.search(r"(?im)^retry-after: (\d+)", headers)[1])  # type: ignore[index]
        assert 2 <= wait <= 5
        await asyncio.sleep(wait)


async def test_the_openai_sample_is_answered_under_the_public_name(run: Runner) -> None:
    told = json.loads(await run.curl(CHAT))
    assert told["model"] == "piccc-pro" and told["choices"][0]["message"]["content"]


async def test_the_openai_sample_streams_where_it_is_asked_to(run: Runner) -> None:
    printed = await run.curl(CHAT.replace('"stream": false', '"stream": true'))
    assert printed.startswith("data: {") and printed.rstrip().endswith("data: [DONE]") and '"piccc-pro"' in printed


async def test_the_anthropic_sample_is_answered_to_a_bearer(run: Runner) -> None:
    told = json.loads(await run.curl(MESSAGES))
    assert (told["type"], told["model"], told["content"][0]["type"]) == ("message", "piccc-pro", "text")


@pytest.mark.parametrize("sample", [CHAT, MESSAGES, IMAGE_TASK, VIDEO_TASK], ids=["chat", "messages", "images", "videos"])
async def test_x_api_key_is_taken_on_every_endpoint(run: Runner, sample: str) -> None:
    told = json.loads(await run.curl(sample.replace("Authorization: Bearer", "X-API-Key:")))
    assert told["pisces"]["gateway"] == "Pisces" and told.get("error") is None


async def test_an_image_task_is_taken_in_at_once_and_can_be_looked_at(run: Runner) -> None:
    told = json.loads(await run.curl(IMAGE_TASK))
    assert re.fullmatch(r"task_[A-Za-z0-9]{32}", told["task_id"]) and told["status"] == "queued"
    assert told["polling_url"] == f"{run.gateway.url}/v1/tasks/{told['task_id']}"
    done = await finished(run, told["task_id"])
    assert done["status"] == "completed" and done["metadata"]["url"].startswith(run.gateway.url)


async def test_a_video_task_shows_its_progress_and_ends_in_a_film(run: Runner) -> None:
    told = json.loads(await run.curl(VIDEO_TASK))
    assert told["status"] == "queued"
    done = await finished(run, told["task_id"])
    assert (done["status"], done["progress"]) == ("completed", 100)
    await run.curl(f'curl -s -o film.mp4 "{done["metadata"]["url"]}"')
    assert (run.folder / "film.mp4").read_bytes()[4:8] == b"ftyp"


async def test_tasks_are_listed_by_type_and_status_and_in_pages(run: Runner) -> None:
    ids = [json.loads(await run.curl(sample))["task_id"] for sample in (IMAGE_TASK, VIDEO_TASK, IMAGE_TASK)]
    await finished(run, ids[2])

    async def listed(query: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(await run.curl(LOOK.replace("-i ", "").replace("/task_xxx", query)))
        return told

    images = await listed("?type=image")
    assert {task["type"] for task in images["data"]} == {"image"}
    completed = await listed("?status=completed")
    assert ids[2] in [task["id"] for task in completed["data"]]
    first = await listed("?limit=1")
    second = await listed(f"?limit=1\\&after={first['last_id']}")
    assert first["has_more"] and [task["id"] for page in (first, second) for task in page["data"]] == [ids[2], ids[1]]


async def test_a_webhook_must_be_https(run: Runner) -> None:
    told = json.loads(await run.curl(VIDEO_TASK.replace("https://your.app", "http://your.app")))
    assert "https" in told["error"]["message"] and told["error"]["param"].startswith("webhook")


async def test_a_task_that_is_not_there_is_a_404(run: Runner) -> None:
    printed = await run.curl(LOOK)
    assert printed.startswith("HTTP/1.1 404") and "task_xxx" in printed
