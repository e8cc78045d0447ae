"""Accounts, credits, adjustments and the ledger, as an operator sees them."""

from __future__ import annotations

import asyncio

import pytest

from pisces_proxy.storage import Account


async def test_an_account_is_made_credited_corrected_and_listed(operator) -> None:
    made = await operator.post("/accounts", {"name": "acme", "credit_line_nano": 5})
    assert (made["name"], made["unlimited"], made["balance_nano"], made["available_nano"]) == ("acme", False, 0, 5)
    credited = await operator.post("/accounts/acme/credits", {"id": "invoice 1", "usd": "12.000000001", "note": "paid"})
    assert credited["balance_nano"] == credited["credited_nano"] == 12_000_000_001
    corrected = await operator.post("/accounts/acme/adjustments", {"id": "mistake", "amount_nano": -1})
    assert (corrected["balance_nano"], corrected["available_nano"]) == (12_000_000_000, 12_000_000_005)
    assert await operator.get("/accounts/acme") == corrected
    assert corrected in (await operator.get("/accounts"))["data"]


async def test_a_credit_counts_once_however_often_it_is_sent(operator) -> None:
    await operator.post("/accounts", {"name": "acme"})
    sent = [operator.post("/accounts/acme/credits", {"id": "c1", "usd": "3"}) for _ in range(10)]
    assert {answer["balance_nano"] for answer in await asyncio.gather(*sent)} == {3_000_000_000}
    audits = await operator.audits()
    assert [audit["action"] for audit in audits] == ["account.create", "account.credit"]


@pytest.mark.parametrize("kind", ["credits", "adjustments"])
async def test_one_id_with_another_amount_is_refused(operator, kind) -> None:
    await operator.post("/accounts", {"name": "acme"})
    await operator.post(f"/accounts/acme/{kind}", {"id": "c1", "usd": "3"})
    again = await operator("POST", f"/accounts/acme/{kind}", {"id": "c1", "usd": "4"})
    assert (again.status, again.body["error"]["param"]) == (422, "id")
    assert (await operator.get("/accounts/acme"))["balance_nano"] == 3_000_000_000


@pytest.mark.parametrize(("usd", "nano"), [("0.000000001", 1), ("1", 10**9), ("99999999.999999999", 99999999_999999999)])
async def test_dollars_are_exact(operator, usd, nano) -> None:
    await operator.post("/accounts", {"name": "acme"})
    assert (await operator.post("/accounts/acme/credits", {"id": "c", "usd": usd}))["balance_nano"] == nano
    back = await operator.post("/accounts/acme/adjustments", {"id": "a", "usd": f"-{usd}"})
    assert back["balance_nano"] == 0


async def test_what_is_left_out_of_a_change_stays(operator) -> None:
    await operator.post("/accounts", {"name": "acme", "credit_line_nano": 7})
    changed = await operator("PATCH", "/accounts/acme", {"unlimited": True})
    assert (changed.body["unlimited"], changed.body["credit_line_nano"], changed.body["available_nano"]) == (True, 7, None)
    assert (await operator("PATCH", "/accounts/acme", {})).body == changed.body
    audits = await operator.audits()
    assert [(audit["action"], audit["detail"]) for audit in audits][1:] == [("account.change", {"unlimited": True})]


async def test_a_name_with_a_slash_and_a_percent_sign_is_found(house, hire) -> None:
    home = await house()
    operator = await hire(home)
    await home.storage.add_account(Account(name="客户/50%"))  # older than the rule for names
    from urllib.parse import quote

    from yarl import URL

    url = URL(f"{operator.url}/api/admin/v1/accounts/{quote('客户/50%', safe='')}", encoded=True)
    async with operator.http.get(url, headers={"Authorization": f"Bearer {operator.secret}"}) as response:
        assert (await response.json())["name"] == "客户/50%"


async def test_the_ledger_is_read_page_by_page_and_verified(operator) -> None:
    await operator.post("/accounts", {"name": "acme"})
    await operator.post("/accounts", {"name": "other"})
    for number in range(5):
        await operator.post("/accounts/acme/credits", {"id": f"c{number}", "amount_nano": number + 1})
    await operator.post("/accounts/other/credits", {"id": "theirs", "amount_nano": 9})
    rows, after = [], 0
    while after is not None:
        page = await operator.get("/ledger", account="acme", limit=2, after=after)
        assert len(page["data"]) <= 2
        rows += page["data"]
        after = page["next_after"]
    assert [row["amount_nano"] for row in rows] == [1, 2, 3, 4, 5]
    assert {(row["kind"], row["actor"]) for row in rows} == {("credit", "ops")}
    assert all(row["at"].endswith("Z") for row in rows)
    one = await operator.get("/ledger", request_id="theirs")
    assert [row["account"] for row in one["data"]] == ["other"]
    assert await operator.get("/ledger/verify") == {"ok": True, "accounts": 3, "rows": 6, "problems": []}


async def test_accounts_are_paged_by_cursor(operator) -> None:
    for number in range(4):
        await operator.post("/accounts", {"name": f"a{number}"})
    first = await operator.get("/accounts", limit=3)
    second = await operator.get("/accounts", limit=3, cursor=first["next_cursor"])
    names = [account["name"] for account in first["data"] + second["data"]]
    assert sorted(names) == ["a0", "a1", "a2", "a3", "default"] and len(first["data"]) == 3
    assert second["next_cursor"] is None


async def test_the_keys_of_a_disabled_account_are_refused_at_once_and_come_back(operator) -> None:
    await operator.post("/accounts", {"name": "acme", "unlimited": True})
    secret = (await operator.post("/keys", {"name": "shop", "account": "acme"}))["secret"]

    async def ask() -> tuple[int, str]:
        body = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"Authorization": f"Bearer {secret}"}
        async with operator.http.post(operator.url + "/v1/chat/completions", json=body, headers=headers) as response:
            return response.status, await response.text()

    assert (await ask())[0] == 200
    changed = await operator("PATCH", "/accounts/acme", {"enabled": False})
    assert changed.body["enabled"] is False
    status, text = await ask()
    assert status == 401 and "account_disabled" in text
    assert (await operator("PATCH", "/accounts/acme", {"enabled": True})).body["enabled"] is True
    assert (await ask())[0] == 200
    assert [audit["detail"] for audit in await operator.audits()][2:] == [{"enabled": False}, {"enabled": True}]
