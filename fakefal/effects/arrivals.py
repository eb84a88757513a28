"""What there is to know when a call for a request arrives, before it is judged."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fakefal.effects.rules import Effects
from fakefal.state.access import Access


@dataclass(frozen=True, slots=True)
class Arrival:
    """Which call of its key it is, and which files that it names were removed or have expired."""

    number: int
    gone: frozenset[str]


class Arrivals:
    """Takes calls in: where replicas share a store, all that must be asked there is asked at once.

    Args:
        effects: counts the calls of keys.
        access: knows which files are gone.
    """

    def __init__(self, effects: Effects, access: Access) -> None:
        self._effects = effects
        self._access = access

    async def arrive(self, key: str, paths: Collection[str]) -> Arrival:
        """Count a call of a key that names the files at these paths of the CDN.

        Raises:
            StoreUnavailable: it cannot be counted now.
        """
        return Arrival(self._effects.count(key), await self._access.gone(paths))
