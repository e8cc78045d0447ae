"""A company's own rules around the gateway, in one file: its staff's tokens, an alias, where data may go, a command."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import click

from pisces_proxy.config import Channel
from pisces_proxy.errors import Forbidden
from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Operation
from pisces_proxy.storage import Key

life: list[str] = []


@hookimpl
async def pisces_authenticate(headers: Mapping[str, str], query: Mapping[str, str]) -> Key | None:
    """Staff come with the badge of the company's own proxy instead of a key."""
    badge = headers.get("x-badge")
    return Key(id=f"badge_{badge}", name=badge, account="staff", digest="") if badge else None


@hookimpl
def pisces_operation(operation: Operation, key: Key) -> None:
    if operation.model == "house-default":
        operation.model = "gpt-4.1"
    if b"project lobster" in operation.body:
        raise Forbidden("This must not leave the house.", code="secret_project")


@hookimpl
def pisces_route(operation: Operation, key: Key, channels: Sequence[Channel]) -> Sequence[Channel] | None:
    """What staff ask stays in Europe where there is a channel for it."""
    return [channel for channel in channels if channel.name.startswith("eu-")] or None


@hookimpl
async def pisces_lifespan(app: Any) -> AsyncIterator[None]:
    life.append("up")
    yield
    life.append("down")


@hookimpl
def pisces_commands(group: click.Group) -> None:
    @group.command()
    def motto() -> None:
        """What the house says."""
        click.echo("Measure twice, stream once.")
