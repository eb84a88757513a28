"""Remembers values of ``Idempotency-Key``."""

from __future__ import annotations

from typing import Protocol

from typing_extensions import override

from fakefal.state.bounded import Bounded
from fakefal.state.clock import Clock

REMEMBERED_SECONDS = 600.0
"""How long fal remembers such a key (Platform API, August 2026)."""
MOST = 10_000


class Once(Protocol):
    """Remembers calls for ten minutes of emulated time of their key."""

    async def first(self, key: str, call: str) -> bool:
        """Whether this call of a key is new in the last ten minutes; remembers it.

        Raises:
            StoreUnavailable: the store cannot be reached.
        """
        ...

    async def reset(self, key: str | None) -> None:
        """Forget the calls of a key, or all."""
        ...


class MemoryOnce(Once):
    """Calls of this process; a restart loses them.

    Args:
        clock: tells the emulated time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: Bounded[tuple[str, str], float] = Bounded(MOST)

    @override
    async def first(self, key: str, call: str) -> bool:
        now = self._clock.now(key)
        before = self._made.get((key, call))
        if before is not None and now - before < REMEMBERED_SECONDS:
            return False
        self._made.renew((key, call), now)
        return True

    @override
    async def reset(self, key: str | None) -> None:
        for made in [one for one in self._made if key in (None, one[0])]:
            del self._made[made]
