"""A spend limit: money is reserved before a request is sent, and settled when its bill is known."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from decimal import Decimal

from fakefal_contracts.price import dollars

NOTHING = Decimal(0)


class OverSpendLimit(Exception):
    """The request would exceed the limit, and was not sent; ``str()`` says by how much."""

    def __init__(self, usd: Decimal, left: Decimal, limit: Decimal) -> None:
        rest = f"{dollars(max(left, NOTHING))} of the spend limit of {dollars(limit)} is left"
        super().__init__(f"this request costs {dollars(usd)}, and {rest}")
        self.usd = usd
        self.left = left


@dataclass(eq=False)
class SpendReservation:
    """Money reserved for one request: `usd` is the reserved amount until it is settled, then the real cost."""

    usd: Decimal
    settled: bool = False


class SpendLimit:
    """A limit in US dollars for one run.

    Reserved money counts as spent until it is settled, so the limit also holds if an answer is lost.  A bill above its
    reservation counts in full.  Then the rest may become negative, and every further paid request is refused.

    Args:
        limit: the most that may be spent; nothing is sent that could exceed it.
    """

    def __init__(self, limit: Decimal) -> None:
        if not limit.is_finite() or limit < 0:
            raise ValueError(f"a spend limit is an amount of at least 0, not {limit}")
        self.limit = limit
        self._reservations: list[SpendReservation] = []
        self._lock = threading.Lock()

    @property
    def spent(self) -> Decimal:
        """The cost of settled requests."""
        return sum((one.usd for one in self._reservations if one.settled), NOTHING)

    @property
    def reserved(self) -> Decimal:
        """The reserved cost of requests without a bill."""
        return sum((one.usd for one in self._reservations if not one.settled), NOTHING)

    @property
    def left(self) -> Decimal:
        """The rest of the limit."""
        return self.limit - self.spent - self.reserved

    def reserve(self, usd: Decimal) -> SpendReservation:
        """Reserve money before a request is sent.

        Raises:
            OverSpendLimit: less than that is left; nothing is reserved.
        """
        with self._lock:
            if usd > max(self.left, NOTHING):
                raise OverSpendLimit(usd, self.left, self.limit)
            reservation = SpendReservation(usd)
            self._reservations.append(reservation)
            return reservation

    def settle(self, reservation: SpendReservation, usd: Decimal) -> None:
        """Replace a reservation by the real cost.  The first bill counts: a result can be read often."""
        with self._lock:
            if not reservation.settled:
                reservation.usd, reservation.settled = usd, True

    def refund(self, reservation: SpendReservation) -> None:
        """Refund a reservation: the request was refused, or did not reach the service."""
        self.settle(reservation, NOTHING)
