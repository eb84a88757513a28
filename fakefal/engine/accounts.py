"""The accounts of keys: how many dollars each has left, and whether that locks it."""

from __future__ import annotations

from decimal import Decimal

from fakefal.core.errors import QueueError
from fakefal.state.clock import Clock
from fakefal.state.queue import QueueStore


class NoBalance(QueueError):
    """An account that never runs out cannot be topped up."""

    def __init__(self) -> None:
        super().__init__("no balance is set, so no account runs out: start with --balance 10.00")


class Accounts:
    """Accounts that all begin with the same balance.

    Args:
        start: dollars of each key at first; None where no account runs out.
        queue: charges jobs at their end.
        clock: tells by when they are over.
    """

    def __init__(self, start: Decimal | None, queue: QueueStore, clock: Clock) -> None:
        self._start = start
        self._queue = queue
        self._clock = clock

    async def balance(self, key: str) -> Decimal | None:
        """How many dollars a key has left, below zero too; None where it never runs out."""
        if self._start is None:
            return None
        return self._start + await self._queue.credit(key, self._clock.now(key))

    async def is_locked(self, key: str) -> bool:
        """Whether a key has no dollar left."""
        if self._start is None:
            return False
        balance = await self.balance(key)
        return balance is not None and balance <= 0

    async def top_up(self, key: str | None, usd: Decimal) -> None:
        """Add to the balance of a key, or of all, until the next reset.

        Raises:
            NoBalance: there is nothing to add to.
        """
        if self._start is None:
            raise NoBalance
        await self._queue.top_up(key, usd)
