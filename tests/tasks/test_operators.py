"""What operators do about tasks: by command, whether the gateway runs or not, and by the admin API."""

from __future__ import annotations

import asyncio
import json

import click.testing
import pytest
from admin.conftest import Operator
from gateways import House

from pisces_proxy.admin.tokens import add
from pisces_proxy.cli import main
from pisces_proxy.webhook import written


def command(house: House, *words: str) -> click.testing.Result:
    url = house.gateway.config.server.database
    return click.testing.CliRunner().invoke(main, [*words, "--database", url, "--config", "channels.toml"])


async def told(house: House, *words: str) -> object:
    done = await asyncio.to_thread(command, house, *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


async def said(house: House, *words: str) -> str:
    done = await asyncio.to_thread(command, house, *words)
    return done.output


async def test_tasks_are_listed_and_shown_with_every_attempt(customer, receiver) -> None:
    id = await customer.make("a river", webhook={"url": receiver.url})
    await customer.until(id)
    await receiver.wait()
    (row,) = await told(customer.house, "tasks", "list", "--account", "shop", "--status", "completed")
    assert (row["id"], row["status"], row["key"], row["cost_nano"]) == (id, "completed", "shop", 5 * 10**8)
    assert await told(customer.house, "tasks", "list", "--type", "image") == []
    while not (shown := await told(customer.house, "tasks", "show", id))["deliveries"][0]["tries"]:
        await asyncio.sleep(0.02)
    assert shown["tries"][0]["channel"] == "studio"
    (delivery,) = shown["deliveries"]
    assert (delivery["state"], delivery["tries"][0]["status"], delivery["id"][:4]) == ("delivered", 204, "msg_")
    text = await said(customer.house, "tasks", "show", id)
    assert "delivered" in text
    assert "up-dream" in text
    assert id in await said(customer.house, "tasks", "list")


async def test_a_task_is_cancelled_by_command_and_its_upstream_hears_of_it(customer, studio, receiver) -> None:
    id = await customer.make("stuck", webhook={"url": receiver.url})
    await customer.until(id, lambda task: task.phase == "running")
    assert (await told(customer.house, "tasks", "cancel", id))["status"] == "cancelled"
    await receiver.wait()
    assert await customer.balance() == (100 * 10**9, 0)
    await customer.until(id, lambda task: task.phase == "over")
    assert next(iter(studio.jobs.values())).cancelled
    assert "task.cancel" in [audit.action for audit in await customer.house.storage.audits()]
    done = await customer.make("a river")
    await customer.until(done)
    assert "over already" in await said(customer.house, "tasks", "cancel", done)


async def test_a_webhook_is_sent_once_more_under_its_id(customer, receiver) -> None:
    id = await customer.make("a river", webhook={"url": receiver.url})
    await receiver.wait()
    assert "will be sent again" in await said(customer.house, "tasks", "redeliver", id)
    await receiver.wait(2)
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
    quiet = await customer.make("a river")
    assert "told nobody" in await said(customer.house, "tasks", "redeliver", quiet)


async def test_a_secret_is_shown_and_replaced(customer) -> None:
    first = (await told(customer.house, "accounts", "webhook-secret", "shop"))["secret"]
    assert first == written((await customer.house.storage.hook_secret("shop")).secret)
    second = await told(customer.house, "accounts", "webhook-secret", "shop", "--rotate")
    assert second["secret"] != first
    assert second["previous_until"].endswith("Z")
    assert "There is no account" in await said(customer.house, "accounts", "webhook-secret", "shup")


@pytest.mark.parametrize("words", [("tasks", "show"), ("tasks", "cancel"), ("tasks", "redeliver")])
async def test_a_task_that_is_not_there_is_said_so(customer, words: tuple[str, ...]) -> None:
    assert "There is no task 'task_x'" in await said(customer.house, *words, "task_x")


async def test_operators_see_and_end_tasks_over_http(customer, receiver) -> None:
    _, secret = await add(customer.house.storage, "ops")
    ask = Operator(customer.http, customer.house.url, secret)
    done = await customer.make("a river", webhook={"url": receiver.url})
    await customer.until(done)
    await receiver.wait()
    id = await customer.make("stuck")
    assert [row["id"] for row in (await ask.get("/tasks"))["data"]] == [id, done]
    page = await ask.get("/tasks", limit=1)
    assert [row["id"] for row in (await ask.get("/tasks", cursor=page["next_cursor"]))["data"]] == [done]
    assert [row["id"] for row in (await ask.get("/tasks", status="completed", account="shop"))["data"]] == [done]
    assert (await ask.post(f"/tasks/{id}/cancel"))["status"] == "cancelled"
    assert (await ask("POST", f"/tasks/{done}/cancel")).status == 409
    assert (await ask.post(f"/tasks/{done}/redeliver"))["data"][0]["event"] == "task.completed"
    await receiver.wait(2)
    shown = await ask.get(f"/tasks/{done}")
    assert [each["channel"] for each in shown["tries"]] == ["studio"]
    first = await ask.get("/accounts/shop/webhook-secret")
    second = await ask.post("/accounts/shop/webhook-secret/rotate")
    assert first["secret"] != second["secret"]
    assert (await ask("GET", "/tasks/task_x")).status == 404
    actions = [audit.action for audit in await customer.house.storage.audits()]
    assert actions[-3:] == ["task.cancel", "webhook.redeliver", "account.rotate_webhook_secret"]
