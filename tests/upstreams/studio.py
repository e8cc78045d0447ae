"""A fake video vendor on loopback: jobs that do what their prompt says, and a receiver of webhooks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MOVIE = bytes(range(256)) * 40
PICTURE = b"\x89PNG\r\n\x1a\n a picture"


@dataclass
class Job:
    id: str
    tag: str
    prompt: str
    seconds: float
    polls: int = 0
    cancelled: bool = False


@dataclass
class Studio:
    """Words of a prompt: `refuse`, `busy`, `broken`, `lose` (takes the job, drops the connection), `miss` (drops it without),
    `mute` (takes it and says nothing readable), `fail`, `vanish`, `odd`, `stuck`, `empty`, `slow`, `calm` (ten or four looks instead of two)."""

    jobs: dict[str, Job] = field(default_factory=dict)
    submissions: list[dict[str, Any]] = field(default_factory=list)
    polls: int = 0
    keys: set[str] = field(default_factory=set)
    origin: str = ""
    now_done: set[str] = field(default_factory=set)  # `stuck` jobs that are done after all

    async def submit(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.submissions.append(body)
        self.keys.add(request.headers.get("Authorization", ""))
        words = body["prompt"].split()
        if "refuse" in words:
            return web.json_response({"error": {"message": "This prompt is not for us."}}, status=400)
        if "busy" in words:
            return web.json_response({"error": {"message": "Too many jobs."}}, status=429, headers={"retry-after-ms": "100"})
        if "broken" in words:
            return web.json_response({"error": {"message": "Out of order."}}, status=500)
        if "miss" not in words:
            job = Job(f"job-{len(self.jobs)}", body["tag"], body["prompt"], body.get("seconds") or 5.0)
            self.jobs[job.id] = job
        if {"lose", "miss"} & set(words):
            assert request.transport is not None
            request.transport.abort()
            await asyncio.sleep(0.01)
        if "mute" in words:
            return web.Response(text="<html>done</html>", content_type="text/html")
        return web.json_response({"id": job.id})

    async def look(self, request: web.Request) -> web.StreamResponse:
        self.polls += 1
        job = self.jobs[request.match_info["id"]]
        job.polls += 1
        words = job.prompt.split()
        if "odd" in words:
            return web.json_response(["what", "a", "list"])
        if "vanish" in words:
            return web.json_response({"error": {"message": "No such job."}}, status=404)
        if job.cancelled:
            return web.json_response({"status": "canceled"})
        if "stuck" in words and job.id not in self.now_done:
            return web.json_response({"status": "RUNNING", "percent": 150})
        if job.polls < _looks(words):
            return web.json_response(
                {"status": "Preparing" if job.polls == 1 else "flux-compensating", "percent": 10 * job.polls}
            )
        if "fail" in words:
            return web.json_response({"status": "FAIL", "why": "The model gave up."})
        files = [] if "empty" in words else [f"{self.origin}/v1/files/{job.id}.mp4"]
        return web.json_response({"status": "Success", "files": files, "seconds": job.seconds})

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        self.jobs[request.match_info["id"]].cancelled = True
        return web.json_response({})

    async def find(self, request: web.Request) -> web.StreamResponse:
        return web.json_response([{"id": job.id} for job in self.jobs.values() if job.tag == request.query["tag"]])

    async def draw(self, request: web.Request) -> web.StreamResponse:
        """An image API that answers when it is done."""
        body = await request.json()
        self.submissions.append(body)
        if "lose" in body["prompt"].split():
            assert request.transport is not None
            request.transport.abort()
        await asyncio.sleep(0.3)
        pictures = [{"b64_json": base64.b64encode(PICTURE).decode()}] * body.get("n", 1)
        return web.json_response({"created": 1, "data": pictures})

    async def file(self, request: web.Request) -> web.StreamResponse:
        self.keys.add(request.headers.get("Authorization", ""))
        wanted = request.http_range
        status = 206 if wanted.start is not None or wanted.stop is not None else 200
        part = MOVIE[wanted]
        more = {"Content-Range": f"bytes {wanted.start}-{wanted.start + len(part) - 1}/{len(MOVIE)}"} if status == 206 else {}
        return web.Response(body=part, status=status, content_type="video/mp4", headers=more)

    @property
    def base_url(self) -> str:
        return self.origin + "/v1"


def _looks(words: list[str]) -> int:
    return 10 if "slow" in words else 4 if "calm" in words else 2


@dataclass
class Receiver:
    """What webhooks have come, and what it says to them: the next of `answers`, at last 204."""

    answers: list[int] = field(default_factory=list)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    origin: str = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.came.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        status = self.answers.pop(0) if self.answers else 204
        headers = {"Location": self.origin + "/elsewhere"} if status == 302 else {}
        return web.Response(status=status, headers=headers)

    @property
    def url(self) -> str:
        return self.origin + "/hook"

    async def wait(self, count: int = 1, seconds: float = 10.0) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(self.came) < count:
                    await asyncio.sleep(0.02)
        assert len(self.came) >= count, f"{len(self.came)} webhooks came, {count} were waited for"


@asynccontextmanager
async def open_studio() -> AsyncIterator[Studio]:
    studio = Studio()
    app = web.Application()
    app.router.add_post("/v1/jobs", studio.submit)
    app.router.add_get("/v1/jobs", studio.find)
    app.router.add_get("/v1/jobs/{id}", studio.look)
    app.router.add_delete("/v1/jobs/{id}", studio.cancel)
    app.router.add_get("/v1/files/{name}", studio.file)
    app.router.add_post("/v1/images/generations", studio.draw)
    async with _served(app) as studio.origin:
        yield studio


@asynccontextmanager
async def open_receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.take)
    async with _served(app) as receiver.origin:
        yield receiver


@asynccontextmanager
async def _served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
