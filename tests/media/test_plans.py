"""Pictures of a vendor whose way to be asked is nobody else's: plans, drivers and local providers through the whole gateway."""

from __future__ import annotations

import asyncio
import base64

import pytest
from aiohttp import web

from media.plugin import PNG
from media.vendor import Asked, Vendor, channel

B64 = base64.b64encode(PNG).decode()
WANTED = {"model": "brush", "prompt": "a red square"}
PRICES = '[price."brush"]\nper_image = { "1024x1024/high" = 0.04, "*" = 0.01 }\n'


async def test_a_plan_answers_a_client_of_another_format(vendor: Vendor, client) -> None:
    vendor.says("/v1/draw", {"pictures": [B64, B64]})
    alice = await client(channel(vendor, "odd", "brush"), PRICES)
    told = await alice.post("/v1/images/generations", WANTED | {"n": 2})
    assert (told.status, [each["b64_json"] for each in told.body["data"]]) == (200, [B64, B64])
    assert vendor.asked[0].body == {"name": "brush", "words": "a red square", "given": [], "n": 2}
    assert vendor.asked[0].headers["authorization"] == "Bearer upstream-key"
    record = await alice.house.record()
    assert (record.upstream_protocol, record.flags) == ("odd.pictures", ["translated", "usage_estimated"])
    assert [(line["unit"], line["quantity"], line["amount_nano"]) for line in record.price_lines] == [
        ("image 1024x1024/high", 2, 80_000_000)
    ]
    assert record.measures.images[0].count == 2
    assert told.body["pisces"]["usage_estimated"] is True


async def test_a_plan_waits_and_asks_again_where_the_vendor_says(vendor: Vendor, client) -> None:
    vendor.says("/v1/draw", {"again": f"{vendor.origin}/v1/later"})
    vendor.says("/v1/later", {"pictures": [B64], "counted": True})
    alice = await client(channel(vendor, "odd", "brush"))
    told = await alice.post("/v1/images/generations", WANTED)
    assert told.body["data"][0]["b64_json"] == B64
    assert vendor.asked[1].headers["authorization"] == "Bearer upstream-key"


async def test_credentials_do_not_follow_to_another_site(vendor: Vendor, other: Vendor, client) -> None:
    vendor.says("/v1/draw", {"again": f"{other.origin}/later"})
    other.says("/later", {"pictures": [B64]})
    alice = await client(channel(vendor, "odd", "brush"), server="fetch_private = true")
    assert (await alice.post("/v1/images/generations", WANTED)).status == 200
    assert "authorization" not in other.asked[0].headers


async def test_a_url_that_leads_inside_is_not_asked(vendor: Vendor, other: Vendor, client) -> None:
    vendor.says("/v1/draw", {"again": f"{other.origin}/later"})
    alice = await client(channel(vendor, "odd", "brush"))
    told = await alice.post("/v1/images/generations", WANTED)
    assert (told.status, other.asked) == (502, [])
    assert "not a public address" in told.body["error"]["message"]


async def test_a_client_that_wants_data_gets_it_where_the_vendor_gives_urls(vendor: Vendor, client) -> None:
    vendor.says("/v1/draw", {"pictures": [f"{vendor.origin}/files/1.png"]})
    vendor.says("/files/1.png", PNG, mime="image/png")
    alice = await client(channel(vendor, "odd", "brush"))
    told = await alice.post("/v1/images/generations", WANTED | {"response_format": "b64_json"})
    assert base64.b64decode(told.body["data"][0]["b64_json"]) == PNG


async def test_a_client_that_wants_a_url_gets_one_that_anybody_can_open(vendor: Vendor, client) -> None:
    vendor.says("/v1/draw", {"pictures": [B64]})
    alice = await client(channel(vendor, "odd", "brush"))
    told = await alice.post("/v1/images/generations", WANTED | {"response_format": "url"})
    url = told.body["data"][0]["url"]
    assert url.startswith(f"{alice.house.url}/v1/media/")
    opened = await alice.get(url, headers={"Authorization": ""})
    assert (opened.status, opened.raw, opened.headers["Content-Type"]) == (200, PNG, "image/png")


async def test_urls_of_a_client_are_put_in_place_for_a_vendor_that_takes_none(vendor: Vendor, other: Vendor, client) -> None:
    vendor.says("/v1/draw", {"pictures": [B64]})
    other.says("/mine.png", PNG, mime="image/png")
    alice = await client(channel(vendor, "odd", "brush"), server="fetch_private = true")
    told = await alice.post("/v1/images/edits", WANTED | {"image": f"{other.origin}/mine.png"})
    assert (told.status, vendor.asked[0].body["given"]) == (200, [B64])


async def test_a_vendor_that_fails_is_followed_by_the_next(vendor: Vendor, other: Vendor, client) -> None:
    vendor.says("/v1/draw", {"error": {"message": "busy"}}, status=503)
    other.says("/v1/draw", {"pictures": [B64]})
    first = channel(vendor, "odd", "brush", name="first", more="priority = 1")
    alice = await client(first, channel(other, "odd", "brush", name="second"))
    told = await alice.post("/v1/images/generations", WANTED)
    assert (told.status, told.headers["x-pisces-channel"]) == (200, "second")
    assert [attempt.status for attempt in (await alice.house.record()).attempts] == [503, 200]


async def test_an_answer_that_cannot_be_read_is_the_vendors_fault(vendor: Vendor, client) -> None:
    vendor.says("/v1/draw", b"<html>")
    alice = await client(channel(vendor, "odd", "brush"), PRICES)
    told = await alice.post("/v1/images/generations", WANTED)
    assert (told.status, told.body["error"]["code"]) == (502, "upstream_error")
    record = await alice.house.record()
    assert (record.status, record.cost_nano, record.error) == (502, 0, "upstream")


async def test_a_client_that_leaves_closes_what_was_asked_for_it(vendor: Vendor, client) -> None:
    async def never(asked: Asked, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    vendor.on["/v1/draw"] = never
    alice = await client(channel(vendor, "odd", "brush"))
    asking = asyncio.ensure_future(alice.post("/v1/images/generations", WANTED))
    while not vendor.asked:
        await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.wait_for(vendor.asked[0].closed.wait(), 5)
    while not await alice.house.storage.records(limit=1):
        await asyncio.sleep(0.01)
    record = await alice.house.record()
    assert (record.status, record.flags) == (499, ["client_left"])


# -- drivers


async def test_slow_work_is_run_to_its_end_inside_a_request(vendor: Vendor, client) -> None:
    vendor.says("/v1/jobs", {"id": "j1"})
    vendor.says("/v1/jobs/j1", {"status": "queued"}, {"status": "running"}, {"status": "succeeded", "pictures": [B64]})
    alice = await client(channel(vendor, "slow", "brush"))
    told = await alice.post("/v1/images/generations", WANTED)
    assert (told.status, told.body["data"][0]["b64_json"]) == (200, B64)
    assert vendor.count("/v1/jobs/j1") == 3
    assert vendor.asked[0].body["tag"] == told.headers["X-Request-ID"]


async def test_work_that_fails_says_why(vendor: Vendor, client) -> None:
    vendor.says("/v1/jobs", {"id": "j1"})
    vendor.says("/v1/jobs/j1", {"status": "failed", "code": "content_policy_violation", "why": "No squares, please."})
    alice = await client(channel(vendor, "slow", "brush"))
    told = await alice.post("/v1/images/generations", WANTED)
    assert (told.status, told.body["error"]["code"]) == (400, "content_policy_violation")
    assert "No squares" in told.body["error"]["message"]


async def test_work_that_was_submitted_is_not_submitted_again(vendor: Vendor, other: Vendor, client) -> None:
    """It may be paid for: no other channel, however often looking fails."""
    vendor.says("/v1/jobs", {"id": "j1"})
    vendor.says("/v1/jobs/j1", {"error": "gone"}, status=500)
    first = channel(vendor, "slow", "brush", name="first", more="priority = 1")
    alice = await client(first, channel(other, "slow", "brush", name="second"))
    told = await alice.post("/v1/images/generations", WANTED)
    assert (told.status, other.asked, vendor.count("/v1/jobs")) == (502, [], 1)
    assert vendor.count("/v1/jobs/j1") == 5


async def test_work_that_nobody_waits_for_is_stopped(vendor: Vendor, client) -> None:
    vendor.says("/v1/jobs", {"id": "j1"})
    vendor.says("/v1/jobs/j1", {"status": "running"})
    vendor.says("/v1/jobs/j1/stop", {})
    alice = await client(channel(vendor, "slow", "brush"))
    asking = asyncio.ensure_future(alice.post("/v1/images/generations", WANTED))
    while not vendor.count("/v1/jobs/j1"):
        await asyncio.sleep(0.01)
    asking.cancel()
    while not vendor.count("/v1/jobs/j1/stop"):
        await asyncio.sleep(0.01)
    assert vendor.asked[-1].headers["authorization"] == "Bearer upstream-key"


# -- in this process


@pytest.mark.parametrize("wants", ["b64_json", "url"])
async def test_a_local_provider_makes_it_here(client, wants: str) -> None:
    alice = await client('[[channel]]\nname = "home"\nprovider = "home"\nmodels = ["brush"]\n')
    told = await alice.post("/v1/images/generations", WANTED | {"n": 2, "response_format": wants})
    assert (told.status, len(told.body["data"])) == (200, 2)
    assert all(wants in each for each in told.body["data"])
    assert (await alice.house.record()).cost_nano == 0


async def test_a_channel_that_serves_another_kind_says_so(vendor: Vendor, client) -> None:
    alice = await client(channel(vendor, "odd", "brush"))
    told = await alice.post("/v1/embeddings", {"model": "brush", "input": "a"})
    assert (told.status, told.body["error"]["param"]) == (400, "model")
    assert "does not serve embeddings requests" in told.body["error"]["message"]
