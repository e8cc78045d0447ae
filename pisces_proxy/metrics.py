"""Counters of this process, for Prometheus. Labels are few and bounded: channels, protocols and statuses, never keys or models
that clients name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from .storage import Record

HELP = {
    "requests": ("Requests that have ended", ("channel", "protocol", "status")),
    "tokens": ("Tokens that were settled", ("channel", "kind")),
    "seconds": ("Time that requests took", ("channel",)),
    "usage_clamped": ("Upstream counts that could not be and were mended", ("channel",)),
    "usage_estimated": ("Requests that the upstream did not count", ("channel",)),
    "rows_lost": ("Usage rows that the storage refused", ()),
}


class Metrics:
    """What has been counted since the start."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, tuple[str, ...]]] = Counter()

    def add(self, name: str, *labels: str, by: float = 1) -> None:
        self._counts[name, labels] += by  # type: ignore[assignment]

    def count(self, record: Record) -> None:
        """A request that has ended."""
        channel, usage = record.channel, record.usage
        self.add("requests", channel, record.protocol, str(record.status))
        self.add("seconds", channel, by=record.total_ms / 1000)
        if usage.total:
            self.add("tokens", channel, "input", by=usage.input)
            self.add("tokens", channel, "output", by=usage.output)
        for flag in record.flags:
            if flag in ("usage_clamped", "usage_estimated"):
                self.add(flag, channel)

    def exposition(self) -> bytes:
        """In Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest  # not needed until somebody asks

        registry = CollectorRegistry()
        registry.register(_Collector(self._counts))
        return generate_latest(registry)


class _Collector:
    def __init__(self, counts: Counter[tuple[str, tuple[str, ...]]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily

        for name, (told, labels) in HELP.items():
            family = CounterMetricFamily(f"pisces_{name}", told, labels=labels)
            for (counted, values), count in list(self._counts.items()):
                if counted == name:
                    family.add_metric(values, count)
            yield family
