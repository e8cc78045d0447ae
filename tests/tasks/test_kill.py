"""kill -9 in the middle of fifty tasks: after a restart all end, each settled once, each told of under one id."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter, defaultdict
from pathlib import Path

import aiohttp
import pytest
from gateways import open_process

from pisces_proxy.config import Config
from pisces_proxy.keys import digest, new_secret
from pisces_proxy.registry import find_storage
from pisces_proxy.storage import Account, Key
from tasks.conftest import PRICES, plugin, studio_channel

COUNT = 50


async def make(http: aiohttp.ClientSession, url: str, hook: str, number: int) -> str | None:
    prompt = ("calm river", "a river", "fail", "calm fail")[number % 4]
    body = {"model": "dream", "prompt": prompt, "resolution": "720p", "duration_seconds": 4, "webhook": {"url": hook}}
    try:
        async with http.post(url + "/v1/videos/tasks", json=body) as response:
            return (await response.json())["task_id"] if response.status == 202 else None
    except (aiohttp.ClientError, ConnectionError):
        return None


@pytest.mark.slow
@pytest.mark.parametrize("kills", [1, 4])
async def test_fifty_tasks_survive_kill_9(tmp_path: Path, studio, receiver, kills: int) -> None:
    storage = find_storage(f"sqlite:///{tmp_path / 'pisces.db'}", Config())
    await storage.open()
    secret = new_secret()
    await storage.add_account(Account(name="shop"))
    await storage.credit("shop", 10**12, id="first")
    await storage.add_key(Key(id="k", name="k", account="shop", digest=digest(secret)))
    channels = (studio_channel(studio), PRICES)
    try:
        ids: list[str] = []
        for kill in range(kills):
            async with open_process(tmp_path, *channels, server=plugin(), key=secret) as found:
                async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {secret}"}) as http:
                    asked = (make(http, found.url, receiver.url, number) for number in range(COUNT if kill == 0 else 0))
                    ids += [id for id in await asyncio.gather(*asked) if id]
                await asyncio.sleep(random.Random(kill).uniform(0.1, 2.0))
                os.kill(found.process.pid, signal.SIGKILL)
        assert len(ids) == COUNT
        async with open_process(tmp_path, *channels, server=plugin(), key=secret):
            await all_over(storage, receiver)
        await check(storage, receiver, studio, ids)
    finally:
        await storage.close()


async def all_over(storage, receiver) -> None:
    """Until every task has ended and been told of. A task whose process died in the very moment of handing it over is looked
    for upstream first."""
    end = time.monotonic() + 120
    while True:
        tasks = await storage.tasks(limit=1000)
        told = {json.loads(body)["data"]["id"] for _, body in receiver.came}
        if all(task.phase == "over" for task in tasks) and {task.id for task in tasks} <= told:
            return
        assert time.monotonic() < end, Counter((task.phase, task.status) for task in tasks)
        await asyncio.sleep(0.2)


async def check(storage, receiver, studio, ids: list[str]) -> None:
    tasks = {task.id: task for task in await storage.tasks(limit=1000)}
    assert set(ids) == set(tasks)
    settles = Counter()
    for entry in await storage.ledger(account="shop", limit=100_000):
        settles[entry.request_id] += entry.kind == "settle"
    assert {task.request_id: 1 for task in tasks.values()} == {id: count for id, count in settles.items() if count}
    sent = Counter(submission["tag"] for submission in studio.submissions)
    assert max(sent.values()) == 1, "a task was handed over twice"
    for task in tasks.values():
        if "fail" in task.request.prompt:
            assert (task.status, task.cost_nano) == ("failed", 0)
        elif task.id in sent:
            assert (task.status, task.cost_nano) == ("completed", 4 * 10**8), task
        else:  # its process died before the upstream had it: nobody can know that, so it is not sent again
            assert (task.status, task.error_code, task.cost_nano) == ("failed", "submission_lost", 0)
    names = defaultdict(set)
    for headers, body in receiver.came:
        names[json.loads(body)["data"]["id"]].add(headers["webhook-id"])
    assert {id: len(found) for id, found in names.items()} == dict.fromkeys(ids, 1)
    balance = await storage.balance("shop")
    assert balance.reserved_nano == 0
    assert balance.spent_nano == sum(task.cost_nano for task in tasks.values())
    assert (await storage.verify()).problems == ()
