"""Emulated time.  There is a global clock that follows real time, and each key's clock follows that."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from typing_extensions import override

from fakefal.core.pace import STEADY, Pace

END_OF_TIME = 200_000_000_000.0
"""Year 8307: clocks stop here, since dates do a little later."""


class Clock(Protocol):
    """Tells the emulated time of a key, in seconds since 1970, and how long to sleep until a moment of it."""

    def now(self, key: str | None) -> float:
        """The key's emulated time, or the global clock's."""
        ...

    def sleep_seconds(self, key: str, moment: float) -> float:
        """Real seconds until the key's emulated time reaches `moment`: at least 0, infinite if it stands."""
        ...

    def speed(self, key: str | None) -> float:
        """How fast a key's clock runs against the global one, or the global one against real time."""
        ...

    async def refresh(self) -> None:
        """See what others did to the clocks."""
        ...

    async def move(self, key: str | None, *, advance: float = 0.0, speed: float | None = None) -> None:
        """Move the clock of a key, or the global one: forward by seconds, or to another speed; 0 freezes."""
        ...

    async def reset(self, key: str | None) -> None:
        """Let a key's clock keep step with the global one again; without a key, all with real time.

        A clock that was ahead stays ahead, since time never goes back; a key's that was behind catches up.
        """
        ...


class Clocks(Clock):
    """The clocks of one process.

    Args:
        wall: where real time comes from, in seconds since 1970.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall_clock = wall
        self._latest = 0.0
        self._global = STEADY
        self._keys: dict[str, Pace] = {}

    @override
    def now(self, key: str | None) -> float:
        shown = self._global.at(self._wall())
        return min(END_OF_TIME, shown if key is None else self._keys.get(key, STEADY).at(shown))

    @override
    def sleep_seconds(self, key: str, moment: float) -> float:
        if self.now(key) >= moment:
            return 0.0
        return max(0.0, self._global.when(self._keys.get(key, STEADY).when(moment)) - self._wall())

    @override
    def speed(self, key: str | None) -> float:
        return self._global.speed if key is None else self._keys.get(key, STEADY).speed

    async def refresh(self) -> None:
        """See what others did to the clocks."""

    @override
    async def move(self, key: str | None, *, advance: float = 0.0, speed: float | None = None) -> None:
        if key is None:
            self._global = self._global.moved(self._wall(), advance=advance, speed=speed)
        else:
            followed = self._global.at(self._wall())
            self._keys[key] = self._keys.get(key, STEADY).moved(followed, advance=advance, speed=speed)

    def _wall(self) -> float:
        """Real time, which stands while the machine's clock is set back."""
        self._latest = max(self._latest, self._wall_clock())
        return self._latest

    @override
    async def reset(self, key: str | None) -> None:
        if key is None:
            self._global = self._global.moved(self._wall(), speed=1.0)
        followed = self._global.at(self._wall())
        for one in (*self._keys,) if key is None else (key,):
            pace = self._keys.pop(one, STEADY).in_step(followed)
            if pace != STEADY:
                self._keys[one] = pace
