"""Other processes that open the same storage and take some steps."""

from __future__ import annotations

import asyncio
import os
import sys

_PROGRAM = """
import asyncio, pkgutil, sys
from pisces_proxy.ledger import Audit, Reservation
from pisces_proxy.storage import Account, Key, Record
factory, url, argument = sys.argv[1:]
async def main():
    storage = pkgutil.resolve_name(factory)(url)
    await storage.open()
{steps}
    await storage.close()
asyncio.run(main())
"""


async def start(factory: str, url: str, steps: str, argument: str = "") -> asyncio.subprocess.Process:
    """Another process that opens the storage and takes these steps."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PROGRAM.format(steps=steps),
        factory,
        url,
        argument,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


async def run(factory: str, url: str, steps: str, argument: str = "") -> list[str]:
    child = await start(factory, url, steps, argument)
    output, _ = await child.communicate()
    assert child.returncode == 0
    return output.decode().splitlines()
