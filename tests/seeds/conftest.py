"""`pisces serve` on an empty folder, one for each document, and what runs samples against it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from gateways import Process, open_process
from pisces_demo.paint import picture

from seeds.running import Runner


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Process]:
    async with open_process(tmp_path_factory.mktemp("gateway")) as process:
        yield process


@pytest.fixture
def run(gateway: Process, tmp_path: Path) -> Runner:
    """In a folder with the files that samples read."""
    for name in ("doro.png", "input.png", "original_image.png"):
        (tmp_path / name).write_bytes(picture(name, 96, 64))
    return Runner(gateway, tmp_path)
