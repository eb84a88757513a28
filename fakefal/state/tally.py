"""Counters since the start; they never fall, even if requests are evicted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from typing_extensions import override

from fakefal.core.webhook import DeliveryAttempt
from fakefal.state.account import JobAccount
from fakefal.state.requests import Snapshot

Stored = Callable[[], Awaitable[Iterable[Snapshot]]]


@dataclass
class Counts:
    """Counts of requests by endpoint, of webhooks' tries by whether they went well, and of calls by part and status."""

    accepted: Counter[str] = field(default_factory=Counter)
    ended: Counter[tuple[str, int]] = field(default_factory=Counter)
    usd: dict[str, Decimal] = field(default_factory=dict)
    tries: Counter[bool] = field(default_factory=Counter)
    calls: Counter[tuple[str, int]] = field(default_factory=Counter)


class Tally(Protocol):
    """Counts attempts of webhooks, and calls; the store counts requests."""

    def tried(self, attempt: DeliveryAttempt) -> None:
        """Count an attempt of a webhook."""
        ...

    def called(self, part: str, status: int) -> None:
        """Count a call; status 0 means no answer."""
        ...

    async def counts(self) -> Counts:
        """All counts, including requests.

        Raises:
            StoreUnavailable: the store cannot be reached.
        """
        ...

    async def account(self, stored: Stored) -> JobAccount:
        """The totals of jobs; `stored` returns the stored jobs of all keys or of one, oldest first.

        The totals include evicted jobs, unless replicas share the store.
        """
        ...


class MemoryTally(Tally):
    """The counts of this process.

    Args:
        account: where its store counts requests.
    """

    def __init__(self, account: JobAccount) -> None:
        self._account = account
        self._counts = Counts(account.accepted, account.ended, account.usd)

    @override
    def tried(self, attempt: DeliveryAttempt) -> None:
        self._counts.tries[attempt.acknowledged] += 1

    @override
    def called(self, part: str, status: int) -> None:
        self._counts.calls[part, status] += 1

    @override
    async def counts(self) -> Counts:
        return self._counts

    @override
    async def account(self, stored: Stored) -> JobAccount:
        return self._account
