"""What the gateway has not is refused in OpenAI's words, with the way out (S2-16 to S2-19)."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import openai
import pytest
from gateways import open_house

CHANNEL = '[[channel]]\nname="demo"\nprovider="demo"\nmodels=["*"]'


@pytest.mark.parametrize(
    ("method", "path", "word"),
    [
        ("GET", "/v1/files", "content"),
        ("POST", "/v1/files", "content"),
        ("DELETE", "/v1/files/file-1", "content"),
        ("GET", "/v1/files/file-1/content", "content"),
        ("POST", "/v1/uploads", "content"),
        ("POST", "/v1/fine_tuning/jobs", "Fine-tuning"),
        ("GET", "/v1/fine_tuning/jobs/ftjob-1/events", "Fine-tuning"),
        ("GET", "/v1/organization/users", "operator"),
        ("GET", "/v1/organization/costs", "operator"),
        ("GET", "/v1/dashboard/billing/subscription", "ledger"),
        ("GET", "/dashboard/billing/usage", "ledger"),
        ("GET", "/v1/usage", "ledger"),
        ("POST", "/v1/batches", "one by one"),
        ("POST", "/v1/assistants", "chat"),
        ("GET", "/v1/vector_stores/vs_1/files", "chat"),
    ],
)
async def test_what_is_not_served_is_a_404_that_says_what_to_do(tmp_path: Path, method: str, path: str, word: str) -> None:
    async with open_house(tmp_path, CHANNEL) as house, aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {house.key}"}
        async with session.request(
            method, house.url + path, headers=headers, json={} if method == "POST" else None
        ) as response:
            told = await response.json()
            assert response.status == 404
        assert told["error"]["type"] == "invalid_request_error" and told["error"]["code"] == "not_found"
        assert word in told["error"]["message"] and "not served" in told["error"]["message"]


async def test_the_sdk_raises_not_found_for_files_and_fine_tuning(tmp_path: Path) -> None:
    async with open_house(tmp_path, CHANNEL) as house:
        async with openai.AsyncOpenAI(base_url=house.url + "/v1", api_key=house.key, max_retries=0) as ask:
            with pytest.raises(openai.NotFoundError):
                await ask.files.list()
            with pytest.raises(openai.NotFoundError, match="content"):
                await ask.files.create(file=("a.jsonl", b"{}"), purpose="fine-tune")
            with pytest.raises(openai.NotFoundError):
                await ask.fine_tuning.jobs.create(model="m", training_file="file-1")


async def test_nobody_learns_of_it_without_a_key(tmp_path: Path) -> None:
    async with open_house(tmp_path, CHANNEL) as house, aiohttp.ClientSession() as session:
        async with session.get(house.url + "/v1/files") as response:
            assert response.status == 401
