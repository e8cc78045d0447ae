"""The `pisces` command. Parts are loaded when they are used, so that `--help` is quick."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from .. import __version__
from ..errors import PiscesError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


# which module a command is in, so that one loads without the others
COMMANDS = {
    "accounts": "accounts", "admin": "admin", "ask": "ask", "channels": "channels", "check": "check", "keys": "keys",
    "ledger": "ledger", "plugins": "plugins", "prices": "prices", "serve": "serve", "reload": "serve",
    "tasks": "tasks", "usage": "usage", "request": "usage",
}  # fmt: skip


class Pisces(click.Group):
    """Commands of the core, then those of plugins; our errors as one clear line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *self.commands})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.commands:
            self._load(name)
        return self.commands.get(name)

    def _load(self, name: str) -> None:
        """Plugins' commands, where the name is none of ours: loading them all takes a moment."""
        if name in COMMANDS:
            for command in import_module(f"{__name__}.{COMMANDS[name]}").commands:
                self.add_command(command)
            return
        from ..config import load
        from ..registry import Registry

        Registry.load(load(None)).hooks.hook.pisces_commands(group=self)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PiscesError as error:
            raise click.ClickException(error.message) from None


@click.group(cls=Pisces, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="pisces")
def main() -> None:
    """One address and one key in front of every model.

    \b
    pisces serve                        start the gateway; prints a key and a curl line that works
    pisces ask "Hello"                  stream an answer through it
    pisces keys create alice --rpm 60   a key for somebody else
    """


if __name__ == "__main__":
    sys.exit(main())
