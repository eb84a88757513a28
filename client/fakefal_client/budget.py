"""What may be spent, what was, and what may still be: reserved at submit, settled by the billed units."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Self

from fakefal_client.errors import Attempt, OverBudget, UnknownPrice

NOTHING = Decimal(0)
MOST_SETTLED = 10_000
"""How many settled jobs a ledger lists; its sums count all of them."""


class Money(StrEnum):
    """Where the money of a job is."""

    RESERVED = "reserved"
    """Nothing was sent yet."""
    PENDING = "pending"
    """The job was sent; what it is billed is known once its result is read."""
    SPENT = "spent"
    REFUNDED = "refunded"


@dataclass(frozen=True)
class Entry:
    """One job in the ledger: its money in US dollars, estimated until it is spent."""

    endpoint_id: str
    usd: Decimal
    money: Money
    request_id: str | None
    attempt: Attempt | None


class Budget:
    """A limit in US dollars and the ledger of what was spent; several clients may share one.

    Safe across threads and tasks.

    Args:
        usd: the limit; None only keeps the ledger.
    """

    def __init__(self, usd: Decimal | float | str | None = None) -> None:
        self.limit = None if usd is None else Decimal(str(usd))
        self._lock = threading.Lock()
        self._open: dict[int, Reservation] = {}
        self._settled: deque[Entry] = deque(maxlen=MOST_SETTLED)
        self._spent = NOTHING
        self._held = NOTHING
        self._count = 0

    @property
    def spent(self) -> Decimal:
        """What was billed."""
        return self._spent

    @property
    def pending(self) -> Decimal:
        """What may still be billed: reserved, or of jobs whose result was never read."""
        return self._held

    @property
    def left(self) -> Decimal | None:
        """What new calls may cost, or None without a limit."""
        with self._lock:
            return None if self.limit is None else self.limit - self._spent - self._held

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The ledger: what is settled, oldest first, and then what is not."""
        with self._lock:
            return (*self._settled, *(one.entry for one in self._open.values()))

    def reserve(self, endpoint_id: str, usd: Decimal | None) -> Reservation:
        """Put money aside for a job.

        Raises:
            OverBudget: there is not so much left.
            UnknownPrice: there is a limit, and nobody knows the price.
        """
        if usd is None and self.limit is not None:
            raise UnknownPrice(f"no contract knows the price of {endpoint_id}: say reserve_usd=, the most it may cost")
        wanted = usd or NOTHING
        with self._lock:
            if self.limit is not None and self._spent + self._held + wanted > self.limit:
                raise OverBudget(wanted, self.limit - self._spent - self._held, self.limit)
            self._count += 1
            self._held += wanted
            made = self._open[self._count] = Reservation(self, self._count, endpoint_id, wanted)
        return made

    def find(self, request_id: str) -> Reservation | None:
        """The unsettled reservation of a job."""
        with self._lock:
            return next((one for one in self._open.values() if one.request_id == request_id), None)

    def of(self, attempt: Attempt) -> Reservation | None:
        """The unsettled reservation of an attempt."""
        with self._lock:
            return next((one for one in self._open.values() if one.attempt is attempt), None)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def _close(self, number: int, money: Money, usd: Decimal) -> None:
        with self._lock:
            closed = self._open.pop(number, None)
            if closed is None:
                return
            self._held -= closed.usd
            self._spent += usd
            self._settled.append(Entry(closed.endpoint_id, usd, money, closed.request_id, None))


class Reservation:
    """Money put aside for one job.

    As a context manager it covers the sending: where that fails, what was never sent is refunded, and what
    was sent stays pending.
    """

    def __init__(self, budget: Budget, number: int, endpoint_id: str, usd: Decimal) -> None:
        self._budget, self._number = budget, number
        self.endpoint_id, self.usd = endpoint_id, usd
        self.attempt: Attempt | None = None
        self.request_id: str | None = None

    @property
    def entry(self) -> Entry:
        """How it stands in the ledger."""
        money = Money.RESERVED if self.attempt is None else Money.PENDING
        return Entry(self.endpoint_id, self.usd, money, self.request_id, self.attempt)

    def settle(self, usd: Decimal) -> None:
        """The job was billed; the first settlement counts."""
        self._budget._close(self._number, Money.SPENT, usd)  # noqa: SLF001 - two halves of one thing

    def refund(self) -> None:
        """The job was not accepted, or not billed."""
        self._budget._close(self._number, Money.REFUNDED, NOTHING)  # noqa: SLF001 - two halves of one thing

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self.attempt is None:
            self.refund()
