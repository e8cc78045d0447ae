"""Samples of the published documents, run as they are written: only address and key are put in."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest
from gateways import Process

HOST, KEY = "https://gateway.example", "YOUR_KEY"
_QUIET = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONIOENCODING": "utf-8"}


class Runner:
    """Runs samples in a folder of their own, and gives what they print. A sample that fails fails the test."""

    def __init__(self, gateway: Process, folder: Path) -> None:
        self.gateway = gateway
        self.folder = folder

    async def python(self, sample: str, **env: str) -> str:
        file = self.folder / "sample.py"
        file.write_text(self._filled(sample), encoding="utf-8")
        return await self._run(sys.executable, str(file), **env)

    async def node(self, sample: str) -> str:
        return await self._run(_found("node"), "--input-type=module", "-e", self._filled(sample))

    async def php(self, sample: str) -> str:
        return await self._run(_found("php"), "-r", self._filled(sample))

    async def curl(self, sample: str) -> str:
        _found("curl")
        return await self._run("sh", "-c", self._filled(sample), PICCC_API_KEY=self.gateway.key)

    def _filled(self, sample: str) -> str:
        return sample.replace(HOST, self.gateway.url).replace(KEY, self.gateway.key)

    async def _run(self, *command: str, **env: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env={**os.environ, **_QUIET, **{name: self._filled(value) for name, value in env.items()}},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, err.decode(errors="replace")
        return out.decode()


def _found(program: str) -> str:
    if (found := shutil.which(program)) is None:
        pytest.skip(f"{program} is not installed here")
    return found
