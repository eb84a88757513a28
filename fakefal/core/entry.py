"""One request as its line knows it: its state, its position and when its run ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fakefal.core.lifecycle import State
from fakefal.core.plan import Cut, Marks, Plan, moment_of

Place = int
"""The place of a request in the line: order of arrival, low priority after normal."""

LOW = 1 << 62
"""Added to the place of a low-priority request; larger than any number of arrivals."""

UNTOUCHED = Marks()


@dataclass(slots=True)
class LineEntry:
    """What the line knows of one request.

    `start_by` is the moment that the caller's timeout sets for every start. `credit` is the number of seconds by which
    the request was advanced before it started. `about` is what the store keeps with the request, so that one lookup
    finds both.
    """

    id: str
    order: int
    low: bool
    plan: Plan | None
    ready_at: float
    start_by: float | None = None
    marks: Marks = UNTOUCHED
    credit: float = 0.0
    extra: bool = False
    ready: bool = False
    reads: int = 0
    about: Any = None

    @property
    def place(self) -> Place:
        """Its place in the line."""
        return self.order + LOW if self.low else self.order

    @property
    def state(self) -> State:
        """The state that the status call shows."""
        if self.marks.ended_at is not None:
            return State.COMPLETED
        return State.IN_QUEUE if self.marks.started_at is None else State.IN_PROGRESS

    @property
    def poll_driven(self) -> bool:
        """Whether status reads move it, instead of time."""
        return self.plan is not None and self.plan.polls is not None

    def end_of_run(self) -> tuple[float, Cut | None]:
        """When its run ends: as planned, or cut short if a further attempt would begin too late."""
        assert self.plan is not None
        for offset in self.plan.retries if self.start_by is not None else ():
            assert self.start_by is not None
            if (moment := moment_of(self.marks, offset)) > self.start_by:
                return moment, Cut.TIMED_OUT
        return moment_of(self.marks, self.plan.run_seconds), None
