"""`pisces serve` as users start it: an empty folder, no channel, no key set; every SDK gets an answer from the demo."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from gateways import channel
from sdk.conftest import TALKS
from upstreams import script
from upstreams.delivery import Delivery
from upstreams.vendors import OpenAIChat

if TYPE_CHECKING:
    from conftest import OpenProcess, OpenUpstream


async def test_every_sdk_gets_an_answer_from_an_empty_folder(process: OpenProcess) -> None:
    served = await process()
    assert "curl" in "".join(served.printed)
    for talks in TALKS:
        for stream in (False, True):
            async with talks(served.url, served.key, "demo", stream) as talk:
                answer = await talk.ask("Hello, who are you?")
            assert answer.text
            assert answer.finish == talks.finishes["stop"]
    assert await served.terminate() == 0


async def test_sigterm_lets_a_running_answer_finish(process: OpenProcess, upstream: OpenUpstream) -> None:
    vendor = await upstream(OpenAIChat())
    vendor.play(script.text, Delivery(pause=0.05))
    served = await process(channel(vendor))
    async with TALKS[0](served.url, served.key, vendor.vendor.model, True) as talk:
        asking = asyncio.ensure_future(talk.ask("Slowly, please."))
        await vendor.asked.wait()
        ended = asyncio.ensure_future(served.terminate())
        assert (await asking).text == script.TEXT
    assert await ended == 0


@pytest.mark.parametrize("secret", ["upstream-key"])
async def test_no_secret_is_printed_but_the_first_key(
    process: OpenProcess, upstream: OpenUpstream, secret: str
) -> None:  # H138
    vendor = await upstream(OpenAIChat())
    served = await process(channel(vendor))
    async with TALKS[0](served.url, served.key, vendor.vendor.model, False) as talk:
        await talk.ask("Hello")
    await served.terminate()
    printed = "".join(served.printed)
    assert secret not in printed
    assert "req_" in printed  # one line for the request
    assert served.key not in printed.partition("req_")[2]
