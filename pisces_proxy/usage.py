"""Counted units: what an answer consumed, whoever counted it."""

from __future__ import annotations

from operator import attrgetter

import msgspec

ABSURD = 20_000_000  # tokens; no model takes or gives so many, so what claims to has not counted


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens, cumulative for one request.

    `input` includes `cached_input` (read from a cache) and `cache_write` (of which `cache_write_1h` lives an hour);
    `output` includes `reasoning`. `estimated` marks our own count where the upstream gave none. (wire.md C10)
    """

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    audio_input: int = 0
    image_input: int = 0
    tool_input: int = 0
    output: int = 0
    reasoning: int = 0
    audio_output: int = 0
    image_output: int = 0
    searches: int = 0
    estimated: bool = False

    @property
    def absurd(self) -> bool:
        """Whether it is worth nothing: our own estimate is nearer."""
        return self.input > ABSURD or self.output > ABSURD

    @property
    def total(self) -> int:
        return self.input + self.output

    def checked(self) -> tuple[Usage, tuple[str, ...]]:
        """The same with impossible counts mended, and the names of the members that were."""
        counts = _counts(self)
        mended: dict[str, int] = {}
        if min(counts) < 0 or max(counts) > ABSURD:
            mended = {name: min(max(count, 0), ABSURD) for name, count in zip(_COUNTS, counts, strict=True)}
            mended = {name: count for name, count in mended.items() if count != getattr(self, name)}
        usage = msgspec.structs.replace(self, **mended) if mended else self
        if usage.cached_input + usage.cache_write > usage.input:
            # counted exclusively by this upstream: add instead of trusting
            mended["input"] = usage.input + usage.cached_input + usage.cache_write
        if usage.reasoning > usage.output:
            mended["output"] = usage.output + usage.reasoning
        return (msgspec.structs.replace(self, **mended), tuple(sorted(mended))) if mended else (self, ())


_COUNTS = tuple(name for name in Usage.__struct_fields__ if name != "estimated")
_counts = attrgetter(*_COUNTS)
