"""`pisces plugins`."""

from __future__ import annotations

import click

from ..config import load


@click.command()
@click.option("--config", "path", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def plugins(path: str | None, as_json: bool) -> None:
    """What is installed: plugins with their wires, providers and hooks."""
    from ..registry import Registry
    from .tables import print_json, print_table

    registry = Registry.load(load(path))
    found = registry.plugins
    if as_json:
        rows = [{"name": plugin.name, "from": plugin.origin, "hooks": list(plugin.hooks)} for plugin in found]
        print_json({"plugins": rows, "wires": sorted(registry.formats), "providers": sorted(registry.providers)})
        return
    print_table(
        "Plugins", ["name", "from", "hooks"], [[plugin.name, plugin.origin, ", ".join(plugin.hooks)] for plugin in found]
    )
    print_table(
        "Providers",
        ["name", "base URL", "wires"],
        [[p.name, p.base_url or "(yours)", ", ".join(p.wires)] for _, p in sorted(registry.providers.items())],
    )


commands = [plugins]
