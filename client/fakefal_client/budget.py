"""A budget: money is reserved at submit, and settled by the billed units."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Self

from fakefal_client.errors import Attempt, OverBudget, UnknownPrice, UsageError

NOTHING = Decimal(0)
MOST_SETTLED = 10_000
"""How many settled jobs a ledger keeps; its totals count all."""


def amount(usd: Decimal | float | str) -> Decimal:
    """An exact amount in US dollars.

    Raises:
        UsageError: it is not a number, or negative.
    """
    try:
        exact = Decimal(str(usd))
    except InvalidOperation:
        exact = Decimal("NaN")
    if not exact.is_finite() or exact < 0:
        raise UsageError(f"{usd!r} is not an amount of US dollars")
    return exact


class Money(StrEnum):
    """Whether the money of a job is reserved, pending, spent or refunded."""

    RESERVED = "reserved"
    """The job was not sent yet."""
    PENDING = "pending"
    """The job was sent; the bill is known when its result is read."""
    SPENT = "spent"
    REFUNDED = "refunded"


@dataclass(frozen=True)
class BudgetEntry:
    """One job in the ledger.  `usd` is its cost in US dollars: an estimate until it is spent, None if unknown."""

    endpoint_id: str
    usd: Decimal | None
    money: Money
    request_id: str | None
    attempt: Attempt | None


class Budget:
    """A limit in US dollars and the ledger of what was spent; several clients may share one.

    Safe across threads and tasks.

    Args:
        usd: the limit; None sets no limit and keeps the ledger.
    """

    def __init__(self, usd: Decimal | float | str | None = None) -> None:
        self.limit = None if usd is None else amount(usd)
        self._ids: dict[str, str] = {}
        self._lock = threading.RLock()
        self._open: dict[int, Reservation] = {}
        self._unlisted: dict[str, Reservation] = {}
        self._settled: deque[BudgetEntry] = deque(maxlen=MOST_SETTLED)
        self._spent = NOTHING
        self._held = NOTHING
        self._count = 0

    @property
    def spent(self) -> Decimal:
        """US dollars that were billed."""
        return self._spent

    @property
    def pending(self) -> Decimal:
        """US dollars that may still be billed: reserved money, and jobs whose result was not read."""
        return self._held

    @property
    def left(self) -> Decimal | None:
        """US dollars that further calls may cost; None without a limit."""
        with self._lock:
            return None if self.limit is None else self.limit - self._spent - self._held

    @property
    def entries(self) -> tuple[BudgetEntry, ...]:
        """The ledger: settled jobs, oldest first, then jobs that are not settled."""
        with self._lock:
            return (*self._settled, *(one.entry for one in self._open.values()))

    def reserve(
        self, endpoint_id: str, usd: Decimal | None, unit_usd: Decimal | None = None, unmeasured: str = ""
    ) -> Reservation:
        """Reserve money for a job.

        Args:
            endpoint_id: the endpoint.
            usd: the most that it may cost, in US dollars; None if unknown.
            unit_usd: the price of one unit.
            unmeasured: the argument whose file decides the price, if the file was not read.

        Raises:
            OverBudget: less than that is left.
            UnknownPrice: there is a limit, and the price is unknown.
        """
        if usd is None and self.limit is not None:
            why = f"no contract knows the price of {endpoint_id}:"
            if unmeasured:
                why = f"the price of {endpoint_id} depends on {unmeasured}, which was not read: send a local file, or"
            raise UnknownPrice(f"{why} give reserve_usd=, the most it may cost")
        wanted = usd or NOTHING
        with self._lock:
            if self.limit is not None and self._spent + self._held + wanted > self.limit:
                raise OverBudget(wanted, self.limit - self._spent - self._held, self.limit)
            self._count += 1
            self._held += wanted
            made = self._open[self._count] = Reservation(self, self._count, endpoint_id, wanted, unit_usd)
        return made

    def find(self, request_id: str) -> Reservation | None:
        """The unsettled reservation of a job."""
        with self._lock:
            return next((one for one in self._open.values() if one.request_id == request_id), None)

    def claim(self, request_id: str, attempt: Attempt) -> bool:
        """Link a listed job to an attempt, unless it belongs to another one.

        If its money was refunded because the job was not listed, it is reserved again, even above the limit.
        """
        with self._lock:
            if self._ids.setdefault(request_id, attempt.token) != attempt.token:
                return False
            _keep_newest(self._ids)
            reservation = self._of(attempt)
            if reservation is None and (reservation := self._unlisted.pop(attempt.token, None)) is not None:
                reservation.money = None
                self._open[reservation.number] = reservation
                self._held += reservation.usd
            if reservation is not None:
                reservation.request_id = request_id
            return True

    def give_up(self, attempt: Attempt) -> str | None:
        """Refund an attempt whose job is not listed.  If the job is known by now, return it and refund nothing."""
        with self._lock:
            known = self.id_of(attempt)
            if known is None and (reservation := self._of(attempt)) is not None:
                reservation.refund()
            return known

    def remember(self, request_id: str, attempt: Attempt) -> None:
        """Remember which job belongs to this attempt, also after its money is settled."""
        with self._lock:
            self._ids[request_id] = attempt.token
            _keep_newest(self._ids)

    def id_of(self, attempt: Attempt) -> str | None:
        """The job of an attempt, if it is known."""
        with self._lock:
            return next((found for found, token in self._ids.items() if token == attempt.token), None)

    def knows(self, request_id: str) -> bool:
        """Whether it is known which call made this job."""
        with self._lock:
            return request_id in self._ids

    def __iter__(self) -> Iterator[BudgetEntry]:
        return iter(self.entries)

    def _of(self, attempt: Attempt) -> Reservation | None:
        """The unsettled reservation of an attempt."""
        found = (one for one in self._open.values() if one.attempt and one.attempt.token == attempt.token)
        return next(found, None)

    def _close(self, closed: Reservation, money: Money, usd: Decimal | None) -> None:
        """Settle a reservation.  Only the first settlement counts, but a bill can follow a refund."""
        with self._lock:
            if closed.money is Money.SPENT or (closed.money is Money.REFUNDED and not usd):
                return
            if self._open.pop(closed.number, None) is not None:
                self._held -= closed.usd
            if money is Money.REFUNDED and closed.attempt is not None and closed.request_id is None:
                self._unlisted[closed.attempt.token] = closed
                _keep_newest(self._unlisted)
            closed.money = money
            self._spent += usd or NOTHING
            self._settled.append(BudgetEntry(closed.endpoint_id, usd, money, closed.request_id, None))


def _keep_newest(kept: dict[str, Any]) -> None:
    while len(kept) > MOST_SETTLED:
        del kept[next(iter(kept))]


class Reservation:
    """Money reserved for one job.

    Use it as a context manager while sending.  If sending fails, the money is refunded if nothing was sent, and stays
    pending otherwise.
    """

    def __init__(self, budget: Budget, number: int, endpoint_id: str, usd: Decimal, unit_usd: Decimal | None) -> None:
        self._budget = budget
        self.number, self.endpoint_id, self.usd, self.unit_usd = number, endpoint_id, usd, unit_usd
        self.money: Money | None = None
        self.attempt: Attempt | None = None
        self.request_id: str | None = None

    @property
    def entry(self) -> BudgetEntry:
        """Its entry in the ledger."""
        money = Money.RESERVED if self.attempt is None else Money.PENDING
        return BudgetEntry(self.endpoint_id, self.usd, money, self.request_id, self.attempt)

    def accept(self, request_id: str) -> None:
        """Record that the service accepted the job with this id."""
        assert self.attempt is not None
        self.request_id = request_id
        self._budget.remember(request_id, self.attempt)

    def settle(self, usd: Decimal | None) -> None:
        """Record that the job was billed; None if the amount is unknown."""
        self._budget._close(self, Money.SPENT, usd)  # noqa: SLF001 - two halves of one thing

    def refund(self) -> None:
        """Record that the job was not accepted, or not billed."""
        self._budget._close(self, Money.REFUNDED, NOTHING)  # noqa: SLF001 - two halves of one thing

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self.attempt is None:
            self.refund()
