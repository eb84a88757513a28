"""Emulated time.  It runs with the wall clock, in seconds since 1970, until somebody moves it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the emulated time of a key, and how long to sleep until a moment of it."""

    def now(self, key: str) -> float:
        """The key's emulated time."""
        ...

    def sleep_seconds(self, key: str, moment: float) -> float:
        """Real seconds until the key's emulated time reaches `moment`, at least 0."""
        ...


class WallClock:
    """Emulated time that equals real time for every key."""

    def now(self, key: str) -> float:  # noqa: ARG002 - every key has the same time here
        """See `Clock.now`."""
        return time.time()

    def sleep_seconds(self, key: str, moment: float) -> float:
        """See `Clock.sleep_seconds`."""
        return max(0.0, moment - self.now(key))
