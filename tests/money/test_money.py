"""Balances, holds and settlements through a running gateway."""

from __future__ import annotations

import asyncio
import json
import time

import aiohttp
import pytest
from gateway.asking import NAMES, dialect
from gateways import House, channel
from upstreams import script
from upstreams.delivery import Delivery
from upstreams.vendors import VENDORS, OpenAIChat

from pisces_proxy.config import Config
from pisces_proxy.keys import digest, new_secret
from pisces_proxy.ledger import Reservation
from pisces_proxy.registry import find_storage
from pisces_proxy.storage import Account, Key

BY_WIRE = {vendor.wire: vendor for vendor in VENDORS}
# what every fake vendor counts: 105 in, 90 of them cached, 17 out; USD per million
PRICE = '\n[price."{model}"]\ninput = 2.5\ncached_input = 1.25\noutput = 10\n'
COST = 15 * 2500 + 90 * 1250 + 17 * 10000  # nano-dollars


async def customer(house: House, balance: int, **more: object) -> str:
    """An account with a prepaid balance in nano-dollars, and a key of it."""
    name = f"customer{len(await house.storage.accounts())}"
    await house.storage.add_account(Account(name=name))
    if balance:
        await house.storage.credit(name, balance, id=f"first-{name}")
    secret = new_secret()
    key = Key(id=f"key_{name}", name=name, account=name, digest=digest(secret), **more)  # type: ignore[arg-type]
    await house.storage.add_key(key)
    return secret


async def post(url: str, key: str, path: str, body: object, **headers: str) -> tuple[int, dict[str, str], str]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}", **headers}) as http,
        http.post(url + path, json=body) as response,
    ):
        return response.status, {name.lower(): value for name, value in response.headers.items()}, await response.text()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", NAMES)
async def test_a_request_costs_what_the_upstream_counted_at_the_price_in_force(house, upstream, wire, stream) -> None:
    only = await upstream(BY_WIRE[wire]())
    only.play(script.text)
    found = await house(channel(only), PRICE.format(model=only.vendor.model))
    key = await customer(found, 1_000_000_000)
    asked = dialect(wire, only.vendor.model)
    status, _, text = await post(
        found.url, key, asked.stream_path if stream else asked.path, asked.stream_body() if stream else asked.body
    )
    assert status == 200, text
    record = await found.record()
    assert record.cost_nano == COST == sum(line["amount_nano"] for line in record.price_lines)
    balance = await found.storage.balance("customer1")
    assert (balance.balance_nano, balance.reserved_nano) == (1_000_000_000 - COST, 0)
    kinds = [entry.kind for entry in await found.storage.ledger(account="customer1")]
    assert kinds == ["credit", "reserve", "settle"]
    assert (await found.storage.verify()).ok


@pytest.mark.parametrize(("configured", "status"), [("", 403), ("balance_status = 402", 402), ("balance_status = 429", 429)])
async def test_an_empty_balance_is_refused_before_the_upstream_hears_of_it(house, upstream, configured, status) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    defaults = f"\n[defaults]\n{configured}\n" if configured else ""
    found = await house(channel(only), PRICE.format(model=only.vendor.model) + defaults)
    key = await customer(found, 1000)
    asked = dialect("openai.chat", only.vendor.model)
    got, headers, text = await post(found.url, key, asked.path, asked.body)
    told = json.loads(text)["error"]
    assert got == status and told["code"] == "insufficient_quota" and headers["x-should-retry"] == "false", text
    assert only.received == []
    assert (await found.storage.balance("customer1")).balance_nano == 1000


async def test_a_model_without_a_price_is_refused_to_paid_accounts_unless_it_is_free(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    free = '\n[price."costs-nothing"]\nfree = true\n'
    found = await house(channel(only, "nobody-knows-its-price", "costs-nothing"), free)
    key = await customer(found, 0)
    for model, status in (("nobody-knows-its-price", 403), ("costs-nothing", 200)):
        asked = dialect("openai.chat", model)
        got, _, text = await post(found.url, key, asked.path, asked.body)
        assert got == status, text
    asked = dialect("openai.chat", "nobody-knows-its-price")
    assert (await post(found.url, found.key, asked.path, asked.body))[0] == 200  # the operator's own account is unlimited


async def test_of_five_times_too_many_requests_at_once_exactly_those_pass_that_the_balance_pays(house, upstream) -> None:
    """The estimate equals the cost here: a flat price per call."""
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=0.05))
    found = await house(channel(only), f'\n[price."{only.vendor.model}"]\nper_call = 0.001\n')
    key = await customer(found, 20 * 1_000_000)
    asked = dialect("openai.chat", only.vendor.model)
    statuses = [
        status for status, _, _ in await asyncio.gather(*(post(found.url, key, asked.path, asked.body) for _ in range(100)))
    ]
    assert sorted(statuses) == [200] * 20 + [403] * 80
    balance = await found.storage.balance("customer1")
    assert (balance.balance_nano, balance.reserved_nano) == (0, 0)
    assert (await found.storage.verify()).ok


@pytest.mark.parametrize(
    ("configured", "said", "tokens"),
    [
        ("", {}, 4096),
        ("[defaults]\nhold_tokens = 100_000", {}, 100_000),
        ("[defaults]\nhold_tokens = 0", {}, 0),
        ('[defaults]\nhold_tokens = 100_000\n[model."{model}"]\nmax_output = 16_384', {}, 16_384),
        ('[model."{model}"]\nmax_output = 16_384', {}, 4096),
        ("[defaults]\nhold_tokens = 100_000", {"max_tokens": 50}, 50),
        ("", {"max_completion_tokens": 70, "n": 2}, 140),
    ],
)
async def test_what_is_held_is_the_longest_answer_that_can_come(house, upstream, configured, said, tokens) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    price = f'\n[price."{only.vendor.model}"]\ninput = 0\noutput = 10\n'
    found = await house(channel(only), price + configured.replace("{model}", only.vendor.model))
    key = await customer(found, 10**12)
    body = dialect("openai.chat", only.vendor.model).body | said
    await post(found.url, key, "/v1/chat/completions", body)
    held = [entry.amount_nano for entry in await found.storage.ledger() if entry.kind == "reserve"]
    assert held == ([tokens * 10_000] if tokens else [])


async def test_an_answer_dearer_than_its_hold_takes_the_balance_below_zero_once(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only), PRICE.format(model=only.vendor.model) + "[defaults]\nhold_tokens = 1\n")
    key = await customer(found, COST - 1)
    asked = dialect("openai.chat", only.vendor.model)
    statuses = [(await post(found.url, key, asked.path, asked.body))[0] for _ in range(3)]
    assert statuses == [200, 403, 403]
    assert (await found.storage.balance("customer1")).balance_nano == -1


async def test_a_reload_takes_over_prices_and_what_a_refusal_says(house, upstream, tmp_path, monkeypatch) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    monkeypatch.chdir(tmp_path)
    found = await house(channel(only), PRICE.format(model=only.vendor.model))
    key = await customer(found, 1000)
    asked = dialect("openai.chat", only.vendor.model)
    assert (await post(found.url, key, asked.path, asked.body))[0] == 403
    (tmp_path / "channels.toml").write_text(
        channel(only) + "[defaults]\nbalance_status = 402\n" + PRICE.format(model=only.vendor.model)
    )
    found.gateway.reload()
    assert (await post(found.url, key, asked.path, asked.body))[0] == 402
    (tmp_path / "channels.toml").write_text(channel(only) + f'[price."{only.vendor.model}"]\nfree = true\n')
    found.gateway.reload()
    assert (await post(found.url, key, asked.path, asked.body))[0] == 200


async def test_a_keys_own_quota_holds_also_for_an_unlimited_account(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only), f'\n[price."{only.vendor.model}"]\nper_call = 0.001\n')
    secret = new_secret()
    await found.storage.add_key(Key(id="q", name="q", account="default", digest=digest(secret), quota_nano=3_000_000))
    asked = dialect("openai.chat", only.vendor.model)
    statuses = [(await post(found.url, secret, asked.path, asked.body))[0] for _ in range(5)]
    assert statuses == [200, 200, 200, 403, 403]


@pytest.mark.parametrize(("period", "told"), [("total", "Raise it"), ("day", "Wait until 20"), ("month", "-01T00:00:00Z")])
async def test_a_quota_that_is_used_up_says_when_it_begins_anew(house, upstream, period, told) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only), f'\n[price."{only.vendor.model}"]\nper_call = 0.001\n')
    secret = new_secret()
    key = Key(id="q", name="q", account="default", digest=digest(secret), quota_nano=1_000_000, quota_period=period)
    await found.storage.add_key(key)
    asked = dialect("openai.chat", only.vendor.model)
    assert (await post(found.url, secret, asked.path, asked.body))[0] == 200
    status, _, text = await post(found.url, secret, asked.path, asked.body)
    assert status == 403 and "The quota of this key" in text and told in text
    if period == "total":
        return
    # the period is over: what it spent counts no more
    day = time.time() + (86_400 if period == "day" else 31 * 86_400)
    assert await found.storage.reserve(Reservation(
        request_id="later", account="default", key="q", amount_nano=1_000_000, at=day, expires_at=day, quota_nano=1_000_000, period=period
    )) is None  # fmt: skip


async def test_a_request_knows_what_its_channel_is_paid(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    cost = '\n[channel.cost."*"]\ninput = 1\noutput = 2\n'
    found = await house(channel(only) + cost, PRICE.format(model=only.vendor.model))
    asked = dialect("openai.chat", only.vendor.model)
    assert (await post(found.url, found.key, asked.path, asked.body))[0] == 200
    record = await found.record()
    paid = 105 * 1000 + 17 * 2000
    assert (record.cost_nano, record.upstream_cost_nano, record.margin_nano) == (COST, paid, COST - paid)
    (told,) = await found.storage.usage()
    assert (told.upstream_cost_nano, told.margin_nano) == (paid, COST - paid)


async def test_a_hold_that_has_expired_is_given_back_while_the_gateway_runs(house, monkeypatch) -> None:
    monkeypatch.setattr("pisces_proxy.gateway.SWEEP", 0.05)
    found = await house()
    await customer(found, 100)
    now = time.time()
    for name, lasts in (("soon", 0.2), ("late", 60.0)):
        held = Reservation(request_id=name, account="customer1", key="k", amount_nano=10, at=now, expires_at=now + lasts)
        assert await found.storage.reserve(held) is None
    async with asyncio.timeout(3):
        while (await found.storage.balance("customer1")).reserved_nano != 10:
            await asyncio.sleep(0.05)
    kinds = [(entry.kind, entry.request_id) for entry in await found.storage.ledger(account="customer1")]
    assert kinds[-1] == ("release", "soon")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_paid_request_waits_for_two_commits(house, upstream, monkeypatch, stream) -> None:
    from pisces_sqlite.store import SqliteStorage

    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only), PRICE.format(model=only.vendor.model))
    key = await customer(found, 10**9)
    asked = dialect("openai.chat", only.vendor.model)
    await post(found.url, key, asked.path, asked.body)  # key, account and price are known from here on
    await found.gateway.look()
    await post(found.url, key, asked.path, asked.body)
    written, read = [], []
    write, ask = SqliteStorage._write, SqliteStorage._ask
    monkeypatch.setattr(SqliteStorage, "_write", lambda self, work, **how: (written.append(work), write(self, work, **how))[1])
    monkeypatch.setattr(SqliteStorage, "_ask", lambda self, *what: (read.append(what[1]), ask(self, *what))[1])
    assert (await post(found.url, key, asked.path, asked.stream_body() if stream else asked.body))[0] == 200
    assert [work.func.__name__ for work in written] == ["reserve", "settle"]
    assert [sql for sql in read if "changes" not in sql] == []


async def test_what_another_process_changes_holds_within_a_second(house, upstream, tmp_path) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only), PRICE.format(model=only.vendor.model))
    key = await customer(found, 0)
    asked = dialect("openai.chat", only.vendor.model)
    other = find_storage(f"sqlite:///{tmp_path / 'pisces.db'}", Config())
    await other.open()
    try:
        for change, status in (
            (lambda: other.change_account("customer1", {"unlimited": True}), 200),
            (lambda: other.change_account("customer1", {"enabled": False}), 401),
            (lambda: other.change_account("customer1", {"enabled": True, "unlimited": False}), 403),
            (lambda: other.credit("customer1", 10**9, id="c"), 200),
            (lambda: other.change_key("key_customer1", {"enabled": False}), 401),
        ):
            await change()
            await asyncio.sleep(1.0)
            assert (await post(found.url, key, asked.path, asked.body))[0] == status
    finally:
        await other.close()


@pytest.mark.parametrize("how", [Delivery(instead="html"), Delivery(instead="error")])
async def test_a_failure_without_output_costs_nothing_and_leaves_no_hold(house, upstream, how) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text, how)
    found = await house(channel(only), PRICE.format(model=only.vendor.model))
    key = await customer(found, 1_000_000_000)
    asked = dialect("openai.chat", only.vendor.model)
    assert (await post(found.url, key, asked.path, asked.body))[0] >= 500
    balance = await found.storage.balance("customer1")
    assert (balance.balance_nano, balance.reserved_nano) == (1_000_000_000, 0)


async def test_a_client_that_leaves_pays_for_what_was_delivered(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=0.1))
    found = await house(channel(only), PRICE.format(model=only.vendor.model))
    key = await customer(found, 1_000_000_000)
    asked = dialect("openai.chat", only.vendor.model)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http:
        response = await http.post(found.url + asked.path, json=asked.stream_body())
        for _ in range(3):
            await response.content.readany()
        response.close()
        await asyncio.wait_for(only.last.closed.wait(), 1)
    async with asyncio.timeout(1):
        while not await found.storage.records(limit=1):
            await asyncio.sleep(0.02)
    record = await found.record()
    assert record.usage.estimated and 1 <= record.usage.output <= 6
    assert 0 < record.cost_nano < COST
    balance = await found.storage.balance("customer1")
    assert (balance.balance_nano, balance.reserved_nano) == (1_000_000_000 - record.cost_nano, 0)


@pytest.mark.parametrize(
    ("more", "allowed"), [({"rpm": 7}, 7), ({"concurrency": 5}, 5), ({"tpm": 10 * 1070}, 10)], ids=["rpm", "concurrency", "tpm"]
)
async def test_of_two_hundred_clients_at_once_exactly_as_many_pass_as_the_limit_says(house, upstream, more, allowed) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=0.8))
    found = await house(channel(only))
    secret = new_secret()
    await found.storage.add_key(Key(id="l", name="l", account="default", digest=digest(secret), **more))
    body = {**dialect("openai.chat", only.vendor.model).body, "max_tokens": 1000}
    if "tpm" in more:  # the prompt is estimated by its bytes: make them 280, that is 70 tokens
        body["messages"] = [
            {"role": "user", "content": "x" * (280 - len(json.dumps({**body, "messages": [{"role": "user", "content": ""}]})))}
        ]
    answers = await asyncio.gather(*(post(found.url, secret, "/v1/chat/completions", body) for _ in range(200)))
    statuses = [status for status, _, _ in answers]
    assert statuses.count(200) == allowed and statuses.count(429) == 200 - allowed
    refused = next(headers for status, headers, _ in answers if status == 429)
    assert int(refused["retry-after"]) >= 1 and int(refused["retry-after-ms"]) >= 1
    assert all("x-ratelimit-limit-requests" in headers for _, headers, _ in answers)


async def test_every_answer_says_in_its_dialect_what_is_left(house, upstream) -> None:
    only = await upstream(BY_WIRE["anthropic.messages"]())
    only.play(script.text)
    found = await house(channel(only))
    asked = dialect("anthropic.messages", only.vendor.model)
    _, headers, _ = await post(found.url, found.key, asked.path, asked.body)
    assert headers["anthropic-ratelimit-requests-limit"] == "3000"
    assert headers["anthropic-ratelimit-requests-remaining"] == "2999"
    asked = dialect("openai.chat", only.vendor.model)
    _, headers, _ = await post(found.url, found.key, asked.path, asked.body)
    assert headers["x-ratelimit-remaining-requests"] == "2998"


async def test_counting_tokens_eats_nothing_of_what_paid_calls_have(house, upstream) -> None:
    only = await upstream(BY_WIRE["anthropic.messages"]())
    only.play(script.text)
    found = await house(channel(only))
    body = dialect("anthropic.messages", only.vendor.model).body
    for _ in range(3):
        await post(found.url, found.key, "/v1/messages/count_tokens", {k: v for k, v in body.items() if k != "max_tokens"})
    _, headers, _ = await post(found.url, found.key, "/v1/messages", body)
    assert headers["anthropic-ratelimit-requests-remaining"] == "2999"
