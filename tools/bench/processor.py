"""The processor time of processes, as Linux counts it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

NANOSECONDS = 1e9


def family(pid: int) -> Iterator[int]:
    """A process and all processes below it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text("ascii").split():
            yield from family(int(child))


def processor_seconds(pid: int) -> float:
    """The processor time of a process and its children, including threads and children that have ended."""
    return sum(_ticks(one) for one in family(pid)) / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def wanted_seconds(pid: int) -> float:
    """How long its threads have run, or could have run and waited for a processor: everything except sleep."""
    found = 0
    for one in family(pid):
        for task in Path(f"/proc/{one}/task").iterdir():
            ran, waited, _ = (task / "schedstat").read_text("ascii").split()
            found += int(ran) + int(waited)
    return found / NANOSECONDS
