"""`pisces serve`, `pisces reload`."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from typing import Any

import click
import msgspec

from ..config import Config, load, seconds
from ..errors import ConfigError
from .audits import audit
from .context import open_storage


@click.command()
@click.option("--config", "path", metavar="FILE", help="Configuration; default: channels.toml where it exists.")
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 chooses a free one.")
@click.option("--database", envvar="PISCES_DATABASE", metavar="URL", help="sqlite:///file.db or postgresql://...")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that share the port.")
@click.option("--without", multiple=True, metavar="PLUGIN", help="Start without a plugin; may be repeated.")
@click.option("--dev", is_flag=True, help="For development: webhooks may go to http and to this machine.")
@click.option("--worker", is_flag=True, hidden=True)
def serve(
    path: str | None,
    host: str | None,
    port: int | None,
    database: str | None,
    workers: int,
    without: tuple[str, ...],
    dev: bool,
    worker: bool,
) -> None:
    """Run the gateway.

    \b
    pisces serve                               channels.toml if it is here, else the demo provider
    pisces serve --port 9000 --workers 2
    pisces serve --config prod.toml --without demo
    """
    config = _with_options(load(path), host, port, database)
    if dev:
        server = msgspec.structs.replace(config.server, dev=True)
        config = msgspec.structs.replace(config, server=server, overridden=config.overridden | {"dev"})
    if workers > 1:
        sys.exit(_supervise(config, workers))
    _run(config, path, without, worker)


def _with_options(config: Config, host: str | None, port: int | None, database: str | None) -> Config:
    given = {name: value for name, value in (("host", host), ("port", port), ("database", database)) if value is not None}
    server = msgspec.structs.replace(config.server, **given)
    return msgspec.structs.replace(config, server=server, overridden=frozenset(given))


def _run(config: Config, path: str | None, without: tuple[str, ...], worker: bool) -> None:
    gc.disable()  # what is loaded now stays; serving collects once, and enables it, when all is there
    from ..log import configure
    from ..registry import Registry
    from ..serving import serve as serve_until_stopped

    configure(config.server.log)
    registry = Registry.load(config, without)

    async def announce(running: Any) -> None:
        from ..first_start import first_key

        secret = await first_key(running.gateway.storage, config.server.key_prefix)
        if not worker:
            _welcome(running, secret)

    work = serve_until_stopped(config, registry, source=path, reuse_port=worker, announce=announce)
    try:
        import uvloop
    except ImportError:  # Windows
        asyncio.run(work)
    else:
        uvloop.run(work)


def _welcome(running: Any, secret: str | None) -> None:
    """Address, key, and a line to paste: on standard output, the log goes to standard error."""
    world, url = running.gateway.world, running.url
    click.echo(f"Pisces listens on {url}")
    if world.demo:
        click.echo("No channel is configured: the built-in demo model answers. Put your channels into channels.toml.")
    else:
        names = [target.channel.name for target in world.routes.targets if not target.channel.off]
        click.echo(f"Channels: {', '.join(names)}")
    if secret is None:
        click.echo("Keys: see `pisces keys list`, make one with `pisces keys create NAME`.")
        return
    model = next(iter(model.id for model in world.models(_any_key()) if model.id != "*"), "demo")
    click.echo(f"\nAPI key (shown once): {secret}\n\nTry it:\n")
    click.echo(
        f"curl {url}/v1/chat/completions -H 'Authorization: Bearer {secret}' -H 'Content-Type: application/json' "
        f'-d \'{{"model":"{model}","messages":[{{"role":"user","content":"Hello"}}]}}\'\n'
    )


def _any_key() -> Any:
    from ..storage import Key

    return Key(id="", name="", account="", digest="")


def _supervise(config: Config, workers: int) -> int:
    """One process per worker on a shared port; all stop when one of them fails or a signal comes."""
    if config.server.port == 0:
        raise ConfigError("--workers needs a fixed --port.")
    if config.server.limits == "memory://":
        click.echo('Note: limits = "memory://" counts per worker: each of them lets a key through up to its limits.', err=True)
    command = [sys.executable, "-m", "pisces_proxy.cli", *_worker_arguments()]
    running = [subprocess.Popen([*command, *(["--worker"])]) for _ in range(workers)]

    def pass_on(number: int, _frame: object) -> None:
        for process in running:
            if process.poll() is None:
                process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    click.echo(f"Pisces listens on http://{config.server.host}:{config.server.port} with {workers} workers")
    codes = _wait(running, pass_on)
    return max((abs(code) for code in codes), default=0)


def _worker_arguments() -> list[str]:
    arguments, skip = [], False
    for argument in sys.argv[1:]:
        if skip or argument.startswith("--workers="):
            skip = False
            continue
        if argument == "--workers":
            skip = True
            continue
        arguments.append(argument)
    return arguments


def _wait(running: list[subprocess.Popen[bytes]], stop: Any) -> list[int]:
    while all(process.poll() is None for process in running):
        time.sleep(0.2)
    stop(signal.SIGTERM, None)
    return [process.wait() for process in running]


@click.command()
@click.option("--config", "path", metavar="FILE")
@click.option("--database", envvar="PISCES_DATABASE", metavar="URL")
@click.option("--wait", default="5s", show_default=True, help="How long to wait for the answer.")
def reload(path: str | None, database: str | None, wait: str) -> None:
    """Make running gateways read channels.toml again. A file with a mistake is refused and the old one stays."""
    load(path)  # a mistake is told here at once
    result = asyncio.run(_ask_reload(path, database, seconds(wait)))
    if result is None:
        raise click.ClickException("No running gateway answered. Is one using this database?")
    done, _, note = result.partition(" ")
    if done != "ok":
        raise click.ClickException(result)
    click.echo(f"Reloaded. {note}".rstrip())


async def _ask_reload(path: str | None, database: str | None, wait: float) -> str | None:
    async with open_storage(path, database) as storage:
        mark = f"{time.time():.6f}-{os.getpid()}"
        await storage.set_setting("reload", mark, audit=audit("reload", path or "channels.toml"))
        end = time.monotonic() + wait
        while time.monotonic() < end:
            await asyncio.sleep(0.1)
            result = await storage.setting("reload_result") or ""
            if result.startswith(mark + " "):
                return result.removeprefix(mark + " ")
    return None


commands = [serve, reload]
