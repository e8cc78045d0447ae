"""Whether the pieces of all plugins fit: every wire that is named is there, and is of the kind that it is named for."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .errors import ConfigError
from .log import log
from .mediawire import Driver, MediaWire, TaskFacade
from .plugin import Dialect, Endpoint, LocalProvider, Provider, Wire

MADE = frozenset({"embeddings", "rerank", "moderation", "image", "speech", "transcription", "video"})
_ASKED_OF: Mapping[str, Any] = {
    **dict.fromkeys(("chat", "count", "models", "model"), Wire),
    **dict.fromkeys(MADE - {"video"}, MediaWire),
}


def without_missing(
    formats: Mapping[str, Dialect], providers: Mapping[str, Provider], off: Sequence[str]
) -> dict[str, Provider]:
    """Where plugins are disabled by hand, leave out what only they could speak, and say so in one line."""
    gone: dict[str, list[str]] = {}
    left = dict(providers)
    for name, provider in providers.items():
        missing = [wire for wire in provider.wires if wire not in formats]
        if missing:
            left[name] = copy.copy(provider)  # a plugin's own values may outlive this start
            left[name].wires = {wire: path for wire, path in provider.wires.items() if wire in formats}
            gone[name] = missing
    if gone:
        log.info("wires_left_out", disabled=sorted(off), providers=gone)
    return left


def check(formats: Mapping[str, Dialect], endpoints: Iterable[Endpoint], providers: Iterable[Provider]) -> None:
    """Raises ConfigError for the first piece that does not fit."""
    for endpoint in endpoints:
        _check_endpoint(endpoint, formats)
    for provider in providers:
        _check_provider(provider, formats)


def _check_endpoint(endpoint: Endpoint, formats: Mapping[str, Dialect]) -> None:
    where = f"Endpoint {endpoint.method} {endpoint.path}"
    wire = formats.get(endpoint.wire)
    if wire is None:
        raise ConfigError(f"{where} names {_no_wire(endpoint.wire, formats)}")
    wanted = TaskFacade if endpoint.kind.startswith("task.") else _ASKED_OF.get(endpoint.kind)
    if wanted is not None and not isinstance(wire, wanted):
        raise ConfigError(f"{where} is of kind {endpoint.kind!r}, and the wire {wire.name!r} is no {wanted.__name__}.")
    if isinstance(wire, MediaWire) and endpoint.kind not in (wire.kind, "unsupported"):
        raise ConfigError(f"{where} is of kind {endpoint.kind!r}, and the wire {wire.name!r} is for {wire.kind!r}.")
    if endpoint.uploads and endpoint.method == "GET":
        raise ConfigError(f"{where} takes uploads: GET requests have no body.")


def _check_provider(provider: Provider, formats: Mapping[str, Dialect]) -> None:
    where = f"Provider {provider.name!r}"
    for name in provider.wires:
        if name not in formats:
            raise ConfigError(f"{where} names {_no_wire(name, formats)}")
        if not isinstance(formats[name], Wire | MediaWire | Driver):
            raise ConfigError(f"{where} names the wire {name!r}, which is for clients only.")
    for name in provider.only:
        if name not in provider.wires and name in formats:
            raise ConfigError(f"{where} says which models are for the wire {name!r}, and does not speak it.")
    if isinstance(provider, LocalProvider) and (unknown := sorted(provider.makes - MADE)):
        raise ConfigError(f"{where} makes {unknown[0]!r}, which is no kind of request. Known: {', '.join(sorted(MADE))}.")


def _no_wire(name: str, formats: Mapping[str, Dialect]) -> str:
    nearest = difflib.get_close_matches(name, formats, 1)
    return f"the wire {name!r}, which no plugin provides." + (f" Did you mean {nearest[0]!r}?" if nearest else "")
