"""Every hook that acts on requests, through a plugin file of somebody else's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest
from gateways import channel
from upstreams import script
from upstreams.vendors import OpenAIChat

from gateway.asking import dialect
from pisces_proxy.errors import ConfigError
from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.registry import Plugin, Registry, find

HOUSE = Path(__file__).parents[1] / "thirdparty" / "pisces-house" / "pisces_house.py"
FILES = f'\n[plugins]\nfiles = ["{HOUSE}"]\n'


async def asked(url: str, body: object, **headers: str) -> tuple[int, dict[str, str], str]:
    async with aiohttp.ClientSession(headers=headers) as http, http.post(url + "/v1/chat/completions", json=body) as response:
        return response.status, {name.lower(): value for name, value in response.headers.items()}, await response.text()


async def test_a_plugin_may_know_keys_change_requests_refuse_them_and_choose_channels(house, upstream) -> None:
    world, europe = await upstream(OpenAIChat()), await upstream(OpenAIChat())
    for each in (world, europe):
        each.play(script.text)
    found = await house(channel(world, name="world", more="priority = 9"), channel(europe, name="eu-1"), FILES)
    body = dialect("openai.chat", "house-default").body
    status, headers, _ = await asked(found.url, body, **{"x-badge": "ada"})
    assert status == 200 and headers["x-pisces-channel"] == "eu-1"
    assert europe.last.body["model"] == "gpt-4.1"
    assert (await found.record()).account == "staff"
    secret = {**body, "messages": [{"role": "user", "content": "about project lobster"}]}
    status, _, text = await asked(found.url, secret, **{"x-badge": "ada"})
    assert status == 403 and "must not leave the house" in text
    assert (await asked(found.url, body))[0] == 401


async def test_a_plugin_lives_as_long_as_the_gateway(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    await house(channel(only), FILES)
    assert sys.modules["pisces_house"].life[-1] == "up"


def test_a_plugin_adds_commands(tmp_path: Path) -> None:
    (tmp_path / "channels.toml").write_text(FILES)
    done = subprocess.run(
        [sys.executable, "-m", "pisces_proxy.cli", "motto"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "Measure twice, stream once.\n", done.stderr


async def test_a_plugin_that_fails_at_the_end_of_a_request_does_not_silence_the_others(house, upstream) -> None:
    heard = []

    class Broken:
        @hookimpl
        def pisces_finished(self, record: object) -> None:
            raise RuntimeError("oops")

    class Listening:
        @hookimpl
        def pisces_finished(self, record: object) -> None:
            heard.append(record)

    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only))
    for plugin in (Listening(), Broken(), Broken()):
        found.gateway.registry.hooks.register(plugin)
    body = dialect("openai.chat", only.vendor.model).body
    status, _, _ = await asked(found.url, body, **{"x-api-key": found.key})
    assert status == 200 and len(heard) == 1


@pytest.mark.parametrize("hook", ["pisces_operation", "pisces_finished"])
def test_a_hook_that_nobody_would_await_stops_the_start(hook: str) -> None:
    async def answer() -> None: ...

    guard = SimpleNamespace(**{hook: hookimpl(answer)})
    with pytest.raises(ConfigError, match=f"`{hook}` is an async function"):
        Registry([*find(), Plugin("guard", "a test", guard)])
