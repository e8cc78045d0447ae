"""What a process and its children use, as /proc tells it, and where they may run."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cores() -> tuple[set[int], set[int]]:
    """One core for what is measured, the next for all else; the same where there is only one."""
    able = sorted(os.sched_getaffinity(0))
    return {able[0]}, {able[1] if len(able) > 1 else able[0]}


def pinned(core: set[int]) -> Callable[[], None]:
    """For a new process: stay on this core, and open as many sockets as the system allows."""

    def settle() -> None:
        os.sched_setaffinity(0, core)
        more_files()

    return settle


def more_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))


def tree(pid: int) -> list[int]:
    """A process and all of its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for each in found:
        found.extend(parents.get(each, ()))
    return found


def _stat(pid: int) -> list[str]:
    """The fields behind the command's name (which may hold spaces): state, parent, ..."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu(pid: int) -> float:
    """User and system seconds of the tree so far, ended children included."""
    total = 0
    for each in tree(pid):
        if fields := _stat(each):
            total += sum(map(int, fields[11:15]))
    return total / _TICK


def idle_cpu(pid: int, quiet: float = 0.3, limit: float = 5.0) -> float:
    """The same, once the tree has used nothing for a while: what it still had to do counts."""
    deadline, seen = time.monotonic() + limit, cpu(pid)
    while time.monotonic() < deadline:
        time.sleep(quiet)
        if (now := cpu(pid)) - seen < 0.015:
            return now
        seen = now
    return seen


def memory(pid: int) -> int:
    """Resident bytes of the tree."""
    total = 0
    for each in tree(pid):
        try:
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * _PAGE
        except OSError:
            continue
    return total
