"""Listen, drain, stop: the process around a gateway."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from .config import Config, seconds
from .errors import ConfigError
from .gateway import Gateway, opened
from .log import flush, log
from .registry import Registry
from .server import Handler

TURN = 0.0005  # seconds that a thread waits for the event loop's: Python's own 5 ms would hold up who waits for the thread
BACKLOG = 4096  # aiohttp's 128 ruins a thousand streams that open at once


class Running(msgspec.Struct):
    """A gateway that listens. `url` is its address; `stop` drains and closes it."""

    url: str
    gateway: Gateway
    _close: Callable[[], Any]

    async def stop(self) -> None:
        await self._close()


@asynccontextmanager
async def listening(
    config: Config, registry: Registry | None = None, *, source: str | None = None, reuse_port: bool = False
) -> AsyncIterator[Running]:
    """Serve until the block is left; then accept nothing new and let running answers finish within the grace time."""
    async with opened(config, registry or Registry.load(config), source=source) as gateway:

        def request_factory(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
            return web.BaseRequest(message, payload, protocol, writer, task, protocol._loop, client_max_size=gateway.max_body)

        server = web.Server(
            Handler(gateway),
            request_factory=request_factory,
            handler_cancellation=True,  # a client that leaves stops its request
            access_log=None,
            keepalive_timeout=75,
            max_line_size=2**14,
            max_field_size=2**15,
        )
        runner = web.ServerRunner(server, shutdown_timeout=seconds(config.server.grace))
        await runner.setup()
        try:
            site = web.SockSite(runner, _socket(config, reuse_port), backlog=BACKLOG)
            await site.start()
            yield Running(url=_url(runner, config), gateway=gateway, _close=runner.cleanup)
        finally:
            await runner.cleanup()


def _socket(config: Config, reuse_port: bool) -> socket.socket:
    host, port = config.server.host, config.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise ConfigError(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --host and --port.") from None
    found.setblocking(False)
    return found


def _url(runner: web.ServerRunner, config: Config) -> str:
    address = runner.addresses[0]
    host = config.server.host if config.server.host not in ("0.0.0.0", "::") else "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{address[1]}"


async def start(config: Config, registry: Registry | None = None) -> Running:
    """A listening gateway for tests and embedding; the caller awaits `stop()`."""
    ready: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def live() -> None:
        try:
            async with listening(config, registry) as running:
                ready.set_result(running)
                await over.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
                return
            raise

    task = asyncio.get_running_loop().create_task(live())

    async def stop() -> None:
        over.set()
        await task

    running = await ready
    running._close = stop
    return running


async def serve(
    config: Config, registry: Registry, *, source: str | None, reuse_port: bool = False, announce: Callable[[Running], Any]
) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reloads the configuration."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    sys.setswitchinterval(TURN)
    async with listening(config, registry, source=source, reuse_port=reuse_port) as running:
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, over.set)
        loop.add_signal_handler(signal.SIGHUP, _reload, running.gateway)
        await announce(running)
        settling = asyncio.ensure_future(_settle_memory(running.gateway))
        await over.wait()
        settling.cancel()
        log.info("draining", streams=len(running.gateway.hearts))
    log.info("stopped")
    flush()


async def _settle_memory(gateway: Gateway) -> None:
    """What has been loaded stays: the collector need not look at it again, nor run for every few hundred new objects."""
    await gateway.warmed.wait()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    gc.enable()


def _reload(gateway: Gateway) -> None:
    try:
        gateway.reload()
    except ConfigError as error:
        log.error("reload_refused", why=error.message)
