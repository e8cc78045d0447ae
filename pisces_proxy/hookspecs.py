"""The ten hooks. A plugin is a module (or object) with some of them, registered under the entry-point group `pisces`.

The first seven are called once at start, the rest once per request, never per chunk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from .config import Channel
    from .limits import Limiter
    from .plugin import Dialect, Endpoint, Operation, Provider
    from .storage import Key, Record, Storage

hookspec = pluggy.HookspecMarker("pisces")
hookimpl = pluggy.HookimplMarker("pisces")


@hookspec
def pisces_wires() -> Iterable[Dialect]:  # type: ignore[empty-body]
    """The formats this plugin reads and writes: Wires, MediaWires, Drivers, TaskFacades."""


@hookspec
def pisces_endpoints() -> Iterable[Endpoint]:  # type: ignore[empty-body]
    """The routes this plugin adds for clients."""


@hookspec
def pisces_providers() -> Iterable[Provider]:  # type: ignore[empty-body]
    """The upstream kinds that channels may name."""


@hookspec(firstresult=True)
def pisces_storage(url: str) -> Storage | None:
    """The storage behind a database URL, None for a URL of another kind. Not yet open."""


@hookspec(firstresult=True)
def pisces_limiter(url: str) -> Limiter | None:
    """The limiter behind a `limits` URL, None for a URL of another kind. Not yet open."""


@hookspec
def pisces_commands(group: click.Group) -> None:
    """Add commands to `pisces`."""


@hookspec
def pisces_lifespan(app: Any) -> AsyncIterator[None]:  # type: ignore[empty-body]
    """An async generator: what it does before `yield` runs at start, what comes after at stop."""


@hookspec(firstresult=True)
def pisces_authenticate(headers: Mapping[str, str], query: Mapping[str, str]) -> Awaitable[Key | None]:  # type: ignore[empty-body]
    """A key from elsewhere (a JWT, a session), tried when the gateway's own keys do not match. An async function."""


@hookspec
def pisces_operation(operation: Operation, key: Key) -> None:
    """Look at a request before it is routed; change it in place, or raise a PiscesError to refuse it."""


@hookspec(firstresult=True)
def pisces_route(operation: Operation, key: Key, channels: Sequence[Channel]) -> Sequence[Channel] | None:
    """Reorder or narrow the channels that would be tried; None leaves them."""


@hookspec
def pisces_finished(record: Record) -> None:
    """A request has ended. Called for each, whatever happened; an exception is logged and changes nothing."""
