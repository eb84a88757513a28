"""Calls that must not happen twice: what an ``Idempotency-Key`` is for."""

from __future__ import annotations

from typing import Protocol

from typing_extensions import override

from fakefal.state.clock import Clock

REMEMBERED_SECONDS = 600.0
"""How long fal remembers such a key (Platform API, August 2026)."""
MOST = 10_000


class Once(Protocol):
    """Remembers which calls were made, each for ten minutes of its key's emulated time."""

    async def first(self, key: str, call: str) -> bool:
        """Whether this call of a key was not made in the last ten minutes; from now on it was.

        Raises:
            StoreUnavailable: nobody can say now.
        """
        ...

    async def reset(self, key: str | None) -> None:
        """Forget the calls of a key, or all."""
        ...


class MemoryOnce(Once):
    """A `Once` in this process, which a restart forgets.

    Args:
        clock: tells the emulated time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: dict[tuple[str, str], float] = {}

    @override
    async def first(self, key: str, call: str) -> bool:
        now = self._clock.now(key)
        before = self._made.get((key, call))
        if before is not None and now - before < REMEMBERED_SECONDS:
            return False
        self._made.pop((key, call), None)
        self._made[key, call] = now
        if len(self._made) > MOST:
            del self._made[next(iter(self._made))]
        return True

    @override
    async def reset(self, key: str | None) -> None:
        self._made = {made: at for made, at in self._made.items() if key not in (None, made[0])}
