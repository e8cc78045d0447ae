"""`pisces check`."""

from __future__ import annotations

import click

from ..config import load


@click.command()
@click.option("--config", "path", metavar="FILE", help="Default: channels.toml.")
@click.option("--without", multiple=True, metavar="PLUGIN")
def check(path: str | None, without: tuple[str, ...]) -> None:
    """Validate the configuration and the plugins without serving. Exits with 1 and says what is wrong.

    \b
    pisces check
    pisces check --config prod.toml
    """
    from ..registry import Registry
    from ..world import World

    config = load(path)
    registry = Registry.load(config, without)
    world = World(config, registry)
    registry.storage(config.server.database)
    registry.limiter(config.server.limits)
    click.echo(f"{config.source}: fine. {len(registry.plugins)} plugins, {len(config.channels)} channels.")
    for target in world.routes.targets:
        channel = target.channel
        state = f"off: {channel.off}" if channel.off else f"{len(channel.models)} models over {', '.join(target.wires)}"
        click.echo(f"  {channel.name} ({channel.provider}): {state}")
    if world.demo:
        click.echo("  No usable channel: the demo provider will answer.")


commands = [check]
