"""What the work on a shard takes of a worker: processor time, time on the wall, memory. Never part of a digest."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.ledger import Cost


def core_seconds() -> float:
    """Processor time of this process, of its finished children, and of the living ones with theirs (the sandbox)."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages) + _of_children()


def _of_children() -> float:
    ticks = 0
    for child in _children():
        try:
            stat = Path(f"/proc/{child}/stat").read_text()
        except OSError:  # gone in between
            continue
        # Fields 14 to 17 of proc(5), counted after the parenthesised name: utime, stime, cutime, cstime.
        ticks += sum(int(field) for field in stat.rpartition(")")[2].split()[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _children() -> Iterator[str]:
    """Process ids of the living children; none where the system does not tell."""
    for listed in Path("/proc/self/task").glob("*/children"):
        yield from listed.read_text().split()


class Meter:
    """Runs from when it is made; `cost` tells what has been taken since. One at a time in a process."""

    def __init__(self) -> None:
        for process in ("self", *_children()):
            _forget_peak(process)
        self._started = time.time()
        self._wall = time.perf_counter()
        self._core = core_seconds()

    def cost(self) -> Cost:
        """What was taken up to now.

        `peak_memory` adds up the largest resident sets of this process and of its living children: the sandbox, but
        not the parsers that come and go in it, each of which `extract.page_memory` bounds. Where a system does not let
        a process begin a new peak (only Linux does), it is the largest since the process began.
        """
        peaks = [_peak(child) for child in _children()]
        return Cost(
            core_seconds=round(core_seconds() - self._core, 3),
            wall_seconds=round(time.perf_counter() - self._wall, 3),
            host=platform.node(),
            started=round(self._started, 3),
            peak_memory=(_peak("self") or _peak_of_life()) + sum(peaks),
        )


def _forget_peak(process: str) -> None:
    """Let the largest resident set of a process be the present one: proc_pid_clear_refs(5)."""
    try:
        with open(f"/proc/{process}/clear_refs", "w") as file:
            file.write("5")
    except OSError:  # not Linux, not allowed, or gone in between
        return


def _peak(process: str) -> int:
    """Bytes of the largest resident set since it was last forgotten; 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    found = next((line for line in lines if line.startswith("VmHWM:")), None)
    return int(found.split()[1]) << 10 if found else 0


def _peak_of_life() -> int:
    unit = 1 if sys.platform == "darwin" else 1 << 10  # getrusage(2): bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
