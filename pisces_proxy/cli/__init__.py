"""The `pisces` command. Parts are loaded when they are used, so that `--help` is quick."""

from __future__ import annotations

import sys
from typing import Any

import click

from .. import __version__
from ..errors import PiscesError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class Pisces(click.Group):
    """Commands of the core, then those of plugins; our errors as one clear line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._fill()
        return sorted(self.commands)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        self._fill()
        if name not in self.commands:
            self._ask_plugins()
        return self.commands.get(name)

    def _ask_plugins(self) -> None:
        """Plugins' commands, where the name is none of ours: loading them all takes a moment."""
        from ..config import load
        from ..registry import Registry

        Registry.load(load(None)).hooks.hook.pisces_commands(group=self)

    def _fill(self) -> None:
        if self.commands:
            return
        from . import accounts, admin, ask, channels, check, keys, ledger, plugins, prices, serve, tasks, usage

        for module in (accounts, admin, ask, channels, check, keys, ledger, plugins, prices, serve, tasks, usage):
            for command in module.commands:
                self.add_command(command)

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
