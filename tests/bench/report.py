"""The tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from .contenders import Contender
from .latency import HalfLoad
from .measure import BURST, REQUEST, Cost, Crowd, Workload


def cpu(works: Sequence[Workload], costs: Mapping[str, Mapping[str, Cost]], names: Sequence[str], console: Console) -> None:
    """Microseconds per unit, and how often the bare passthrough's."""
    table = Table(title="CPU of the process tree per unit, µs (lower quartile)")
    table.add_column("unit")
    for name in names:
        table.add_column(name, justify="right")
        if name != "bare":
            table.add_column(f"{name} / bare", justify="right")
    for label, row in (*((work.name, costs[work.name]) for work in works), *_net(costs)):
        table.add_row(label, *(cell for name in names for cell in _cells(row, name)))
    console.print(table)


def _net(costs: Mapping[str, Mapping[str, Cost]]) -> Iterator[tuple[str, Mapping[str, Cost]]]:
    """The burst's chunks without what their request costs anyway: parsing and writing alone."""
    for way in ("", ", translated"):
        request, burst = costs.get(REQUEST + way), costs.get(BURST + way)
        if request and burst:
            yield (
                f"{BURST}{way}, less the request",
                {name: Cost(cost.micros - request[name].micros / 200, ()) for name, cost in burst.items()},
            )


def _cells(costs: Mapping[str, Cost], name: str) -> list[str]:
    cost, floor = costs.get(name), costs.get("bare")
    if cost is None:
        return ["-"] if name == "bare" else ["-", "-"]
    shown = f"{cost.micros:.1f}"
    if name == "bare":
        return [shown]
    return [shown, f"{cost.micros / floor.micros:.2f}" if floor and floor.micros else "-"]


def half_load(seen: HalfLoad, console: Console) -> None:
    """What a request waits, and how much of it the upstream and the bare passthrough do not explain."""
    rate = f"{min(seen.rates):.0f} to {max(seen.rates):.0f} requests/s, where the slowest is busy half of the time"
    table = Table(title=f"Latency of a request at {rate}")
    for heading in ("", "busy", "p50", "p99", "p50 over the upstream", "p99 over the upstream", "p99 over bare", "failed"):
        table.add_column(heading, justify="right" if heading else "left")
    direct, floor = (next((wait for wait in seen.waits if wait.name == name), None) for name in ("upstream itself", "bare"))
    for wait in seen.waits:
        row = [wait.name, f"{wait.busy:.0%}", _ms(wait.p50), _ms(wait.p99)]
        row += [_ms(wait.p50 - direct.p50), _ms(wait.p99 - direct.p99)] if direct and wait is not direct else ["", ""]
        row.append(_ms(wait.p99 - floor.p99) if floor and wait not in (direct, floor) else "")
        table.add_row(*row, str(wait.failed))
    console.print(table)


def rest(
    contenders: Sequence[Contender], idle: Mapping[str, int], crowds: Mapping[str, Crowd], direct: Crowd, console: Console
) -> None:
    """Start, memory, and the latency that each adds to a chunk among many streams."""
    table = Table(title=f"Start, memory, {direct.streams} streams with a chunk every 200 ms each")
    headings = ("", "first answer", "idle RSS", "per open stream", "chunk p50", "chunk p99", "added p50", "added p99", "failed")
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("upstream itself", "", "", "", _ms(direct.p50), _ms(direct.p99), "", "", str(direct.failed))
    for contender in contenders:
        seen = crowds.get(contender.name)
        row = [contender.name, f"{contender.started:.2f} s", f"{idle[contender.name] / 1e6:.0f} MB"]
        if seen is not None:
            row += [f"{seen.bytes_per_stream / 1e3:.0f} kB", _ms(seen.p50), _ms(seen.p99)]
            row += [_ms(seen.p50 - direct.p50), _ms(seen.p99 - direct.p99), f"{seen.failed} {seen.error}".strip()]
        table.add_row(*row)
    console.print(table)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
