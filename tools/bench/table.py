"""Rows of the benchmark: the measurement, the reference, the goal and the result."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal


class NotInstalled(Exception):
    """A row's requirement is not on this machine; the message says how to get it."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """The size of the measurements.

    `rounds` alternating runs, each of `seconds` under load from `connections`, after `warm_calls` (V8 and the JVM need
    so many to compile everything); `stored` requests for the memory of one, `few` and `many` for the status call; and
    the numbers of `streams`, `jobs` and quick `repeats`.
    """

    rounds: int = 5
    seconds: float = 3.0
    warm_calls: int = 20_000
    connections: int = 16
    stored: int = 100_000
    few: int = 1_000
    many: int = 1_000_000
    streams: int = 2_000
    jobs: int = 1_000
    repeats: int = 200


FULL = Size()
TINY = Size(
    rounds=1,
    seconds=0.2,
    warm_calls=1,
    connections=2,
    stored=200,
    few=10,
    many=100,
    streams=10,
    jobs=10,
    repeats=3,
)


@dataclass(frozen=True)
class Goal:
    """The target range of a value; without a bound the row only reports."""

    bound: float | None = None
    kind: Literal["at least", "at most"] = "at most"
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.bound:g}{self.unit}" if self.bound is not None else ""

    def met(self, value: float) -> bool | None:
        """Whether a value reaches it; None without a bound."""
        if self.bound is None:
            return None
        return value >= self.bound if self.kind == "at least" else value <= self.bound


@dataclass(frozen=True)
class Measured:
    """The result of a measurement: the value that the goal is about, and its parts.

    `ours` and `theirs` are medians in words; `values` are the values of the single rounds.
    """

    value: float
    ours: str
    theirs: str = ""
    values: tuple[float, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    what: str
    against: str
    goal: Goal
    measure: Callable[[Size], Measured]


@dataclass
class RowOutcome:
    """A row with its result, or the reason why there is none: something is not installed, or the measurement failed."""

    row: Row
    found: Measured | None = None
    missing: str = ""
    failed: str = ""
    met: bool | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Compare with the goal."""
        if self.found is not None:
            self.met = self.row.goal.met(self.found.value)

    def as_dict(self) -> dict[str, Any]:
        """The outcome as plain JSON values."""
        found = self.found
        return {
            "name": self.row.name,
            "what": self.row.what,
            "against": self.row.against,
            "goal": str(self.row.goal),
            "value": found and round(found.value, 4),
            "unit": self.row.goal.unit.strip(),
            "met": self.met,
            "ours": found and found.ours,
            "theirs": found and found.theirs,
            "rounds": found and [round(one, 4) for one in found.values],
            "note": found.note if found else "",
            "missing": self.missing,
            "failed": self.failed,
        }


def alternating(
    rounds: int, ours: Callable[[], float], theirs: Callable[[], float]
) -> tuple[float, float, tuple[float, ...]]:
    """Measure both sides in turn, each round in the other order, and compare within each round.

    Returns the median of ours, the median of theirs, and the ratio of ours to theirs in every round.
    """
    pairs: list[tuple[float, float]] = []
    for number in range(rounds):
        if number % 2:
            other = theirs()
            pairs.append((ours(), other))
        else:
            pairs.append((ours(), theirs()))
    mine, others = zip(*pairs, strict=True)
    return statistics.median(mine), statistics.median(others), tuple(one / two for one, two in pairs)
