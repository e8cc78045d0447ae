"""The real gateway for tests: in this process the way `pisces serve` runs it, or as a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from upstreams.server import Upstream

from pisces_proxy.config import parse
from pisces_proxy.first_start import first_key
from pisces_proxy.gateway import Gateway
from pisces_proxy.serving import start
from pisces_proxy.storage import Record, Storage

ROOT = Path(__file__).parents[1]


@dataclass
class House:
    """A gateway that listens, and a key to it."""

    url: str
    key: str
    gateway: Gateway

    @property
    def storage(self) -> Storage:
        return self.gateway.storage

    async def record(self) -> Record:
        """The newest request's row."""
        return (await self.storage.records(limit=1))[0]


def channel(upstream: Upstream, *models: str, name: str = "", more: str = "") -> str:
    """A [[channel]] that leads to a fake vendor, on its wire alone."""
    vendor = upstream.vendor
    rows = ", ".join(f'"{model}"' for model in models or (vendor.model,))
    return f"""
[[channel]]
name = "{name or vendor.wire}"
provider = "{vendor.provider}"
key = "upstream-key"
base_url = "{upstream.base_url}"
wires = ["{vendor.wire}"]
models = [{rows}]
{more}
"""


def configuration(folder: Path, *channels: str, server: str = "") -> str:
    head = f'[server]\nport = 0\ndatabase = "sqlite:///{folder / "pisces.db"}"\ngrace = "2s"\n{server}\n'
    return head + "\n".join(channels)


@asynccontextmanager
async def open_house(folder: Path, *channels: str, server: str = "", key: str | None = None) -> AsyncIterator[House]:
    """`key`: one that the folder's database knows from an earlier house."""
    running = await start(parse(configuration(folder, *channels, server=server)))
    try:
        key = key or await first_key(running.gateway.storage, "pisces-")
        assert key is not None
        yield House(running.url, key, running.gateway)
    finally:
        await running.stop()


@dataclass
class Process:
    """`python -m pisces_proxy.cli serve`, and what it has printed."""

    url: str
    key: str
    process: asyncio.subprocess.Process
    printed: list[str]

    async def terminate(self) -> int:
        """SIGTERM, and its exit code once it has drained."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 10)


@asynccontextmanager
async def open_process(
    folder: Path, *channels: str, server: str = "", env: Mapping[str, str] | None = None, key: str = ""
) -> AsyncIterator[Process]:
    """`key`: one that the folder's database knows; else the first start prints one."""
    file = folder / "channels.toml"
    file.write_text(configuration(folder, *channels, server=server), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pisces_proxy.cli", "serve", "--config", str(file),
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", **(env or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed: list[str] = []
    reading = asyncio.ensure_future(_read(process, printed))
    try:
        url, key = await asyncio.wait_for(_announced(process, printed, key), 15)
        yield Process(url, key, process, printed)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading
        process._transport.close()  # type: ignore[attr-defined]  # its pipes, before the loop closes


async def _read(process: asyncio.subprocess.Process, printed: list[str]) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        printed.append(line.decode(errors="replace"))


async def _announced(process: asyncio.subprocess.Process, printed: list[str], known: str) -> tuple[str, str]:
    """The address and the key that the first start prints."""
    while True:
        text = "".join(printed)
        url, key = re.search(r"http://127\.0\.0\.1:\d+", text), re.search(r"pisces-[A-Za-z0-9]{40}", text)
        if url and (known or key):
            return url[0], known or key[0]  # type: ignore[index]
        if process.returncode is not None:
            raise RuntimeError(f"pisces serve ended with {process.returncode}:\n{text}")
        await asyncio.sleep(0.02)
