"""The floor: the least that an aiohttp proxy can do. Model peeked by msgspec, bytes relayed as they come, nothing else."""

from __future__ import annotations

import argparse
import asyncio
import sys

import msgspec
import uvloop
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

BACKLOG = 4096


class Peek(msgspec.Struct):
    model: str
    stream: bool = False


_peek = msgspec.json.Decoder(Peek)


class Passthrough:
    """One route, one session."""

    def __init__(self, session: ClientSession, upstream: str) -> None:
        self.session = session
        self.upstream = upstream

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        peeked = _peek.decode(body)
        headers = {"Content-Type": "application/json", "Authorization": "Bearer bench"}
        async with self.session.post(self.upstream + request.path, data=body, headers=headers) as answer:
            if not peeked.stream:
                return web.Response(body=await answer.read(), status=answer.status, content_type="application/json")
            relayed = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.headers["Content-Type"]})
            await relayed.prepare(request)
            async for chunk in answer.content.iter_any():
                await relayed.write(chunk)
            await relayed.write_eof()
            return relayed


async def serve(port: int, upstream: str) -> None:
    connector = TCPConnector(limit=0, keepalive_timeout=60)
    async with ClientSession(connector=connector, timeout=ClientTimeout(total=600), auto_decompress=False) as session:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/{path:.*}", Passthrough(session, upstream))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=BACKLOG).start()
        sys.stdout.write(f"{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--upstream", required=True)
    given = parser.parse_args()
    uvloop.run(serve(given.port, given.upstream.rstrip("/")))
