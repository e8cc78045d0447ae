"""`pisces channels`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ..config import Channel, Config, load
from ..errors import ConfigError
from .audits import audit
from .context import open_storage

if TYPE_CHECKING:
    from ..gateway import Gateway

_config = click.option("--config", "path", metavar="FILE", help="Default: channels.toml.")
_database = click.option("--database", envvar="PISCES_DATABASE", metavar="URL")


@click.group()
def channels() -> None:
    """Where requests go: health, rest and why; take a channel out and back in."""


@channels.command("list")
@_config
@_database
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def list_channels(path: str | None, database: str | None, as_json: bool) -> None:
    """All channels, with what a running gateway says of their health."""
    from .tables import print_json, print_table

    config = load(path)
    off, health = asyncio.run(_states(path, database))
    rows = [_row(channel, off, health) for channel in config.channels]
    if as_json:
        print_json(rows)
        return
    print_table(
        "Channels",
        ["name", "provider", "priority", "weight", "models", "state"],
        [[r["name"], r["provider"], str(r["priority"]), str(r["weight"]), _models(r["models"]), _state(r)] for r in rows],
    )


async def _states(path: str | None, database: str | None) -> tuple[list[str], dict[str, Any]]:
    async with open_storage(path, database) as storage:
        off, health = await storage.setting("channels_off"), await storage.setting("health")
    return msgspec.json.decode(off) if off else [], msgspec.json.decode(health) if health else {}


def _row(channel: Channel, off: list[str], health: dict[str, Any]) -> dict[str, Any]:
    state = health.get(channel.name)
    resting = state if state and state["until"] > time.time() else None
    return {
        "name": channel.name,
        "provider": channel.provider,
        "priority": channel.priority,
        "weight": channel.weight,
        "models": list(channel.models),
        "enabled": not channel.off and channel.name not in off,
        "reason": channel.off or ("disabled by the operator" if channel.name in off else (resting or {}).get("reason")),
        "resting_until": _time(resting["until"]) if resting else None,
    }


def _time(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def _models(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _state(row: dict[str, Any]) -> str:
    if not row["enabled"]:
        return f"off: {row['reason']}"
    return f"resting until {row['resting_until']}: {row['reason']}" if row["resting_until"] else "ready"


@channels.command()
@click.argument("name")
@_config
@click.option("--model", help="Default: the channel's first.")
def test(name: str, path: str | None, model: str | None) -> None:
    """Send one tiny request through a channel and say how it went."""
    config = load(path)
    channel = _find(config, name)
    answer = asyncio.run(_test(config, channel, model or next(iter(channel.models), "")))
    click.echo(answer)


async def _test(config: Config, channel: Channel, model: str) -> str:
    """A gateway of its own, with this channel only, on a free port of this machine, asked once."""
    import tempfile
    from pathlib import Path

    import aiohttp

    from ..first_start import first_key
    from ..serving import start

    if channel.off:
        raise ConfigError(f"Channel {channel.name!r} is off: {channel.off}.")
    with tempfile.TemporaryDirectory() as folder:
        server = msgspec.structs.replace(
            config.server, host="127.0.0.1", port=0, database=f"sqlite:///{Path(folder) / 'test.db'}"
        )
        running = await start(msgspec.structs.replace(config, server=server, channels=(channel,)))
        try:
            secret = await first_key(running.gateway.storage, config.server.key_prefix)
            asked, body = _question(running.gateway, model)
            begun = time.monotonic()
            async with (
                aiohttp.ClientSession(headers={"Authorization": f"Bearer {secret}"}) as session,
                session.post(running.url + asked, json=body) as response,
            ):
                told = await response.json()
            elapsed = f"{(time.monotonic() - begun) * 1000:.0f} ms"
        finally:
            await running.stop()
    if response.status != 200:
        raise ConfigError(f"{channel.name}: {response.status} after {elapsed}: {told['error']['message']}")
    said = told["choices"][0]["message"]["content"] if "choices" in told else f"{len(told['data'][0]['embedding'])} numbers"
    return f"{channel.name}: {model} answered in {elapsed}: {said!r}"


def _question(gateway: Gateway, model: str) -> tuple[str, dict[str, Any]]:
    """A path and a body that this gateway's only channel can answer: some vendors only make vectors."""
    formats = gateway.registry.formats
    kinds = {formats[wire].kind for target in gateway.world.routes.targets for wire in target.wires}
    if "chat" not in kinds and "embeddings" in kinds:
        return "/v1/embeddings", {"model": model, "input": "OK", "encoding_format": "float"}
    return "/v1/chat/completions", {"model": model, "max_tokens": 16, "messages": [{"role": "user", "content": "Say OK."}]}


@channels.command()
@click.argument("name")
@_config
@_database
def enable(name: str, path: str | None, database: str | None) -> None:
    """Let a channel take requests again."""
    asyncio.run(_switch(path, database, _find(load(path), name).name, off=False))
    click.echo(f"Channel {name} takes requests.")


@channels.command()
@click.argument("name")
@_config
@_database
def disable(name: str, path: str | None, database: str | None) -> None:
    """Take a channel out; running answers finish. Running gateways see it within a second."""
    asyncio.run(_switch(path, database, _find(load(path), name).name, off=True))
    click.echo(f"Channel {name} takes no more requests.")


async def _switch(path: str | None, database: str | None, name: str, *, off: bool) -> None:
    async with open_storage(path, database) as storage:
        written = await storage.setting("channels_off")
        names = set(msgspec.json.decode(written) if written else [])
        names = names | {name} if off else names - {name}
        done = audit("channel.disable" if off else "channel.enable", name)
        await storage.set_setting("channels_off", msgspec.json.encode(sorted(names)).decode(), audit=done)


def _find(config: Config, name: str) -> Channel:
    import difflib

    for channel in config.channels:
        if channel.name == name:
            return channel
    nearest = difflib.get_close_matches(name, [channel.name for channel in config.channels], 1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else " See `pisces channels list`."
    raise ConfigError(f"There is no channel {name!r}.{hint}")


commands = [channels]
