"""Adds up money, for the ledger, for the closing line of a run, and for metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from decimal import Decimal
from http import HTTPStatus

from fakefal.core.plan import NOTHING, Charge, Ending
from fakefal.state.bounded import Bounded
from fakefal.state.endings import ending_of
from fakefal.state.journal import LONGEST_TEXT
from fakefal.state.ledger import NANOS, LedgerEntry, Sums, Total, Twins, bill, nanos
from fakefal.state.requests import Snapshot
from fakefal_contracts import BUILT_IN
from fakefal_contracts.failures import PLATFORM_ERRORS

CANCELLED = "client_cancelled"
"""The error type of a cancelled request, which does not count as refused."""

CANCELLED_STATUS = PLATFORM_ERRORS[CANCELLED].status

OTHER = "other"
"""The label of all endpoints that are not built in, so that callers cannot create new labels."""

MOST_PLACES = 10_000
"""How many keys and endpoints have their own total; later ones share one."""

MOST_TWINS = 10_000
"""How many of the newest jobs are remembered, to detect repeated jobs."""


class JobAccount:
    """Adds up jobs.  Call it when a job is accepted, when its price becomes known, and when it ends.

    `run` has the totals of all jobs.  `accepted`, `ended` and `usd` are counters by endpoint that never fall: accepted
    jobs, ended jobs by status, and their cost.  `totals` are the totals since the last reset.  All of them include
    evicted jobs.
    """

    def __init__(self) -> None:
        self.run = Sums()
        self.accepted: Counter[str] = Counter()
        self.ended: Counter[tuple[str, int]] = Counter()
        self.usd: dict[str, Decimal] = {}
        self._totals: dict[tuple[str, str], Sums] = {}
        self._nanos: Bounded[str, int] = Bounded(MOST_PLACES)
        self._nanos_for_all = 0
        self._twins = Twins(Bounded(MOST_TWINS))
        self._repeating: Bounded[str, None] = Bounded(MOST_TWINS)

    @classmethod
    def of(cls, looks: Iterable[Snapshot]) -> JobAccount:
        """The account of stored jobs alone, oldest first."""
        account = cls()
        for look in looks:
            account.accept(look)
        return account

    def accept(self, look: Snapshot) -> None:
        """Count a job in its current state."""
        self.accepted[known(look.record.endpoint_id)] += 1
        by, is_twin = _charge(look), self._twins.of(look.record) is not None
        if is_twin:
            self._repeating[look.record.id] = None
        by.jobs, by.duplicates = 1, int(is_twin and not by.refused)
        self._move(look, by)
        self._count_end(look)

    def judge(self, look: Snapshot) -> None:
        """Record the plan of a counted job."""
        if ending_of(look) is None:
            self._move(look, _charge(look))

    def end(self, look: Snapshot) -> None:
        """Record the end of a counted job, and correct its cost."""
        by = _charge(look)
        if look.plan is not None:
            _pay(by, look.plan.ending, -1)
        if look.record.id in self._repeating:  # nobody pays twice for what is refused
            by.duplicates = -by.refused
        self._move(look, by)
        self._count_end(look)

    def totals(self, key: str | None) -> list[Total]:
        """The totals by key and endpoint, of a key or of all, in the order of their first job."""
        return [Total.of(*place, sums) for place, sums in self._totals.items() if key in (None, place[0])]

    def credit(self, key: str) -> Decimal:
        """The top-ups of a key minus the cost of its ended jobs."""
        return Decimal(self._nanos.get(key, 0) + self._nanos_for_all) / NANOS

    def pay(self, key: str | None, usd: Decimal) -> None:
        """Add to the credit of a key, or of each."""
        if key is None:
            self._nanos_for_all += nanos(usd)
        else:
            self._nanos.renew(key, self._nanos.get(key, 0) + nanos(usd))

    def reset(self, key: str | None) -> None:
        """Forget the totals and the credit of a key, or of all."""
        if key is None:
            self._nanos.clear()
            self._nanos_for_all = 0
        else:
            self._nanos.pop(key, None)
        self._totals = {place: sums for place, sums in self._totals.items() if key not in (None, place[0])}
        self._twins.forget(key)

    def _move(self, look: Snapshot, by: Sums) -> None:
        self.run.add(by)
        place = look.record.key, look.record.endpoint_id[:LONGEST_TEXT]
        if place not in self._totals and len(self._totals) >= MOST_PLACES:
            place = OTHER, OTHER
        if (total := self._totals.get(place)) is None:
            total = self._totals[place] = Sums()
        total.add(by)

    def _count_end(self, look: Snapshot) -> None:
        ending = ending_of(look)
        if ending is not None:
            name = known(look.record.endpoint_id)
            self.ended[name, ending.status] += 1
            self.usd[name] = self.usd.get(name, NOTHING) + (ending.usd or NOTHING)
            if ending.usd:
                self.pay(look.record.key, -ending.usd)


def sums_of(lines: Collection[LedgerEntry]) -> Sums:
    """The totals of ledger lines whose jobs another process stores.

    Duplicates are detected only among these lines.
    """
    sums, ids = Sums(), {one.request_id for one in lines}
    for one in lines:
        status = one.status or 0
        refused = status >= HTTPStatus.BAD_REQUEST and status != CANCELLED_STATUS
        sums.add(
            Sums(
                jobs=1,
                refused=int(refused),
                duplicates=int(one.duplicate_of in ids),
                units=one.units,
                usd=one.usd or NOTHING,
                cancelled=int(status == CANCELLED_STATUS),
                unpriced=int(one.usd is None),
                billed_refusals=int(refused and one.charge is Charge.YES),
                maybe_billed=int(refused and one.charge is Charge.MAYBE),
                maybe_usd=one.maybe_usd or NOTHING,
                done=int(0 < status < HTTPStatus.BAD_REQUEST),
            )
        )
    return sums


def _charge(look: Snapshot) -> Sums:
    """What a job in its current state adds to the totals, besides its number."""
    sums, billed, ending = Sums(), bill(look), ending_of(look)
    if billed is None:
        return sums
    _pay(sums, billed)
    if ending is None:
        return sums
    if ending.ok:
        sums.done = 1
    elif ending.error_type == CANCELLED:
        sums.cancelled = 1
    else:
        sums.refused = 1
        sums.billed_refusals = int(billed.charge is Charge.YES)
        sums.maybe_billed = int(billed.charge is Charge.MAYBE)
    return sums


def _pay(sums: Sums, ending: Ending, times: int = 1) -> None:
    """Add the cost of an ending."""
    sums.units += times * ending.billable_units
    sums.usd += times * (ending.usd or NOTHING)
    sums.unpriced += times * (ending.usd is None)
    sums.maybe_usd += times * (ending.maybe_usd or NOTHING)


def known(endpoint_id: str) -> str:
    """The endpoint as a label."""
    return endpoint_id if endpoint_id in BUILT_IN else OTHER
