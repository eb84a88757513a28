"""One request as its line knows it: where it stands, what happened to it, when its run ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fakefal.core.lifecycle import State
from fakefal.core.plan import Cut, Marks, Plan, moment_of

Place = int
"""Where a request stands: in the order of arrival, low priority after normal."""

LOW = 1 << 62
"""What low priority adds to a place: more than ever arrive."""

UNTOUCHED = Marks()


@dataclass(slots=True)
class LineEntry:
    """What the line knows of one request.

    `start_by` is the moment that its caller set for every start; `credit` are seconds it was advanced
    before it started.  `about` is what its store keeps with it: one search finds both.
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
        """Where it stands in the line."""
        return self.order + LOW if self.low else self.order

    @property
    def state(self) -> State:
        """What the status call shows."""
        if self.marks.ended_at is not None:
            return State.COMPLETED
        return State.IN_QUEUE if self.marks.started_at is None else State.IN_PROGRESS

    @property
    def poll_driven(self) -> bool:
        """Whether status reads move it, and not time."""
        return self.plan is not None and self.plan.polls is not None

    def end_of_run(self) -> tuple[float, Cut | None]:
        """When its run ends: as planned, or cut where a further attempt would begin too late."""
        assert self.plan is not None
        for offset in self.plan.retries if self.start_by is not None else ():
            assert self.start_by is not None
            if (moment := moment_of(self.marks, offset)) > self.start_by:
                return moment, Cut.TIMED_OUT
        return moment_of(self.marks, self.plan.run_seconds), None
