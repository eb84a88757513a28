"""Clocks as arithmetic: the speed of emulated time, and since when."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Maps the time of another clock to its own: `shown` at `since`, and from there at `speed`.

    Speed 1 runs at the same speed, 0 stands still. Neither an advance nor a new speed moves the clock back.
    """

    since: float = 0.0
    shown: float = 0.0
    speed: float = 1.0

    def at(self, followed: float) -> float:
        """The time of this clock when the other clock shows `followed`."""
        return self.shown + max(0.0, followed - self.since) * self.speed

    def when(self, moment: float) -> float:
        """The time of the other clock when this clock shows `moment`; infinite if it never does."""
        if moment <= self.shown:
            return self.since
        return self.since + (moment - self.shown) / self.speed if self.speed else math.inf

    def moved(self, followed: float, *, advance: float = 0.0, speed: float | None = None) -> Pace:
        """The same clock from now on, this number of seconds later or at another speed."""
        return Pace(followed, self.at(followed) + advance, self.speed if speed is None else speed)

    def in_step(self, followed: float) -> Pace:
        """The same clock at speed 1 from now on: a clock that is ahead stays ahead, one that is behind catches up."""
        shown = self.at(followed)
        return Pace(followed, shown) if shown > followed else STEADY


STEADY = Pace()
