"""What media requests cost, worked out by hand: the hold before, the row after, through the whole gateway."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from media.plugin import PNG
from media.vendor import Client, Vendor, channel
from pisces_proxy.pricing import Images, Measures, in_words

B64 = base64.b64encode(PNG).decode()
DRAWN = {"created": 1, "data": [{"b64_json": B64}]}
CREDIT = 1_000_000_000  # nano-dollars: one dollar


@dataclass(frozen=True)
class Bill:
    """A request, the answer of its upstream, and its lines: (unit, quantity, nano-dollars)."""

    path: str
    model: str
    ask: dict[str, Any]
    price: str
    answer: Any
    lines: list[tuple[str, float, int]]
    measures: str = ""
    mime: str = "application/json"


BILLS = {
    # 1,000 tokens at 0.02 USD a million
    "embeddings by token": Bill(
        "/v1/embeddings",
        "text-embedding-3-small",
        {"input": "a"},
        "input = 0.02",
        {"object": "list", "data": [], "model": "m", "usage": {"prompt_tokens": 1000, "total_tokens": 1000}},
        [("input", 1000, 20_000)],
    ),
    # nobody counted: "Good morning" is 12 letters, three tokens
    "embeddings that nobody counted": Bill(
        "/v1/embeddings",
        "text-embedding-3-small",
        {"input": "Good morning"},
        "input = 0.02",
        {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m"},
        [("input", 3, 60)],
    ),
    # 2 x 0.04 USD
    "images by size and quality": Bill(
        "/v1/images/generations",
        "gpt-image-1",
        {"prompt": "a", "n": 2, "size": "1024x1024", "quality": "high"},
        'per_image = { "1024x1024/high" = 0.04, "1024x1024/low" = 0.01, "*" = 0.02 }',
        DRAWN | {"data": [{"b64_json": B64}] * 2},
        [("image 1024x1024/high", 2, 80_000_000)],
        "2 images 1024x1024 high",
    ),
    # asked for two, got one: one is paid for
    "images that came": Bill(
        "/v1/images/generations",
        "gpt-image-1",
        {"prompt": "a", "n": 2, "size": "1024x1024", "quality": "low"},
        'per_image = { "1024x1024/low" = 0.01 }',
        DRAWN,
        [("image 1024x1024/low", 1, 10_000_000)],
        "1 image 1024x1024 low",
    ),
    # 10 text tokens at 5, 4,160 image tokens at 40 USD a million
    "images by token": Bill(
        "/v1/images/generations",
        "gpt-image-1",
        {"prompt": "a"},
        "input = 5\nimage_output = 40",
        DRAWN | {"usage": {"input_tokens": 10, "output_tokens": 4160, "total_tokens": 4170}},
        [("input", 10, 50_000), ("image_output", 4160, 166_400_000)],
    ),
    # 41 letters at 15 USD a million
    "speech by character": Bill(
        "/v1/audio/speech",
        "tts-1",
        {"input": "The quick brown fox jumps over a lazy dog", "voice": "alloy"},
        "per_million_characters = 15",
        b"\xff\xf3sound",
        [("character", 41, 615_000)],
        "41 characters, 2.733 s",
        "audio/mpeg",
    ),
    # 90 s at 0.0001 USD
    "transcripts by second": Bill(
        "/v1/audio/transcriptions",
        "whisper-1",
        {},
        "per_second = 0.0001",
        {"text": "Good morning.", "usage": {"type": "duration", "seconds": 90}},
        [("second", 90, 9_000_000)],
        "90 s",
    ),
    # 30 tokens of sound at 6, 10 of text at 2.5, 20 back at 10 USD a million
    "transcripts by token": Bill(
        "/v1/audio/transcriptions",
        "gpt-4o-transcribe",
        {},
        "input = 2.5\naudio_input = 6\noutput = 10",
        {
            "text": "Good morning.",
            "usage": {
                "type": "tokens",
                "input_tokens": 40,
                "input_token_details": {"text_tokens": 10, "audio_tokens": 30},
                "output_tokens": 20,
                "total_tokens": 60,
            },
        },
        [("audio_input", 30, 180_000), ("input", 10, 25_000), ("output", 20, 200_000)],
    ),
    # 150 documents are two searches at 0.002 USD, whatever the upstream counts by
    "ranking by search where tokens are told": Bill(
        "/v1/rerank",
        "ranker",
        {"query": "a", "documents": ["b"] * 150},
        "per_search = 0.002",
        {"results": [{"index": 0, "relevance_score": 0.5}], "usage": {"prompt_tokens": 300, "total_tokens": 300}},
        [("search", 2, 4_000_000)],
    ),
    "ranking by search where searches are told": Bill(
        "/v1/rerank",
        "ranker",
        {"query": "a", "documents": ["b"]},
        "per_search = 0.002",
        {"results": [], "usage": {"total_tokens": 300}, "meta": {"billed_units": {"search_units": 3}}},
        [("search", 3, 6_000_000)],
    ),
    # 2,400 letters are 600 tokens: two documents of one search
    "ranking by search where nobody counted": Bill(
        "/v1/rerank",
        "ranker",
        {"query": "a", "documents": ["word" * 600] * 51},
        "per_search = 0.002",
        {"results": [{"index": 0, "relevance_score": 0.5}]},
        [("search", 2, 4_000_000)],
    ),
    # two pairs of a query and a document, a token each: what is told is searches, what is priced is tokens
    "ranking by token where searches are told": Bill(
        "/v1/rerank",
        "ranker",
        {"query": "a", "documents": ["b", "c"]},
        "input = 1",
        {"results": [], "meta": {"billed_units": {"search_units": 1}}},
        [("input", 4, 4_000)],
    ),
    "ranking by call": Bill(
        "/v1/rerank",
        "ranker",
        {"query": "a", "documents": ["b"]},
        "per_call = 0.002",
        {"results": [], "usage": {"total_tokens": 300}},
        [("call", 1, 2_000_000)],
    ),
    # a fifth of a cent for each call, whatever it holds
    "moderations by call": Bill(
        "/v1/moderations",
        "omni-moderation-latest",
        {"input": "a"},
        "per_call = 0.002",
        {"id": "m", "model": "m", "results": [{"flagged": False, "categories": {}, "category_scores": {}}]},
        [("call", 1, 2_000_000)],
    ),
}


async def prepaid(alice: Client, credit: int) -> None:
    """The client's account gets a balance, and lives from it."""
    storage = alice.house.storage
    await storage.change_account("default", {"unlimited": False})
    if credit:
        await storage.credit("default", credit, id="top-up-1")
    alice.house.gateway.billing.forget()


async def with_key(alice: Client, **changes: object) -> None:
    """The client's key is another from now on."""
    [key] = await alice.house.storage.keys()
    await alice.house.storage.change_key(key.id, changes)
    await alice.house.gateway.look()


async def ask(alice: Client, bill: Bill) -> Any:
    if "transcriptions" not in bill.path:
        return await alice.post(bill.path, {"model": bill.model, **bill.ask})
    form = aiohttp.FormData({"model": bill.model, **bill.ask})
    form.add_field("file", b"\xff\xf3" + b"\0" * 16_000, filename="a.mp3", content_type="audio/mpeg")
    return await alice.post(bill.path, data=form)


async def opened(vendor: Vendor, client, bill: Bill) -> Client:
    vendor.says(bill.path, bill.answer, mime=bill.mime)
    provider = "compatible" if bill.path == "/v1/rerank" else "openai"
    return await client(channel(vendor, provider, bill.model), f'[price."{bill.model}"]\n{bill.price}\n')


@pytest.mark.parametrize("name", BILLS)
async def test_a_request_costs_what_was_worked_out_by_hand(vendor: Vendor, client, name: str) -> None:
    bill = BILLS[name]
    alice = await opened(vendor, client, bill)
    await prepaid(alice, CREDIT)
    told = await ask(alice, bill)
    assert told.status == 200, told.raw
    record = await alice.house.record()
    assert [(line["unit"], line["quantity"], line["amount_nano"]) for line in record.price_lines] == bill.lines
    if bill.measures:
        assert in_words(record.measures) == bill.measures
    balance = await alice.house.storage.balance("default")
    assert balance.balance_nano == CREDIT - sum(amount for _, _, amount in bill.lines)
    assert balance.reserved_nano == 0


@pytest.mark.parametrize("name", BILLS)
async def test_an_empty_account_asks_nobody(vendor: Vendor, client, name: str) -> None:
    alice = await opened(vendor, client, BILLS[name])
    await prepaid(alice, 0)
    told = await ask(alice, BILLS[name])
    assert (told.status, told.body["error"]["code"]) == (403, "insufficient_quota")
    assert vendor.asked == []


@pytest.mark.parametrize("name", BILLS)
async def test_a_request_that_fails_costs_nothing(vendor: Vendor, client, name: str) -> None:
    alice = await opened(vendor, client, BILLS[name])
    await prepaid(alice, CREDIT)
    vendor.says(BILLS[name].path, {"error": {"message": "no"}}, status=500)
    assert (await ask(alice, BILLS[name])).status >= 500
    record = await alice.house.record()
    assert (record.cost_nano, record.price_lines) == (0, [])
    balance = await alice.house.storage.balance("default")
    assert (balance.balance_nano, balance.reserved_nano) == (CREDIT, 0)


async def test_a_test_key_is_answered_here_and_pays_nothing(vendor: Vendor, client) -> None:
    alice = await opened(vendor, client, BILLS["images by size and quality"])
    await with_key(alice, kind="test")
    told = await alice.post("/v1/images/generations", {"model": "gpt-image-1", "prompt": "a"})
    assert (told.status, vendor.asked) == (200, [])
    assert (await alice.house.record()).cost_nano == 0


async def test_a_key_may_use_its_own_models_only(vendor: Vendor, client) -> None:
    alice = await opened(vendor, client, BILLS["speech by character"])
    await with_key(alice, models=("another",))
    told = await ask(alice, BILLS["speech by character"])
    assert (told.status, told.body["error"]["code"]) == (403, "model_not_allowed")


async def test_requests_per_minute_count_media_too(vendor: Vendor, client) -> None:
    alice = await opened(vendor, client, BILLS["speech by character"])
    await with_key(alice, rpm=1)
    assert (await ask(alice, BILLS["speech by character"])).status == 200
    refused = await ask(alice, BILLS["speech by character"])
    assert (refused.status, refused.headers["Content-Type"]) == (429, "application/json")
    assert "retry-after" in refused.headers


@pytest.mark.parametrize(
    ("measures", "said"),
    [
        (Measures(), ""),
        (Measures(images=(Images(count=2, size="1024x1024", quality="auto"),)), "2 images 1024x1024"),
        (Measures(characters=41), "41 characters"),
        (Measures(seconds=5.0, resolution="720p"), "5 s 720p"),
        (Measures(seconds=2.5, characters=1200), "1,200 characters, 2.5 s"),
    ],
)
def test_measures_are_told_in_words(measures: Measures, said: str) -> None:
    assert in_words(measures) == said


async def test_the_row_of_a_request_keeps_its_measures(vendor: Vendor, client) -> None:
    bill = BILLS["images by size and quality"]
    alice = await opened(vendor, client, bill)
    told = await ask(alice, bill)
    record = await alice.house.storage.record(told.headers["X-Request-ID"])
    assert record is not None and record.measures.images == (Images(count=2, size="1024x1024", quality="high"),)
    assert json.loads(told.raw)["pisces"]["channel"] == "openai"
