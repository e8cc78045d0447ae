"""What a configuration amounts to: channels ready to be tried, models to be listed. Swapped whole on a reload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .config import Channel, Config
from .log import log
from .plugin import LocalProvider, Model, Operation
from .registry import Registry
from .routing import Candidate, Routes, Target
from .storage import Key


class World:
    """One configuration in force. `previous` hands on the health of channels that stay the same."""

    def __init__(self, config: Config, registry: Registry, previous: World | None = None) -> None:
        registry.check_channels(config)
        self.config = config
        self.registry = registry
        self.routes: Routes
        self.local = Routes([Target(_any_model(name), provider) for name, provider in _local_providers(registry)])
        kept = previous.routes.targets if previous is not None else ()
        targets = [
            next((target for target in kept if target.channel == channel), None)
            or Target(channel, registry.provider_of(channel, config.source))
            for channel in config.channels
        ]
        for target in targets:
            if target.channel.off:
                log.warning("channel_off", channel=target.channel.name, why=target.channel.off)
        usable = any(not target.channel.off for target in targets)
        self.routes = Routes(targets) if usable else Routes([*targets, *self.local.targets])
        self.demo = not usable

    def candidates(self, operation: Operation, key: Key, now: float) -> list[Candidate]:
        """Who may be tried for this request, best first. A test key is served locally only."""
        routes = self.local if key.kind == "test" else self.routes
        return routes.order(operation.model, now)

    def models(self, key: Key) -> list[Model]:
        """The models visible to a key, in the order of the file."""
        routes = self.local if key.kind == "test" else self.routes
        names = dict.fromkeys(routes.models)
        for target in routes.targets:
            if not target.channel.off and "*" in target.channel.models:
                names |= dict.fromkeys(target.provider.offers)
        allowed = None if key.models is None else {name.casefold() for name in key.models}
        return [self._model(name, routes) for name in names if allowed is None or name.casefold() in allowed]

    def _model(self, name: str, routes: Routes) -> Model:
        info = self.config.models.get(name)
        candidates = routes.candidates(name)
        owner = candidates[0].target.channel.provider if candidates else ""
        if info is None:
            return Model(id=name, owned_by=owner)
        return Model(
            id=name,
            owned_by=info.owned_by or owner,
            created=info.created,
            context=info.context,
            max_output=info.max_output,
            badges=info.badges,
        )

    def disable(self, off: Mapping[str, bool]) -> None:
        """Take channels out, or back in, by name."""
        for target in self.routes.targets:
            target.disabled = off.get(target.channel.name, False)


def _any_model(name: str) -> Channel:
    return Channel(name=name, provider=name, models={"*": "*"})


def _local_providers(registry: Registry) -> Sequence[tuple[str, LocalProvider]]:
    return [(name, provider) for name, provider in registry.providers.items() if isinstance(provider, LocalProvider)]
