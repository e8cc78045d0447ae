"""Which channels, in which order, and which rest: pure, the clock is passed in (monotonic seconds)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import msgspec

from .config import Channel
from .errors import (
    AnswerMalformed,
    ModelNotFound,
    NoChannel,
    PiscesError,
    UpstreamError,
    UpstreamModelMissing,
    UpstreamRateLimited,
    UpstreamUnauthorized,
    UpstreamUnfunded,
)
from .plugin import LocalProvider, Profile, Provider

TRIPS_AFTER = 3  # failures in a row before a channel rests: one lost connection must not close the only channel
FIRST_REST = 2.0  # seconds; doubles with each failure behind it
LONGEST_REST = 60.0
KEY_REST = 60.0  # a refused key, doubling up to LONGEST_KEY_REST
LONGEST_KEY_REST = 900.0
PROBES = 1  # requests that may try a channel whose rest has just ended, until one succeeds


class Rest:
    """The health of one thing that can fail: a channel, or one of its keys. A rest never shortens."""

    __slots__ = ("failures", "probing", "reason", "until")

    def __init__(self) -> None:
        self.failures = 0
        self.until = 0.0
        self.reason = ""
        self.probing = 0

    def available(self, now: float) -> bool:
        return now >= self.until and (not self.reason or self.probing < PROBES)

    def rest(self, now: float, seconds: float, reason: str) -> None:
        self.until = max(self.until, now + seconds)
        self.reason = reason
        self.probing = 0

    def well(self) -> None:
        self.failures, self.reason, self.probing, self.until = 0, "", 0, 0.0


class Target:
    """A channel made ready: its provider, the health of it and of each of its keys."""

    __slots__ = ("_profiles", "_turn", "channel", "disabled", "keys", "provider", "rest", "wires")

    def __init__(self, channel: Channel, provider: Provider) -> None:
        self.channel = channel
        self.provider = provider
        self.wires = tuple(wire for wire in provider.wires if channel.wires is None or wire in channel.wires)
        self.rest = Rest()
        self.keys = [(key, Rest()) for key in (channel.keys or ("",))]
        self.disabled = False  # by the operator, while the gateway runs
        self._turn = 0
        self._profiles: dict[tuple[str, str], Profile] = {}

    def __repr__(self) -> str:
        return f"<target {self.channel.name}>"

    def profile(self, wire: str, model: str) -> Profile:
        found = self._profiles.get((wire, model))
        if found is None:
            if len(self._profiles) > 1000:  # names of `*` channels come from clients
                self._profiles.clear()
            found = self._profiles[wire, model] = self.provider.profile(wire, model, self.channel.flags)
        return found

    def available(self, now: float) -> bool:
        return not self.disabled and self.rest.available(now) and any(rest.available(now) for _, rest in self.keys)

    def take_key(self, now: float) -> tuple[str, Rest] | None:
        """The next key that is not resting, in turn."""
        for step in range(len(self.keys)):
            key, rest = self.keys[(self._turn + step) % len(self.keys)]
            if rest.available(now):
                self._turn = (self._turn + step + 1) % len(self.keys)
                return key, rest
        return None

    def resting(self, now: float) -> tuple[float, str]:
        """(seconds until it may be tried, why); (0, "") where it may be tried now."""
        if self.disabled:
            return LONGEST_REST, "disabled by the operator"
        if not self.rest.available(now):
            return max(0.0, self.rest.until - now), self.rest.reason
        if not any(rest.available(now) for _, rest in self.keys):
            first = min((rest for _, rest in self.keys), key=lambda rest: rest.until)
            return max(0.0, first.until - now), first.reason
        return 0.0, ""


class Candidate(msgspec.Struct, frozen=True):
    """A target and what it calls the model."""

    target: Target
    model: str


class Routes:
    """All targets, by public model name."""

    def __init__(self, targets: Sequence[Target], rng: random.Random | None = None) -> None:
        self.targets = tuple(targets)
        self._rng = rng or random.Random()
        self._exact: dict[str, list[Candidate]] = {}
        self._folded: dict[str, list[Candidate]] = {}
        self._any: list[Target] = []
        for target in self.targets:
            if target.channel.off:
                continue
            for name, upstream in target.channel.models.items():
                if name == "*":
                    self._any.append(target)
                    continue
                self._exact.setdefault(name, []).append(Candidate(target, upstream))
                self._folded.setdefault(name.casefold(), []).append(Candidate(target, upstream))

    @property
    def models(self) -> list[str]:
        """The public names, in the order of the file."""
        return list(self._exact)

    def serves(self, model: str) -> bool:
        return model in self._exact or model.casefold() in self._folded or bool(self._any)

    def candidates(self, model: str) -> list[Candidate]:
        """Who serves a model: its name as sent, else without regard to case, and those who take any."""
        named = self._exact.get(model) or self._folded.get(model.casefold()) or []
        if not self._any:
            return named
        return [*named, *(Candidate(target, model) for target in self._any)]

    def order(self, model: str, now: float, *, only: Iterable[Target] | None = None) -> list[Candidate]:
        """The candidates to try: higher priority first, equals drawn by weight, resting ones left out.

        Raises ModelNotFound where nobody serves the model, NoChannel (with retry_after) where all of them rest.
        """
        found = self.candidates(model)
        if only is not None:
            allowed = set(only)
            found = [candidate for candidate in found if candidate.target in allowed]
        if not found:
            raise ModelNotFound(
                f"The model {model!r} does not exist or no channel serves it. GET /v1/models lists what this key can use.",
                param="model",
            )
        ready = [candidate for candidate in found if candidate.target.available(now)]
        if not ready:
            raise all_resting(model, found, now)
        return ready if len(ready) == 1 else self._drawn(ready)

    def _drawn(self, candidates: list[Candidate]) -> list[Candidate]:
        # Efraimidis and Spirakis: sorting by -log(u)/weight draws without replacement by weight
        rank = self._rng.expovariate
        return sorted(
            candidates,
            key=lambda candidate: (-candidate.target.channel.priority, rank(candidate.target.channel.weight)),
        )


def all_resting(model: str, candidates: Sequence[Candidate], now: float) -> NoChannel:
    waits = [candidate.target.resting(now) for candidate in candidates]
    soonest, reason = min(waits)
    return NoChannel(
        f"Every channel for {model!r} is resting after failures ({reason}). Try again in {max(1, round(soonest))} s.",
        code="no_available_channel",
        retry_after=max(1.0, soonest),
    )


def failed(target: Target, key: Rest, error: PiscesError, now: float) -> None:
    """Note a failure by its class: the client's own mistakes and missing models never count against a channel, and what
    runs in this process never rests: it fails when it is asked to."""
    if isinstance(target.provider, LocalProvider):
        return
    match error:
        case UpstreamUnauthorized() | UpstreamUnfunded():
            key.failures += 1
            key.rest(now, min(LONGEST_KEY_REST, KEY_REST * 2 ** (key.failures - 1)), error.kind_of_rest)
        case UpstreamRateLimited():
            key.failures += 1
            wait = error.retry_after or min(LONGEST_REST, FIRST_REST * 2 ** (key.failures - 1))
            key.rest(now, min(wait, LONGEST_KEY_REST), error.kind_of_rest)
        case UpstreamModelMissing() | AnswerMalformed():
            released(target, key)
        case UpstreamError():
            target.rest.failures += 1
            if target.rest.failures >= TRIPS_AFTER or target.rest.reason:
                beyond = max(0, target.rest.failures - TRIPS_AFTER)
                target.rest.rest(now, error.retry_after or min(LONGEST_REST, FIRST_REST * 2**beyond), error.kind_of_rest)
        case _:
            released(target, key)


def tried(target: Target, key: Rest) -> None:
    """A request goes out: where it is a probe, the others wait for how it ends."""
    if target.rest.reason:
        target.rest.probing += 1
    if key.reason:
        key.probing += 1


def released(target: Target, key: Rest) -> None:
    """A try that says nothing about health (the client left, its own mistake) frees the probe."""
    target.rest.probing = max(0, target.rest.probing - 1)
    key.probing = max(0, key.probing - 1)


def succeeded(target: Target, key: Rest) -> None:
    if target.rest.failures or target.rest.reason:
        target.rest.well()
    if key.failures or key.reason:
        key.well()
