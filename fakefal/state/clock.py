"""Emulated time.  There is a global clock that follows real time, and each key's clock follows that."""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
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

    async def read(self, key: str | None) -> tuple[float, float]:
        """The time of a key's clock or of the global one, and its speed against the clock that it follows.

        What other replicas did to the clocks until now counts.
        """
        ...

    async def move(self, key: str | None, *, advance: float = 0.0, speed: float | None = None) -> None:
        """Move the clock of a key, or the global one: forward by seconds, or to another speed; 0 freezes."""
        ...

    async def reset(self, key: str | None) -> None:
        """Let a key's clock keep step with the global one again; without a key, all with real time.

        A clock that was ahead stays ahead, since time never goes back; a key's that was behind catches up.
        """
        ...


@dataclass
class Paces:
    """How the global clock follows real time, and how those keys' clocks follow it that do not keep step."""

    everyone: Pace = STEADY
    keys: MutableMapping[str, Pace] = field(default_factory=dict)

    def of(self, key: str | None) -> Pace:
        """How a clock follows the one above it."""
        return self.everyone if key is None else self.keys.get(key, STEADY)

    def now(self, key: str | None, real: float) -> float:
        """What a clock shows at a moment of real time."""
        shown = self.everyone.at(real)
        return min(END_OF_TIME, shown if key is None else self.of(key).at(shown))

    def sleep_seconds(self, key: str, moment: float, real: float) -> float:
        """Real seconds until a clock shows `moment`."""
        if self.now(key, real) >= moment:
            return 0.0
        return max(0.0, self.everyone.when(self.of(key).when(moment)) - real)


class MemoryClock(Clock):
    """The clocks of one process.

    Args:
        wall: where real time comes from, in seconds since 1970.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._latest = 0.0
        self._paces = Paces()

    @override
    def now(self, key: str | None) -> float:
        return self._paces.now(key, self._real())

    @override
    def sleep_seconds(self, key: str, moment: float) -> float:
        return self._paces.sleep_seconds(key, moment, self._real())

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
        """Real time, which stands while the machine's clock is set back."""
        self._latest = max(self._latest, self._wall())
        return self._latest
