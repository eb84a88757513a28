"""Clocks as arithmetic: how fast emulated time runs, and since when."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Maps the time of whoever this clock follows to its own: `shown` at `since`, then at `speed`.

    Speed 1 keeps step, 0 stands still.  Neither advancing nor a new speed ever turns a clock back.
    """

    since: float = 0.0
    shown: float = 0.0
    speed: float = 1.0

    def at(self, followed: float) -> float:
        """The time it shows when the followed clock shows `followed`."""
        return self.shown + max(0.0, followed - self.since) * self.speed

    def when(self, moment: float) -> float:
        """What the followed clock will show when this one shows `moment`; infinite if it never does."""
        if moment <= self.shown:
            return self.since
        return self.since + (moment - self.shown) / self.speed if self.speed else math.inf

    def moved(self, followed: float, *, advance: float = 0.0, speed: float | None = None) -> Pace:
        """The same clock from now on: so many seconds later, or at another speed."""
        return Pace(followed, self.at(followed) + advance, self.speed if speed is None else speed)

    def in_step(self, followed: float) -> Pace:
        """The same clock, keeping step from now on: ahead it stays ahead, behind it catches up."""
        shown = self.at(followed)
        return Pace(followed, shown) if shown > followed else STEADY


STEADY = Pace()
