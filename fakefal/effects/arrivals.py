"""What the emulator must know about a submit before it judges it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from typing_extensions import override

from fakefal.core.sealed import sealed
from fakefal.state.access import Access
from fakefal.state.bounded import MOST_KEYS, Bounded


@sealed
class Arrival:
    """The number of the call of its key, and the removed or expired files among its media."""

    number: int
    gone: frozenset[str]


class Arrivals(Protocol):
    """Counts calls.  With a shared store, one round trip reads everything that is needed."""

    async def arrive(self, key: str, paths: Collection[str]) -> Arrival:
        """Count a call of a key, which names the files at these CDN paths.

        Raises:
            StoreUnavailable: it cannot be counted now.
        """
        ...

    async def reset(self, key: str | None) -> None:
        """Restart the count of calls of a key, or of all keys."""
        ...


class MemoryArrivals(Arrivals):
    """Counts in this process.

    Args:
        access: knows which files are gone.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._calls: Bounded[str, int] = Bounded(MOST_KEYS)

    @override
    async def arrive(self, key: str, paths: Collection[str]) -> Arrival:
        self._calls.renew(key, self._calls.get(key, 0) + 1)
        return Arrival(self._calls[key], await self._access.gone(paths))

    @override
    async def reset(self, key: str | None) -> None:
        for one in tuple(self._calls) if key is None else (key,):
            self._calls.pop(one, None)
