"""Keys through the admin API: what it says is what clients meet."""

from __future__ import annotations

import asyncio

import aiohttp

SEEN = 3.0  # seconds in which a running gateway sees a change, with room for a busy machine


async def models(operator, secret: str) -> tuple[int, list[str]]:
    headers = {"Authorization": f"Bearer {secret}"}
    async with aiohttp.ClientSession() as http, http.get(operator.url + "/v1/models", headers=headers) as response:
        body = await response.json()
        return response.status, [model["id"] for model in body.get("data", [])]


async def becomes(operator, secret: str, status: int) -> None:
    async with asyncio.timeout(SEEN):
        while (await models(operator, secret))[0] != status:
            await asyncio.sleep(0.05)


async def test_a_key_works_from_the_answer_that_makes_it_and_its_secret_is_nowhere_else(operator) -> None:
    made = await operator.post("/keys", {"name": "shop", "rpm": 5, "quota_nano": 7, "quota_period": "month"})
    assert (await models(operator, made["secret"]))[0] == 200
    key = await operator.get("/keys/shop")
    assert key == made["key"] == await operator.get(f"/keys/{made['key']['id']}")
    assert (key["rpm"], key["tpm"], key["quota_nano"], key["quota_period"]) == (5, None, 7, "month")
    assert (key["quota_spent_nano"], key["quota_reserved_nano"]) == (0, 0)
    assert key["images_as_text"] is False
    changed = await operator("PATCH", "/keys/shop", {"images_as_text": True})
    assert changed.body["images_as_text"] is True
    everything = str([await operator.get(path) for path in ("/keys", "/audits", "/accounts")])
    assert made["secret"] not in everything


async def test_a_disabled_key_is_refused_and_an_enabled_one_taken_again(operator) -> None:
    made = await operator.post("/keys", {"name": "shop"})
    await becomes(operator, made["secret"], 200)
    assert (await operator("PATCH", "/keys/shop", {"enabled": False})).body["enabled"] is False
    await becomes(operator, made["secret"], 401)
    await operator("PATCH", "/keys/shop", {"enabled": True})
    await becomes(operator, made["secret"], 200)


async def test_a_rotated_key_has_a_new_secret_and_the_old_one_ends(operator) -> None:
    made = await operator.post("/keys", {"name": "shop"})
    turned = await operator.post("/keys/shop/rotate")
    assert turned["secret"] != made["secret"] and turned["key"]["id"] == made["key"]["id"]
    await becomes(operator, made["secret"], 401)
    await becomes(operator, turned["secret"], 200)


async def test_a_deleted_key_is_gone(operator) -> None:
    made = await operator.post("/keys", {"name": "shop"})
    gone = await operator("DELETE", "/keys/shop")
    assert (gone.status, gone.body) == (204, None)
    await becomes(operator, made["secret"], 401)
    assert (await operator("GET", "/keys/shop")).status == 404


async def test_limits_are_set_and_taken_away_and_what_is_left_out_stays(operator) -> None:
    await operator.post("/keys", {"name": "shop", "models": ["m"], "rpm": 5, "expires_at": "2100-01-01T02:00:00+02:00"})
    change = {"rpm": None, "tpm": 9, "networks": ["10.1.2.3/8"], "quota_nano": 3}
    changed = (await operator("PATCH", "/keys/shop", change)).body
    assert (changed["rpm"], changed["tpm"], changed["quota_nano"]) == (None, 9, 3)
    assert (changed["models"], changed["expires_at"], changed["networks"]) == (["m"], "2100-01-01T00:00:00Z", ["10.0.0.0/8"])
    unbound = (await operator("PATCH", "/keys/shop", {"models": None, "expires_at": None})).body
    assert (unbound["models"], unbound["expires_at"], unbound["tpm"]) == (None, None, 9)


async def test_keys_are_listed_by_account_page_by_page(operator) -> None:
    await operator.post("/accounts", {"name": "acme"})
    for number in range(3):
        await operator.post("/keys", {"name": f"k{number}", "account": "acme"})
    first = await operator.get("/keys", account="acme", limit=2)
    second = await operator.get("/keys", account="acme", limit=2, cursor=first["next_cursor"])
    assert {key["name"] for key in first["data"] + second["data"]} == {"k0", "k1", "k2"}


async def test_every_change_is_in_the_audits_with_the_tokens_name(operator) -> None:
    await operator.post("/accounts", {"name": "acme"})
    key = (await operator.post("/keys", {"name": "k", "account": "acme"}))["key"]["id"]
    await operator("PATCH", "/keys/k", {"enabled": False})
    await operator.post("/keys/k/rotate")
    await operator("DELETE", "/keys/k")
    first = await operator.get("/audits", limit=2)
    assert {audit["actor"] for audit in first["data"]} == {"first start"}
    first = await operator.get("/audits", limit=3, after=first["next_after"])
    rest = await operator.get("/audits", after=first["next_after"])
    audits = first["data"] + rest["data"]
    told = [(audit["action"], audit["target"]) for audit in audits]
    assert told == [
        ("account.create", "acme"), ("key.create", key), ("key.change", key), ("key.rotate", key), ("key.delete", key),
    ]  # fmt: skip
    assert {audit["actor"] for audit in audits} == {"ops"}
    assert rest["next_after"] is None
