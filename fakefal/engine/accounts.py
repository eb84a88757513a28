"""The accounts of keys: the balance of each, and whether it is locked."""

from __future__ import annotations

from decimal import Decimal

from fakefal.core.errors import QueueError
from fakefal.state.clock import Clock
from fakefal.state.queue import QueueStore


class NoBalance(QueueError):
    """The balance of this account is unlimited, so it cannot be topped up."""

    def __init__(self) -> None:
        super().__init__("no balance is set, so no account runs out: start with --balance 10.00")


class Accounts:
    """Accounts that all start with the same balance.

    Args:
        start: dollars of each key at the start; None for unlimited balances.
        queue: charges jobs at their end.
        clock: tells which jobs are over.
    """

    def __init__(self, start: Decimal | None, queue: QueueStore, clock: Clock) -> None:
        self._start = start
        self._queue = queue
        self._clock = clock

    async def balance(self, key: str) -> Decimal | None:
        """The balance of a key in dollars, which can be below zero; None if it is unlimited."""
        if self._start is None:
            return None
        return self._start + await self._queue.credit(key, self._clock.now(key))

    async def is_locked(self, key: str) -> bool:
        """Whether the balance of a key is used up."""
        balance = await self.balance(key)
        return balance is not None and balance <= 0

    async def top_up(self, key: str | None, usd: Decimal) -> None:
        """Add to the balance of a key, or of all keys, until the next reset.

        Raises:
            NoBalance: the balance is unlimited.
        """
        if self._start is None:
            raise NoBalance
        await self._queue.top_up(key, usd)
