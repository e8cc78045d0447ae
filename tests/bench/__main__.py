"""`python -m tests.bench`: the gateway beside a bare passthrough, on loopback, one pinned core; a few minutes at most."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import uvloop
from rich.console import Console

from . import contenders as make
from . import latency, measure, report
from .contenders import Contender
from .processes import cores, memory, more_files


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="half of the requests, five rounds instead of nine")
    parser.add_argument("--bare-only", action="store_true", help="without the gateway")
    parser.add_argument("--litellm", action="store_true", help="LiteLLM's proxy as well, installed from PyPI")
    parser.add_argument("--only", help="only workloads whose name holds this; one is `latency`")
    parser.add_argument("--streams", type=int, default=1000, help="streams open at once; 0 leaves that part out")
    parser.add_argument("--rounds", type=int, default=0)
    given = parser.parse_args()
    more_files()
    _, other = cores()
    os.sched_setaffinity(0, other)
    with tempfile.TemporaryDirectory(prefix="pisces-bench-") as folder, ExitStack() as running:
        uvloop.run(_run(given, Path(folder), running))


async def _run(given: argparse.Namespace, folder: Path, running: ExitStack) -> None:
    console = Console(width=150)
    upstream, port = make.upstream(folder)
    running.callback(make.stop, upstream)
    contenders = _contenders(given, folder, port, running)
    idle = {contender.name: memory(contender.process.pid) for contender in contenders}
    works = [work for work in measure.workloads(0.5 if given.quick else 1.0) if not given.only or given.only in work.name]
    costs = {}
    for work in works:
        costs[work.name] = await measure.costs(contenders, work, given.rounds or (5 if given.quick else 9))
        console.print(f"[dim]{work.name}: {_line(costs[work.name])}[/dim]", highlight=False)
    if works:
        report.cpu(works, costs, [contender.name for contender in contenders], console)
    if not given.only or given.only in latency.NAME:
        rounds, seconds = (3, 3.0) if given.quick else (5, 6.0)
        report.half_load(await latency.half_load(contenders, (upstream.pid, port), given.rounds or rounds, seconds), console)
    if given.streams:
        direct = await measure.crowd(port, "", None, given.streams)
        crowds = {each.name: await measure.crowd(each.port, each.key, each.process.pid, given.streams) for each in contenders}
        report.rest(contenders, idle, crowds, direct, console)


def _contenders(given: argparse.Namespace, folder: Path, port: int, running: ExitStack) -> Sequence[Contender]:
    found = [make.bare(folder, port)]
    running.callback(make.stop, found[-1].process)
    if not given.bare_only:
        for paid in (False, True):
            found.append(make.pisces(folder, port, paid))
            running.callback(make.stop, found[-1].process)
    if given.litellm:
        found.append(make.litellm(folder, port, Path(tempfile.gettempdir()) / "pisces-bench-litellm"))
        running.callback(make.stop, found[-1].process)
    return found


def _line(costs: dict[str, measure.Cost]) -> str:
    shown = {name: " ".join(f"{run:.1f}" for run in cost.runs) for name, cost in costs.items()}
    return "; ".join(f"{name} {cost.micros:.1f} ({shown[name]})" for name, cost in costs.items())


if __name__ == "__main__":
    main()
