"""Find the plugins, check that their pieces fit."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pluggy

from . import fitting, hookspecs
from .config import Channel, Config
from .errors import ConfigError
from .limits import Limiter
from .plugin import Dialect, Driver, Endpoint, MediaWire, Provider, TaskFacade, Wire
from .storage import Storage

GROUP = "pisces"


class Plugin(msgspec.Struct, frozen=True):
    """A plugin as it was found: its name, the distribution (or file) it is from, the hooks it answers."""

    name: str
    origin: str
    module: Any
    hooks: tuple[str, ...] = ()


def find(disable: Iterable[str] = (), files: Iterable[str] = ()) -> list[Plugin]:
    """Load every plugin of the entry-point group and the given files. One that does not load stops the start."""
    off = set(disable)
    points = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    known = [point.name for point in points]
    for name in off - set(known):
        nearest = difflib.get_close_matches(name, known, 1)
        raise ConfigError(f"No plugin is named {name!r}, so it cannot be disabled.{_meant(nearest)}")
    found = [_load(point) for point in points if point.name not in off]
    found += [_load_file(Path(file)) for file in files]
    seen: dict[str, str] = {}
    for plugin in found:
        if plugin.name in seen:
            raise ConfigError(f"Two plugins are named {plugin.name!r}: from {seen[plugin.name]} and from {plugin.origin}.")
        seen[plugin.name] = plugin.origin
    return found


def _load(point: EntryPoint) -> Plugin:
    origin = _distribution(point.dist) if point.dist else point.value
    try:
        module = point.load()
    except Exception as error:  # whatever a plugin does at import, the message must name it
        raise ConfigError(
            f"Plugin {point.name!r} (from {origin}) does not load: {error}. "
            f"Fix it, uninstall it, or start with --without {point.name}."
        ) from error
    return Plugin(point.name, origin, module)


@cache
def _distribution(found: Distribution) -> str:
    """Name and version: either reads all of the metadata, the README in it too."""
    told = found.metadata
    return f"{told['Name']} {told['Version']}"


def _load_file(path: Path) -> Plugin:
    try:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise ImportError("not a Python file")
        module: ModuleType = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigError(
            f"Plugin file {str(path)!r} does not load: {error}. Fix it, or take it out of [plugins] files."
        ) from error
    return Plugin(path.stem, str(path), module)


class Registry:
    """The pieces of all plugins, by name. `off` are plugins that were disabled by hand."""

    def __init__(self, plugins: Sequence[Plugin], off: Sequence[str] = ()) -> None:
        self.hooks = pluggy.PluginManager("pisces")
        self.hooks.add_hookspecs(hookspecs)
        self.plugins: list[Plugin] = []
        for plugin in plugins:
            self._register(plugin)
        self.formats: dict[str, Dialect] = _by_name("wire", self.hooks.hook.pisces_wires())
        self.wires = {name: each for name, each in self.formats.items() if isinstance(each, Wire)}
        self.media = {name: each for name, each in self.formats.items() if isinstance(each, MediaWire)}
        self.drivers = {name: each for name, each in self.formats.items() if isinstance(each, Driver)}
        self.facades = {name: each for name, each in self.formats.items() if isinstance(each, TaskFacade)}
        self.providers: dict[str, Provider] = _by_name("provider", self.hooks.hook.pisces_providers())
        # pluggy answers last-registered first; routes are tried in the order of the plugins' names
        self.endpoints: list[Endpoint] = [
            endpoint for part in reversed(self.hooks.hook.pisces_endpoints()) for endpoint in part
        ]
        if off:
            self.providers = fitting.without_missing(self.formats, self.providers, off)
        fitting.check(self.formats, self.endpoints, self.providers.values())

    @classmethod
    def load(cls, config: Config, without: Iterable[str] = ()) -> Registry:
        off = (*config.plugins.disable, *without)
        return cls(find(off, config.plugins.files), off)

    def _register(self, plugin: Plugin) -> None:
        try:
            self.hooks.register(plugin.module, plugin.name)
            self.hooks.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise ConfigError(f"Plugin {plugin.name!r} (from {plugin.origin}) does not fit: {error}") from error
        callers = self.hooks.get_hookcallers(self.hooks.get_plugin(plugin.name)) or []
        for caller in callers:  # nobody would await it: a plugin that refuses requests would let all of them through
            if caller.name != "pisces_authenticate" and inspect.iscoroutinefunction(getattr(plugin.module, caller.name, None)):
                said = f"`{caller.name}` is an async function. Write it with `def`."
                raise ConfigError(f"Plugin {plugin.name!r} (from {plugin.origin}) does not fit: {said}")
        self.plugins.append(msgspec.structs.replace(plugin, hooks=tuple(sorted(caller.name for caller in callers))))

    @property
    def fallback(self) -> Wire:
        """The wire whose error shape serves paths that belong to nobody."""
        return next((wire for wire in self.wires.values() if wire.fallback), next(iter(self.wires.values())))

    def provider_of(self, channel: Channel, source: str = "channels.toml") -> Provider:
        """A channel's provider, its wires and flags checked."""
        provider = self.providers.get(channel.provider)
        where = f"{source}: [[channel]] {channel.name!r}"
        if provider is None:
            nearest = difflib.get_close_matches(channel.provider, self.providers, 1)
            raise ConfigError(f"{where}: no provider is named {channel.provider!r}.{_meant(nearest)} See `pisces plugins`.")
        for wire in channel.wires or ():
            if wire not in provider.wires:
                raise ConfigError(
                    f"{where}: {provider.name} does not speak {wire!r}. It speaks {', '.join(sorted(provider.wires))}."
                )
        if not (channel.base_url or provider.base_url) and not getattr(provider, "respond", None):
            raise ConfigError(f"{where}: provider {provider.name!r} needs a base_url.")
        if provider.key_required and not channel.keys and not channel.off:
            raise ConfigError(f'{where}: provider {provider.name!r} needs a key. Write key = "${{NAME}}".')
        if not channel.models:
            raise ConfigError(f'{where}: names no models. Write models = ["..."], or ["*"] for any.')
        _check_flags(provider, channel, where)
        return provider

    def check_channels(self, config: Config) -> None:
        for channel in config.channels:
            self.provider_of(channel, config.source)

    def storage(self, url: str) -> Storage:
        """The storage behind a database URL."""
        storage = self.hooks.hook.pisces_storage(url=url)
        if storage is None:
            kind = url.partition(":")[0]
            raise ConfigError(
                f"No plugin stores in {kind!r} databases. Install one that does (see `pisces plugins`), "
                'or write database = "sqlite:///pisces.db".'
            )
        return storage  # type: ignore[no-any-return]

    def limiter(self, url: str) -> Limiter:
        """The limiter behind a `limits` URL."""
        limiter = self.hooks.hook.pisces_limiter(url=url)
        if limiter is None:
            kind = url.partition(":")[0]
            raise ConfigError(
                f"No plugin counts limits in {kind!r}. Install one that does (see `pisces plugins`), "
                'or write limits = "memory://".'
            )
        return limiter  # type: ignore[no-any-return]


def _check_flags(provider: Provider, channel: Channel, where: str) -> None:
    wire = next(iter(channel.wires or provider.wires), "")
    try:
        provider.profile(wire, "", channel.flags)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: flags: {error}") from None


def find_storage(url: str, config: Config | None = None) -> Storage:
    """The storage behind a URL, with the plugins of a configuration."""
    return Registry.load(config or Config()).storage(url)


def _by_name(what: str, parts: Iterable[Iterable[Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in reversed(list(parts)):
        for piece in part:
            if piece.name in found:
                raise ConfigError(f"Two plugins provide the {what} {piece.name!r}. Start with --without one of them.")
            found[piece.name] = piece
    return found


def _meant(nearest: Sequence[str] | Mapping[str, Any]) -> str:
    return f" Did you mean {next(iter(nearest))!r}?" if nearest else ""
