"""A character cut in two, as JavaScript clients send it."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
from gateways import channel
from upstreams.vendors import VENDORS, AnthropicMessages, OpenAIChat

from gateway.asking import NAMES, dialect

BY_WIRE = {vendor.wire: vendor for vendor in VENDORS}
SAID = "Where does the Seine flow?"


async def ask(found: Any, path: str, body: bytes, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession(headers={"Content-Type": "application/json", **headers}) as session,
        session.post(found.url + path, data=body) as response,
    ):
        return response.status, await response.text()


def cut(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode().replace(SAID.encode(), rb"\ud83d\ud83d\ude00 flows \\ud800?")


@pytest.mark.parametrize("wire", NAMES)
async def test_h108_a_half_passes_to_an_upstream_of_the_same_wire(house, upstream, wire) -> None:
    vendor = await upstream(BY_WIRE[wire]())
    found = await house(channel(vendor))
    asked = dialect(wire, vendor.vendor.model)
    body = cut({**asked.body, "api_key": found.key})
    status, told = await ask(found, asked.path, body)
    assert status == 200, told
    assert rb"\ud83d\ud83d\ude00 flows \\ud800?" in vendor.last.raw
    assert found.key.encode() not in vendor.last.raw


@pytest.mark.parametrize("wire", NAMES)
async def test_h108_a_half_becomes_the_replacement_character_in_a_translation(house, upstream, wire) -> None:
    vendor = await upstream(OpenAIChat() if wire != "openai.chat" else AnthropicMessages())
    found = await house(channel(vendor))
    asked = dialect(wire, vendor.vendor.model)
    bearer = {"Authorization": f"Bearer {found.key}"}
    status, told = await ask(found, asked.path, cut(asked.body), **bearer)
    assert status == 200, told
    assert "�😀 flows \\ud800?" in json.dumps(vendor.last.body, ensure_ascii=False).replace("\\\\", "\\")
    assert "surrogate" in told  # among the warnings
    assert (await ask(found, asked.path, cut(asked.body), **bearer, **{"Pisces-Strict": "true"}))[0] == 400


@pytest.mark.parametrize("wire", ["anthropic.messages", "gemini.generate", "openai.responses"])
async def test_h108_a_half_is_counted(house, upstream, wire) -> None:
    vendor = await upstream(BY_WIRE[wire]())
    found = await house(channel(vendor))
    asked = dialect(wire, vendor.vendor.model)
    paths = {"anthropic.messages": "/v1/messages/count_tokens", "openai.responses": "/v1/responses/input_tokens"}
    path = paths.get(wire) or asked.path.replace("generateContent", "countTokens")
    status, told = await ask(found, path, cut(asked.body), Authorization=f"Bearer {found.key}")
    assert status == 200, told


@pytest.mark.parametrize("body", [rb'{"model":"m","messages":[{"role":"user","content":"\ud8"}]}', rb'{"model":"\ud800"'])
async def test_broken_escapes_are_still_refused(house, upstream, body) -> None:
    found = await house(channel(await upstream(OpenAIChat())))
    assert (await ask(found, "/v1/chat/completions", body, Authorization=f"Bearer {found.key}"))[0] == 400
