"""What there is to know when a call for a request arrives, before it is judged."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from typing_extensions import override

from fakefal.core.sealed import sealed
from fakefal.state.access import Access
from fakefal.state.bounded import MOST_KEYS, Bounded


@sealed
class Arrival:
    """Which call of its key it is, and which files that it names were removed or have expired."""

    number: int
    gone: frozenset[str]


class Arrivals(Protocol):
    """Takes calls in: where replicas share a store, all that must be asked there is asked at once."""

    async def arrive(self, key: str, paths: Collection[str]) -> Arrival:
        """Count a call of a key that names the files at these paths of the CDN.

        Raises:
            StoreUnavailable: it cannot be counted now.
        """
        ...

    async def reset(self, key: str | None) -> None:
        """Count the calls of a key, or of all, from the beginning."""
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
