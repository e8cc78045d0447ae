"""Webhooks: signed so that the standard library and OpenAI's SDK believe them, repeated until they are taken, never inside."""

from __future__ import annotations

import json

import pytest
from openai import OpenAI
from standardwebhooks import Webhook

from pisces_proxy import webhook, webhooks
from pisces_proxy.webhook import Delivery, DeliveryTry, attempted
from tasks.conftest import PRICES, plugin, studio_channel


async def secret_of(customer) -> str:
    return webhook.written((await customer.house.storage.hook_secret("shop")).secret)


async def test_the_end_of_a_task_is_told_in_a_way_that_can_be_verified(customer, receiver) -> None:
    """H136"""
    id = await customer.make("a river", webhook={"url": receiver.url})
    await receiver.wait()
    headers, body = receiver.came[0]
    secret = await secret_of(customer)
    told = Webhook(secret).verify(body, headers)
    assert (told["type"], told["data"]["id"], told["data"]["status"]) == ("task.completed", id, "completed")
    event = OpenAI(api_key="x", webhook_secret=secret).webhooks.unwrap(body, headers)
    assert event.type == "task.completed"
    async with customer.http.get(told["data"]["result"]["urls"][0]) as response:
        assert response.status == 200
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize(("prompt", "event"), [("fail", "task.failed"), ("refuse", "task.failed"), ("stuck", "task.cancelled")])
async def test_every_end_is_told(customer, receiver, prompt: str, event: str) -> None:
    id = await customer.make(prompt, webhook={"url": receiver.url})
    if prompt == "stuck":
        await customer("DELETE", f"/v1/tasks/{id}")
    await receiver.wait()
    assert json.loads(receiver.came[0][1])["type"] == event
    assert len(receiver.came) == 1


async def test_a_receiver_that_fails_is_asked_again_under_the_same_id(customer, receiver, monkeypatch) -> None:
    monkeypatch.setattr(webhook, "DELAYS", (0.05, 0.05, 0.05))
    receiver.answers = [500, 302, 404]
    id = await customer.make("a river", webhook={"url": receiver.url})
    await receiver.wait(4)
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
    assert len({body for _, body in receiver.came}) == 1
    task = await customer.until(id)
    while (delivery := (await customer.house.storage.deliveries(task.id))[0]).state == "waiting":
        pass
    assert delivery.state == "delivered"
    assert [each.status for each in delivery.tries] == [500, 302, 404, 204]


async def test_a_receiver_that_is_gone_is_left_alone(customer, receiver) -> None:
    receiver.answers = [410]
    id = await customer.make("a river", webhook={"url": receiver.url})
    await receiver.wait()
    while (delivery := (await customer.house.storage.deliveries(id))[0]).state == "waiting":
        pass
    assert delivery.state == "disabled"


async def test_both_secrets_hold_while_one_replaces_the_other(customer, receiver) -> None:
    old = await secret_of(customer)
    await customer.house.storage.rotate_hook_secret("shop", 4e9)
    await customer.make("a river", webhook={"url": receiver.url})
    await receiver.wait()
    headers, body = receiver.came[0]
    for secret in (old, await secret_of(customer)):
        assert Webhook(secret).verify(body, headers)
    assert len(headers["webhook-signature"].split()) == 2


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook", "https://127.0.0.1/hook", "https://10.0.0.7/", "https://[::1]/", "https://localhost/",
        "https://169.254.169.254/latest", "ftp://example.com/", "https://user:word@example.com/", "nonsense", "https://0x7f000001/",
    ],
)  # fmt: skip
async def test_a_webhook_leads_outside_by_https(house, studio, enlist, url: str) -> None:
    opened = await house(studio_channel(studio), PRICES, server=plugin(dev=False))
    customer = await enlist(opened)
    body = {"model": "dream", "prompt": "x", "webhook": {"url": url}}
    status, told, _ = await customer("POST", "/v1/videos/tasks", body)
    assert (status, told["error"]["param"]) == (400, "webhook.url")


async def test_the_address_is_looked_at_again_at_each_attempt(customer, receiver) -> None:
    """What was a public name when the task was made may lead inside by now."""
    sender = customer.house.gateway.work.webhooks
    sender._dev = False
    for url in (receiver.url, receiver.url.replace("http:", "https:"), "https://localhost.:1/"):
        at = Delivery(id="msg_1", task="t", account="shop", url=url, event="e", body=b"{}", created_at=0, next_at=0)
        status, why = await sender._post(at, {})
        assert status is None
        assert why
    assert receiver.came == []


async def test_a_name_that_leads_inside_is_not_called(receiver) -> None:
    from pisces_proxy.fetch import session

    async with session(False) as guarded:
        with pytest.raises(OSError, match=r"localhost"):
            await guarded.post(receiver.url.replace("127.0.0.1", "localhost"))
    assert receiver.came == []


def test_attempts_are_made_over_three_days_and_then_no_more() -> None:
    delivery = Delivery(id="m", task="t", account="a", url="u", event="e", body=b"", created_at=0, next_at=0)
    waits = []
    while delivery.state == "waiting":
        at = delivery.next_at
        delivery = attempted(delivery, DeliveryTry(at=at, error="refused"))
        waits.append(delivery.next_at - at)
    assert waits == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400, 0]
    assert (delivery.state, len(delivery.tries)) == ("failed", 10)


def test_a_task_that_nobody_asked_about_is_told_to_nobody(task_row) -> None:
    assert webhooks.notice(task_row, lambda task, number: "", 0.0) == []
