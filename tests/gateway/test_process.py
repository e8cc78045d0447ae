"""The process: starts on nothing, drains, reloads, refuses what is broken."""

from __future__ import annotations

import asyncio
import json
import resource
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest
from gateways import channel, configuration
from upstreams import script
from upstreams.delivery import Delivery
from upstreams.vendors import OpenAIChat

from gateway.asking import dialect

PISCES = [sys.executable, "-m", "pisces_proxy.cli"]


def pisces(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PISCES, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60)


async def test_serve_on_an_empty_folder_prints_a_curl_line_that_works(process) -> None:
    found = await process()
    text = "".join(found.printed)
    line = next(line for line in text.splitlines() if line.startswith("curl "))
    done = await asyncio.create_subprocess_exec(*shlex.split(line), "-s", stdout=asyncio.subprocess.PIPE)
    out, _ = await done.communicate()
    told = json.loads(out)
    assert told["choices"][0]["message"]["content"]
    assert told["pisces"]["channel"] == "demo"


async def test_a_second_start_makes_no_second_key(process, tmp_path: Path) -> None:
    found = await process()
    await found.terminate()
    listed = json.loads(
        pisces("keys", "list", "--json", "--database", f"sqlite:///{tmp_path / 'pisces.db'}", cwd=tmp_path).stdout
    )
    assert len(listed) == 1


async def test_sigterm_drains_running_answers_finish_and_nothing_new_is_taken(process, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text, Delivery(pause=0.1))
    found = await process(channel(only))
    asked = dialect("openai.chat", only.vendor.model)
    async with aiohttp.ClientSession(headers={"x-api-key": found.key}) as http:
        async with http.post(found.url + asked.path, json=asked.stream_body()) as response:
            await response.content.readany()
            found.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.2)
            with pytest.raises(aiohttp.ClientConnectionError):
                async with aiohttp.ClientSession() as other:
                    await other.get(found.url + "/healthz")
            rest = await response.text()
    assert "[DONE]" in rest
    assert await asyncio.wait_for(found.process.wait(), 10) == 0


async def test_sighup_and_reload_take_a_valid_file_and_refuse_an_invalid_one(process, upstream, tmp_path: Path) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await process(channel(only))
    file = tmp_path / "channels.toml"
    database = f"sqlite:///{tmp_path / 'pisces.db'}"

    async def models() -> list[str]:
        async with (
            aiohttp.ClientSession(headers={"x-api-key": found.key}) as http,
            http.get(found.url + "/v1/models") as response,
        ):
            return [row["id"] for row in (await response.json())["data"]]

    assert await models() == [only.vendor.model]
    file.write_text(configuration(tmp_path, channel(only, "new-name")))
    found.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(3):
        while await models() != ["new-name"]:
            await asyncio.sleep(0.05)

    file.write_text(configuration(tmp_path, channel(only, "third-name"), server='max_body = "1KB"'))
    done = await asyncio.to_thread(pisces, "reload", "--config", str(file), "--database", database, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "Reloaded."
    assert await models() == ["third-name"]
    async with aiohttp.ClientSession(headers={"x-api-key": found.key}) as http:
        async with http.post(found.url + "/v1/chat/completions", data=_large()) as response:
            assert response.status == 413

    file.write_text(configuration(tmp_path, channel(only, "fourth", more="prioritty = 1")))
    done = await asyncio.to_thread(pisces, "reload", "--config", str(file), "--database", database, cwd=tmp_path)
    assert done.returncode == 1 and "Did you mean 'priority'" in done.stderr
    found.process.send_signal(signal.SIGHUP)
    await asyncio.sleep(0.3)
    assert await models() == ["third-name"]


async def _large():
    for _ in range(20):
        yield b"x" * 1000


async def test_a_channel_can_be_taken_out_while_the_gateway_runs(process, upstream, tmp_path: Path) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await process(channel(only, name="one"))
    options = ("--config", str(tmp_path / "channels.toml"))
    asked = dialect("openai.chat", only.vendor.model)

    async def status() -> int:
        async with (
            aiohttp.ClientSession(headers={"x-api-key": found.key}) as http,
            http.post(found.url + asked.path, json=asked.body) as r,
        ):
            return r.status

    assert await status() == 200
    assert (await asyncio.to_thread(pisces, "channels", "disable", "one", *options, cwd=tmp_path)).returncode == 0
    await asyncio.sleep(1.0)
    assert await status() == 503
    listed = json.loads((await asyncio.to_thread(pisces, "channels", "list", "--json", *options, cwd=tmp_path)).stdout)
    assert listed[0]["enabled"] is False
    assert (await asyncio.to_thread(pisces, "channels", "enable", "one", *options, cwd=tmp_path)).returncode == 0
    await asyncio.sleep(1.0)
    assert await status() == 200


async def test_the_health_of_a_running_gateway_shows_in_channels_list(process, upstream, tmp_path: Path) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.refusing(429, "slow down", **{"retry-after": "60"}))
    found = await process(channel(only, name="one"))
    asked = dialect("openai.chat", only.vendor.model)
    async with (
        aiohttp.ClientSession(headers={"x-api-key": found.key}) as http,
        http.post(found.url + asked.path, json=asked.body),
    ):
        pass
    await asyncio.sleep(1.2)
    done = await asyncio.to_thread(
        pisces, "channels", "list", "--json", "--config", str(tmp_path / "channels.toml"), cwd=tmp_path
    )
    row = json.loads(done.stdout)[0]
    assert row["reason"] == "ratelimited" and row["resting_until"] > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


async def test_ask_streams_an_answer_in_each_protocol_without_a_key(process, tmp_path: Path) -> None:
    found = await process()
    for protocol in ("openai", "anthropic", "gemini"):
        done = await asyncio.to_thread(
            pisces, "ask", "What is 6 times 7?", "--protocol", protocol, "--url", found.url,
            "--database", f"sqlite:///{tmp_path / 'pisces.db'}", cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "42" in done.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[channel]]\nname="a"\nprovider="opnai"\nkey="k"\nmodels=["m"]', "Did you mean 'openai'?"),
        (
            '[[channel]]\nname="a"\nprovider="openai"\nkey="k"\nmodels=["m"]\nwires=["openai.chatt"]',
            "does not speak 'openai.chatt'",
        ),
        ('[[channel]]\nname="a"\nprovider="openai"\nmodels=["m"]', "needs a key"),
        ('[[channel]]\nname="a"\nprovider="compatible"\nkey="k"\nmodels=["m"]', "needs a base_url"),
        ('[[channel]]\nname="a"\nprovider="openai"\nkey="k"', "names no models"),
        ('[[channel]]\nname="a"\nprovider="openai"\nkey="k"\nmodels=["m"]\nflags={ nonsense = 1 }', "flags"),
        ('[server]\ndatabase = "mongo://x"', "No plugin stores in 'mongo' databases"),
        ('[server]\nlimits = "redis://x"', "No plugin counts limits in 'redis'"),
        (
            '[server]\nport = 1\nlimits = "redis://${REDIS_HOST}"',
            "channels.toml:3: [server], key 'limits': REDIS_HOST is not set",
        ),
        ('[server]\ndatabase = "${DB}"', "channels.toml:2: [server], key 'database': DB is not set"),
        ('[plugins]\ndisable = ["sqlit"]', "Did you mean 'sqlite'?"),
        ('[plugins]\nfiles = ["broken.py"]', "Plugin file 'broken.py' does not load: No module named 'jwt_that_is_absent'"),
    ],
)
def test_check_and_serve_refuse_what_does_not_fit(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "channels.toml").write_text(text)
    (tmp_path / "broken.py").write_text("import jwt_that_is_absent")
    for command in ("check", "serve"):
        done = pisces(command, cwd=tmp_path)
        assert done.returncode == 1 and told in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_check_says_what_a_good_file_amounts_to(tmp_path: Path) -> None:
    (tmp_path / "channels.toml").write_text((Path(__file__).parents[2] / "channels.toml").read_text())
    done = pisces("check", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "default-openai" in done.stdout


def test_the_first_help_page_shows_examples_and_is_quick() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = pisces("--help", cwd=Path.cwd())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "pisces serve" in done.stdout and done.returncode == 0
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2  # CPU: others may be at work here
