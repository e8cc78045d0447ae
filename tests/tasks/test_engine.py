"""The engine over sockets: each task is handed over once, ends once, and costs what it made."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tasks.conftest import PRICES, QUICK, plugin, studio_channel

USD = 10**9


async def settled(customer: Any, id: str) -> list[tuple[str, int]]:
    task = await customer.row(id)
    return [(entry.kind, entry.amount_nano) for entry in await customer.house.storage.ledger(request_id=task.request_id)]


async def test_a_task_is_made_and_costs_its_real_seconds(customer, studio) -> None:
    id = await customer.make("a river", duration_seconds=8)
    status, told, headers = await customer("GET", f"/v1/tasks/{id}")
    assert (status, told["status"]) == (200, "queued")
    assert 2 <= int(headers["retry-after"]) <= 5
    task = await customer.until(id)
    assert (task.status, task.progress, task.seconds) == ("completed", 100, 8)
    assert task.cost_nano == 8 * USD // 10
    assert await customer.balance() == (100 * USD - 8 * USD // 10, 0)
    assert await settled(customer, id) == [("reserve", 8 * USD // 10), ("settle", 8 * USD // 10)]
    record = await customer.house.storage.record(task.request_id)
    assert (record.status, record.cost_nano, record.channel, record.upstream_model) == (
        200,
        task.cost_nano,
        "studio",
        "up-dream",
    )
    assert [line["unit"] for line in record.price_lines] == ["second 720p"]
    assert len(studio.submissions) == 1
    assert studio.keys == {"Bearer upstream-key"}
    assert (await customer.house.storage.verify()).ok


async def test_the_price_is_that_of_the_moment_of_its_making(customer, studio) -> None:
    id = await customer.make("slow river", duration_seconds=4)
    await customer.until(id, lambda task: task.phase == "running")
    customer.house.gateway.billing.book.tables.clear()
    task = await customer.until(id)
    assert task.cost_nano == 4 * USD // 10


async def test_progress_and_status_never_go_back(customer, studio) -> None:
    id = await customer.make("slow river")
    seen = []
    while not (task := await customer.row(id)).over:
        seen.append((task.status, task.progress))
        await asyncio.sleep(0.01)
    order = {"queued": 0, "in_progress": 1}
    assert seen == sorted(seen, key=lambda each: (order[each[0]], each[1]))
    assert all(progress < 100 for _, progress in seen)


@pytest.mark.parametrize(
    ("prompt", "code", "words"),
    [
        ("fail", "failed", "gave up"),
        ("vanish", "task_lost", "does not know this task"),
        ("empty", "no_result", "no result"),
        ("refuse", "bad_request", "not for us"),
        ("broken", "upstream", ""),
        ("busy", "rate_limit", ""),
    ],
)
async def test_what_fails_is_paid_back_and_says_why(customer, prompt: str, code: str, words: str) -> None:
    id = await customer.make(prompt)
    task = await customer.until(id)
    assert task.status == "failed"
    assert words in task.error_message
    assert await customer.balance() == (100 * USD, 0)
    assert [kind for kind, _ in await settled(customer, id)] == ["reserve", "settle"]
    _, told, _ = await customer("GET", f"/v1/tasks/{id}")
    assert told["error"]["message"] == task.error_message
    assert told["error"]["code"] == code
    record = await customer.house.storage.record(task.request_id)
    assert (record.cost_nano, record.status, bool(record.error)) == (0, 502, True)
    assert (await customer.house.storage.verify()).ok


async def test_a_busy_channel_is_tried_again_and_a_refusal_is_not(customer, studio) -> None:
    await customer.until(await customer.make("refuse"))
    assert len(studio.submissions) == 1
    await customer.until(await customer.make("busy"))
    assert len(studio.submissions) == 2 + len(QUICK.busy)


async def test_another_channel_is_tried_while_nobody_has_taken_it(house, studio, enlist) -> None:
    down = studio_channel(studio, name="down", more="priority = 9").replace(studio.base_url, "http://127.0.0.1:9/v1")
    opened = await house(down, studio_channel(studio), PRICES, server=plugin())
    opened.gateway.work.engine.steps.pace = QUICK
    customer = await enlist(opened)
    task = await customer.until(await customer.make("a river"))
    assert (task.status, task.channel) == ("completed", "studio")
    assert [(each.channel, each.error is None) for each in task.tries] == [("down", False), ("studio", True)]


async def test_a_lost_submission_is_found_again_and_not_repeated(customer, studio) -> None:
    id = await customer.make("lose this")
    task = await customer.until(id)
    assert (task.status, task.phase) == ("completed", "over")
    assert len(studio.submissions) == 1


async def test_an_answer_that_its_driver_did_not_expect_is_asked_for_again_until_the_deadline(customer, studio) -> None:
    id = await customer.make("odd")
    await customer.until(id, lambda task: task.polls > 2)
    task = await customer.row(id)
    assert task.phase == "running"
    while (task := await customer.row(id)).phase == "running":
        await customer.house.storage.save_task(msgspec.structs.replace(task, deadline=1.0), keep=True)
        await asyncio.sleep(0.05)
    assert (await customer.until(id)).error_code == "timeout"
    assert await customer.balance() == (100 * USD, 0)


@pytest.mark.parametrize(("prompt", "model"), [("lose", "dream-forgetful"), ("miss", "dream"), ("mute", "dream-forgetful")])
async def test_a_submission_that_stays_lost_is_given_up_and_never_repeated(customer, studio, prompt: str, model: str) -> None:
    id = await customer.make(prompt, model)
    parked = await customer.until(id, lambda task: task.phase == "parked")
    assert parked.status == "queued"
    task = await customer.until(id)
    assert (task.status, task.error_code) == ("failed", "submission_lost")
    assert "not handed over again" in task.error_message
    assert len(studio.submissions) == 1
    assert await customer.balance() == (100 * USD, 0)


async def test_a_task_that_does_not_end_is_given_up_and_a_late_success_is_written_down(customer, studio) -> None:
    id = await customer.make("stuck")
    running = await customer.until(id, lambda task: task.phase == "running")
    studio_job = next(iter(studio.jobs.values()))
    while (task := await customer.row(id)).phase == "running":
        await customer.house.storage.save_task(msgspec.structs.replace(task, deadline=1.0), keep=True)
        await asyncio.sleep(0.05)
    task = await customer.until(id)
    assert (task.status, task.error_code) == ("failed", "timeout")
    assert studio_job.cancelled
    studio_job.cancelled = False
    studio.now_done.add(studio_job.id)
    late = await customer.until(id, lambda task: task.phase == "over")
    assert "completed" in late.note
    assert (late.status, late.assets) == ("failed", ())
    assert await customer.balance() == (100 * USD, 0)
    assert running.id == late.id


async def test_a_cancelled_task_is_paid_back_and_its_upstream_told(customer, studio) -> None:
    id = await customer.make("stuck")
    await customer.until(id, lambda task: task.phase == "running")
    status, told, _ = await customer("POST", f"/v1/tasks/{id}/cancel")
    assert (status, told["status"]) == (200, "cancelled")
    assert await customer.balance() == (100 * USD, 0)
    status, told, _ = await customer("POST", f"/v1/tasks/{id}/cancel")
    assert (status, told["status"]) == (200, "cancelled")
    while not next(iter(studio.jobs.values())).cancelled:
        await asyncio.sleep(0.02)
    assert [kind for kind, _ in await settled(customer, id)] == ["reserve", "settle"]


async def test_what_is_over_cannot_be_cancelled(customer) -> None:
    id = await customer.make("a river")
    await customer.until(id)
    status, told, _ = await customer("POST", f"/v1/tasks/{id}/cancel")
    assert (status, told["error"]["code"]) == (409, "task_over")


async def test_looks_never_reach_the_upstream_nor_count_against_the_limits(customer, studio) -> None:
    id = await customer.make("a river")
    await customer.until(id)
    polls = studio.polls
    await customer.house.storage.change_key("k-shop", {"rpm": 1})
    await customer.house.gateway.look()
    for _ in range(5):
        status, _, headers = await customer("GET", f"/v1/tasks/{id}")
        assert status == 200
        assert "retry-after" not in headers
    assert studio.polls == polls


async def test_only_its_owner_sees_a_task(customer, enlist) -> None:
    id = await customer.make("a river")
    await customer.until(id)
    other = await enlist(customer.house, "other")
    for method, path in [
        ("GET", f"/v1/tasks/{id}"), ("GET", f"/v1/videos/{id}"), ("GET", f"/v1/video/generations/{id}"),
        ("GET", f"/v1/videos/{id}/content"), ("DELETE", f"/v1/videos/{id}"), ("POST", f"/v1/tasks/{id}/cancel"),
    ]:  # fmt: skip
        status, told, _ = await other(method, path)
        assert (status, told["error"]["code"]) == (404, "task_not_found"), path
    assert (await other("GET", "/v1/tasks"))[1]["data"] == []


async def test_a_task_that_cannot_be_paid_is_not_taken(house, studio, enlist) -> None:
    opened = await house(studio_channel(studio), PRICES, server=plugin())
    poor = await enlist(opened, "poor", 0)
    status, told, headers = await poor("POST", "/v1/videos/tasks", {"model": "dream", "prompt": "a river"})
    assert (status, told["error"]["code"]) == (403, "insufficient_quota")
    assert headers["x-should-retry"] == "false"
    assert await opened.storage.tasks() == []
    assert studio.submissions == []
    assert (await opened.record()).status == 403


async def test_a_model_without_a_price_is_not_for_those_who_pay(house, studio, enlist) -> None:
    opened = await house(studio_channel(studio, model="unpriced"), server=plugin())
    customer = await enlist(opened)
    status, told, _ = await customer("POST", "/v1/videos/tasks", {"model": "unpriced", "prompt": "a river"})
    assert (status, told["error"]["code"]) == (403, "model_without_price")


async def test_the_same_request_again_makes_no_second_task(customer, studio) -> None:
    told = [
        (await customer("POST", "/v1/videos", {"model": "dream", "prompt": "x"}, headers={"Idempotency-Key": "once"}))[1]["id"]
        for _ in range(3)
    ]
    assert len(set(told)) == 1
    await customer.until(told[0])
    assert len(studio.submissions) == 1


async def test_what_a_channel_has_no_place_for_is_refused_at_once(customer, studio) -> None:
    media = [{"type": "audio", "url": "https://example.com/a.mp3"}]
    status, told, _ = await customer("POST", "/v1/videos", {"model": "dream", "input": {"prompt": "x", "media": media}})
    assert (status, told["error"]["param"]) == (400, "input.media")
    assert studio.submissions == []
