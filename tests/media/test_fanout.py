"""Several prompts of one request, asked for one by one: what fails, who leaves, what is counted."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import openai
import pytest
from gateways import House, open_house

from media.texts import Vendor, vendor
from pisces_proxy.fanout import AT_ONCE


def channel(vendor: Vendor, name: str = "c", more: str = "") -> str:
    return f'[[channel]]\nname="{name}"\nprovider="openai"\nkey="k"\nbase_url="{vendor.url}/v1"\nmodels=["m"]\n{more}\n'


def client(house: House) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=house.url + "/v1", api_key=house.key, max_retries=0)


async def settled(house: House) -> Any:
    """The row of a request that may still be on its way into the storage."""
    for _ in range(100):
        if await house.storage.records(limit=1):
            break
        await asyncio.sleep(0.05)
    return await house.record()


async def test_a_part_that_breaks_off_ends_the_stream_as_a_failure(tmp_path: Path) -> None:
    async with vendor() as upstream, open_house(tmp_path, channel(upstream)) as house, client(house) as ask:
        texts: list[str] = []
        with pytest.raises(openai.APIError):
            async for chunk in await ask.completions.create(model="m", prompt=["one", "broken", "slow two"], stream=True):
                texts += [choice.text for choice in chunk.choices]
        assert "".join(texts)
        record = await settled(house)
        assert record.error == "upstream" and record.usage.estimated


async def test_a_part_that_breaks_off_before_anything_came_goes_to_the_next_channel(tmp_path: Path) -> None:
    def refuse(heard: Any) -> tuple[int, Any]:
        return 500, {"error": {"message": "out of order"}}

    async with vendor(refuse=refuse) as bad, vendor() as good:
        async with (
            open_house(tmp_path, channel(bad, "bad", "priority=9"), channel(good, "good")) as house,
            client(house) as ask,
        ):
            for stream in (False, True):
                answer: Any = await ask.completions.create(model="m", prompt=["one", "two"], stream=stream)
                if stream:
                    assert len([chunk async for chunk in answer]) > 4
                else:
                    assert [choice.text for choice in answer.choices] == ["You said one", "You said two"]
                record = await settled(house)
                assert record.channel == "good" and record.status == 200


async def test_parts_that_nobody_counted_are_estimated(tmp_path: Path) -> None:
    async with vendor() as upstream, open_house(tmp_path, channel(upstream)) as house, client(house) as ask:
        asked = ask.completions.create(
            model="m", prompt=["uncounted words", "two"], stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in await asked]
        usage = chunks[-1].usage
        assert usage is not None and usage.completion_tokens > 6 and usage.prompt_tokens > 4
        assert (await settled(house)).usage.output == usage.completion_tokens


async def test_no_more_than_a_few_are_asked_for_at_once(tmp_path: Path) -> None:
    async with vendor() as upstream, open_house(tmp_path, channel(upstream)) as house, client(house) as ask:
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, upstream.answering)
                await asyncio.sleep(0.001)

        watching = asyncio.ensure_future(watch())
        started = time.perf_counter()
        answer = await ask.completions.create(model="m", prompt=[f"slow {number}" for number in range(2 * AT_ONCE)])
        took = time.perf_counter() - started
        watching.cancel()
        assert len(answer.choices) == 2 * AT_ONCE and 1 < most <= AT_ONCE
        assert took < 2 * AT_ONCE * 0.05, "they were asked one after the other"


async def test_who_leaves_lets_go_of_every_part(tmp_path: Path) -> None:
    async with (
        vendor() as upstream,
        open_house(tmp_path, channel(upstream, more='on_disconnect="cancel"')) as house,
        client(house) as ask,
    ):
        stream = await ask.completions.create(model="m", prompt=["endless", "endless too"], stream=True)
        await anext(aiter(stream))
        await stream.close()
        for _ in range(200):
            if not upstream.answering:
                break
            await asyncio.sleep(0.02)
        assert upstream.answering == 0
        record = await settled(house)
        assert record.status == 499 and "client_left" in record.flags


@pytest.mark.parametrize("count", [2049])
async def test_too_many_prompts_are_refused_by_name(tmp_path: Path, count: int) -> None:
    async with vendor() as upstream, open_house(tmp_path, channel(upstream)) as house, client(house) as ask:
        with pytest.raises(openai.BadRequestError) as refusal:
            await ask.completions.create(model="m", prompt=["a"] * count)
        assert refusal.value.param == "prompt" and not upstream.heard
