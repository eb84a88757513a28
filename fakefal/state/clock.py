"""Emulated time: a global clock follows real time, and the clock of each key follows the global clock."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Protocol

from typing_extensions import override

from fakefal.core.pace import STEADY, Pace
from fakefal.state.bounded import MOST_KEYS, Bounded

END_OF_TIME = 200_000_000_000.0
"""Year 8307: clocks stop here, shortly before the last possible date."""


STEP_SECONDS = 0.1
"""A larger difference means that the machine's clock was set; smaller ones are drift."""

MOST_STEPS = 1000
"""How many steps are remembered; a frozen clock makes one every `STEP_SECONDS`."""


def wall_time() -> float:
    """The time of the machine's clock in seconds since 1970; it can be set, and tests can freeze it."""
    return time.time()


def steady_time(ticks: Callable[[], float] = time.perf_counter) -> Callable[[], float]:
    """A clock that starts at the machine's time, and then cannot be set, frozen or turned back.

    Freezegun replaces functions by their names and time-machine `time.monotonic` in place: neither reaches a
    `perf_counter` that was bound before.
    """
    ahead = wall_time() - ticks()
    return lambda: ticks() + ahead


class Clock(Protocol):
    """The emulated time of a key, in seconds since 1970, and how long to sleep until a given time."""

    def now(self, key: str | None) -> float:
        """The key's emulated time, or the global clock's."""
        ...

    def sleep_seconds(self, key: str, moment: float) -> float:
        """Real seconds until the key's emulated time reaches `moment`: at least 0, infinite if the clock is frozen."""
        ...

    def shown(self, moment: float) -> float:
        """The time that answers show for an emulated time; it follows a machine clock that was set or frozen."""
        ...

    async def read(self, key: str | None) -> tuple[float, float]:
        """The time of the clock of a key, or of the global clock, and its speed relative to the clock that it follows.

        Changes by other replicas are included.
        """
        ...

    async def move(self, key: str | None, *, advance: float = 0.0, speed: float | None = None) -> None:
        """Move the clock of a key, or the global one: forward by seconds, or to another speed; 0 freezes."""
        ...

    async def reset(self, key: str | None) -> None:
        """Let the clock of a key follow the global clock again; without a key, all clocks real time.

        A clock that was ahead stays ahead, since time never goes back; a key's that was behind catches up.
        """
        ...


@dataclass
class Paces:
    """How the global clock follows real time, and how changed clocks of keys follow the global clock."""

    everyone: Pace = STEADY
    keys: MutableMapping[str, Pace] = field(default_factory=dict)

    def of(self, key: str | None) -> Pace:
        """How a clock follows the clock above it."""
        return self.everyone if key is None else self.keys.get(key, STEADY)

    def now(self, key: str | None, real: float) -> float:
        """The time of a clock at a given real time."""
        shown = real if self.everyone is STEADY else self.everyone.at(real)
        own = None if key is None else self.keys.get(key)
        return min(END_OF_TIME, shown if own is None else own.at(shown))

    def sleep_seconds(self, key: str, moment: float, real: float) -> float:
        """Real seconds until a clock reaches `moment`."""
        if self.now(key, real) >= moment:
            return 0.0
        return max(0.0, self.everyone.when(self.of(key).when(moment)) - real)


class MemoryClock(Clock):
    """The clocks of one process.

    Args:
        real: the source of real time, in seconds since 1970; by default one that ignores changes of the machine's
            clock.
        wall: the machine's clock, which shown times follow; default: `real` if that is given.
    """

    def __init__(self, real: Callable[[], float] | None = None, wall: Callable[[], float] | None = None) -> None:
        self._steady = real or steady_time()
        self._wall = wall or real or wall_time
        self._latest = 0.0
        self._paces = Paces(keys=Bounded(MOST_KEYS))
        self._steps: list[tuple[float, float]] = [(0.0, 0.0)]
        """The steps of the machine's clock relative to real time."""

    @override
    def now(self, key: str | None) -> float:
        return self._paces.now(key, self._real())

    @override
    def sleep_seconds(self, key: str, moment: float) -> float:
        return self._paces.sleep_seconds(key, moment, self._real())

    @override
    def shown(self, moment: float) -> float:
        began, ahead = self._steps[-1]
        if moment < began:
            ahead = self._steps[max(0, bisect_right(self._steps, moment, key=lambda step: step[0]) - 1)][1]
        return min(END_OF_TIME, moment + ahead)

    @override
    async def read(self, key: str | None) -> tuple[float, float]:
        return self.now(key), self._paces.of(key).speed

    @override
    async def move(self, key: str | None, *, advance: float = 0.0, speed: float | None = None) -> None:
        real = self._real()
        if key is None:
            self._paces.everyone = self._paces.everyone.moved(real, advance=advance, speed=speed)
        else:
            followed = self._paces.everyone.at(real)
            self._paces.keys[key] = self._paces.of(key).moved(followed, advance=advance, speed=speed)

    @override
    async def reset(self, key: str | None) -> None:
        paces, real = self._paces, self._real()
        if key is None:
            paces.everyone = paces.everyone.moved(real, speed=1.0)
        followed = paces.everyone.at(real)
        for one in (*paces.keys,) if key is None else (key,):
            pace = paces.keys.pop(one, STEADY).in_step(followed)
            if pace != STEADY:
                paces.keys[one] = pace

    def _real(self) -> float:
        """Real time, which never goes back."""
        if (steady := self._steady()) > self._latest:
            self._latest = steady
        ahead = self._wall() - self._latest
        if not -STEP_SECONDS <= ahead - self._steps[-1][1] <= STEP_SECONDS:
            self._steps = [*self._steps[1 - MOST_STEPS :], (self._latest, ahead)]
        return self._latest
