"""Large files pass through a real process without staying in it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from gateways import Process

MIB = 1024 * 1024
PIECE = bytes(range(256)) * 1024  # 256 KiB

pytestmark = pytest.mark.slow


class Large:
    """A vendor that takes and gives large files, and keeps none of them."""

    def __init__(self) -> None:
        self.received = 0
        self.digest = hashlib.sha256()
        self.url = ""

    async def hear(self, request: web.Request) -> web.Response:
        reader = await request.multipart()
        async for part in reader:
            while piece := await part.read_chunk(MIB):  # type: ignore[union-attr]
                if part.name == "file":
                    self.received += len(piece)
                    self.digest.update(piece)
        return web.json_response({"text": "That was long.", "usage": {"type": "duration", "seconds": 3000}})

    async def speak(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/wav"})
        await response.prepare(request)
        for _ in range(50 * 4):
            await response.write(PIECE)
        await response.write_eof()
        return response


@pytest.fixture
async def large() -> AsyncIterator[Large]:
    vendor = Large()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_post("/v1/audio/transcriptions", vendor.hear)
    app.router.add_post("/v1/audio/speech", vendor.speak)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    vendor.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield vendor
    await runner.cleanup()


def resident(process: Process) -> int:
    """Bytes of memory that the process holds now."""
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


class Peak:
    """The most that a process holds while something goes on."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.before = self.most = resident(process)

    async def __aenter__(self) -> Peak:
        self._watching = asyncio.ensure_future(self._watch())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._watching.cancel()

    async def _watch(self) -> None:
        while True:
            self.most = max(self.most, resident(self._process))
            await asyncio.sleep(0.005)

    @property
    def grown(self) -> int:
        return self.most - self.before


async def body(size: int) -> AsyncIterator[bytes]:
    yield b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n'
    for _ in range(size // len(PIECE)):
        yield PIECE
    yield b"\r\n--x--\r\n"


def channels(vendor: Large) -> str:
    models = 'models = ["whisper-1", "tts-1"]\nflags = { upload_max = 1_000_000_000 }\n'
    return f'[[channel]]\nname = "up"\nprovider = "openai"\nkey = "k"\nbase_url = "{vendor.url}"\n{models}'


async def ask(session: aiohttp.ClientSession, url: str, size: int) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    async with session.post(f"{url}/v1/audio/transcriptions", data=body(size), headers=headers) as response:
        assert response.status == 200, await response.text()


async def listen(session: aiohttp.ClientSession, url: str) -> int:
    asked = {"model": "tts-1", "input": "On and on.", "voice": "alloy"}
    async with session.post(f"{url}/v1/audio/speech", json=asked) as response:
        assert response.status == 200
        return sum([len(piece) async for piece in response.content.iter_any()])


async def test_an_upload_of_100_mb_grows_the_process_by_less_than_20(large: Large, process) -> None:
    gateway = await process(channels(large))
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {gateway.key}"}) as session:
        await ask(session, gateway.url, MIB)
        large.received, large.digest = 0, hashlib.sha256()
        async with Peak(gateway) as peak:
            await ask(session, gateway.url, 100 * MIB)
    assert (large.received, large.digest.digest()) == (100 * MIB, hashlib.sha256(PIECE * 400).digest())
    assert peak.grown < 20 * MIB, f"{peak.grown / MIB:.1f} MiB"


async def test_an_answer_of_50_mb_grows_the_process_by_less_than_20(large: Large, process) -> None:
    gateway = await process(channels(large))
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {gateway.key}"}) as session:
        await ask(session, gateway.url, MIB)
        async with Peak(gateway) as peak:
            assert await listen(session, gateway.url) == 50 * MIB
    assert peak.grown < 20 * MIB, f"{peak.grown / MIB:.1f} MiB"


async def test_an_upload_that_breaks_off_leaves_no_file_behind(large: Large, process, tmp_path: Path) -> None:
    spooling = tmp_path / "spool"
    spooling.mkdir()
    gateway = await process(channels(large), env={"TMPDIR": str(spooling)})
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {gateway.key}"}) as session:

        async def broken() -> AsyncIterator[bytes]:
            async for piece in body(20 * MIB):
                yield piece
                if piece is not PIECE:
                    continue
                await asyncio.sleep(0)
                broken.sent += 1  # type: ignore[attr-defined]
                if broken.sent == 40:  # type: ignore[attr-defined]
                    raise ConnectionError

        broken.sent = 0  # type: ignore[attr-defined]
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await session.post(f"{gateway.url}/v1/audio/transcriptions", data=broken(), headers=headers)
        await asyncio.sleep(0.2)
        assert (left_in(spooling), opened_in(spooling, gateway)) == ([], [])


def left_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


def opened_in(folder: Path, process: Process) -> list[str]:
    """Files without a name among those that the process holds open."""
    links = [str(link.readlink()) for link in Path(f"/proc/{process.process.pid}/fd").iterdir() if link.is_symlink()]
    return [path for path in links if str(folder) in path]
