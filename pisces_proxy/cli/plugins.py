"""`pisces plugins`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..config import load

if TYPE_CHECKING:
    from ..plugin import Provider
    from ..registry import Registry


@click.command()
@click.option("--config", "path", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def plugins(path: str | None, as_json: bool) -> None:
    """What is installed: plugins with their hooks, and what each provider serves."""
    from ..registry import Registry
    from .tables import print_json, print_table

    registry = Registry.load(load(path))
    found = registry.plugins
    if as_json:
        listed = [{"name": plugin.name, "from": plugin.origin, "hooks": list(plugin.hooks)} for plugin in found]
        print_json({"plugins": listed, "wires": sorted(registry.formats), "providers": sorted(registry.providers)})
        return
    print_table(
        "Plugins", ["name", "from", "hooks"], [[plugin.name, plugin.origin, ", ".join(plugin.hooks)] for plugin in found]
    )
    providers = [provider for _, provider in sorted(registry.providers.items())]
    rows = [[p.name, p.base_url or "(yours)", ", ".join(kinds(p, registry))] for p in providers]
    print_table("Providers", ["name", "base URL", "serves"], rows)


def kinds(provider: Provider, registry: Registry) -> list[str]:
    """What a provider serves: chat in its formats, then everything else by kind."""
    of = {wire: registry.formats[wire].kind for wire in provider.wires if wire in registry.formats}
    chats = [wire for wire, kind in of.items() if kind == "chat"]
    others = {kind for kind in of.values() if kind != "chat"} | set(getattr(provider, "makes", ()))
    return [*chats, *sorted(others)]


commands = [plugins]
