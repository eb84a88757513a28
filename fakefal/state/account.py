"""The one place where money is added up: for the ledger, for the line that closes a run, and for metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from fakefal.core.plan import NOTHING, Ending
from fakefal.state.bounded import Bounded
from fakefal.state.endings import ending_of
from fakefal.state.ledger import Sums, Total, Twins, bill
from fakefal.state.requests import Snapshot
from fakefal_contracts import BUILT_IN

CANCELLED = "client_cancelled"
"""The error type of who cancelled: nobody refused that request."""

OTHER = "other"
"""Stands for every endpoint that is not built in, so that callers cannot make up new counts."""

MOST_PLACES = 10_000
"""So many keys and endpoints have a total of their own; later ones share one."""

MOST_TWINS = 10_000
"""So many of the newest jobs are remembered to notice that one repeats another."""


class JobAccount:
    """Adds up jobs.  Each is told of when it is accepted, when its price becomes known, and when it is over.

    `run` are the sums of every job, and `accepted`, `ended` and `usd` count by endpoint what never falls: what was
    accepted, what is over with which status, and what that would have cost.  `totals` are the sums since the last
    reset.  What is dropped from a store stays in all of them.
    """

    def __init__(self) -> None:
        self.run = Sums()
        self.accepted: Counter[str] = Counter()
        self.ended: Counter[tuple[str, int]] = Counter()
        self.usd: dict[str, Decimal] = {}
        self._totals: dict[tuple[str, str], Sums] = {}
        self._twins = Twins(Bounded(MOST_TWINS))

    @classmethod
    def of(cls, looks: Iterable[Snapshot]) -> JobAccount:
        """The account of stored jobs alone, oldest first."""
        account = cls()
        for look in looks:
            account.accept(look)
        return account

    def accept(self, look: Snapshot) -> None:
        """Count a job as it stands."""
        self.accepted[known(look.record.endpoint_id)] += 1
        self._move(look, Sums(jobs=1, duplicates=int(self._twins.of(look.record) is not None)) + _charge(look))
        self._count_end(look)

    def judge(self, look: Snapshot) -> None:
        """The plan of a job that was counted is known now."""
        if ending_of(look) is None:
            self._move(look, _charge(look))

    def end(self, look: Snapshot) -> None:
        """A job that was counted is over: take back what it costs less than it was to."""
        planned = look.plan.ending if look.plan is not None else None
        self._move(look, _minus(_amounts(planned)) + _charge(look) if planned else _charge(look))
        self._count_end(look)

    def totals(self, key: str | None) -> list[Total]:
        """The sums per key and endpoint, of a key or of all, in the order of their first job."""
        return [Total.of(*place, sums) for place, sums in self._totals.items() if key in (None, place[0])]

    def reset(self, key: str | None) -> None:
        """Forget the totals of a key, or of all."""
        self._totals = {place: sums for place, sums in self._totals.items() if key not in (None, place[0])}
        self._twins.forget(key)

    def _move(self, look: Snapshot, by: Sums) -> None:
        self.run += by
        place = look.record.key, look.record.endpoint_id
        if place not in self._totals and len(self._totals) >= MOST_PLACES:
            place = OTHER, OTHER
        self._totals[place] = self._totals.get(place, Sums()) + by

    def _count_end(self, look: Snapshot) -> None:
        ending = ending_of(look)
        if ending is not None:
            name = known(look.record.endpoint_id)
            self.ended[name, ending.status] += 1
            self.usd[name] = self.usd.get(name, NOTHING) + (ending.usd or NOTHING)


def _charge(look: Snapshot) -> Sums:
    """What a job as it stands adds to sums beside its number."""
    billed, ending = bill(look), ending_of(look)
    if billed is None:
        return Sums()
    cancelled = ending is not None and ending.error_type == CANCELLED
    refused = ending is not None and not ending.ok and not cancelled
    done = ending is not None and ending.ok
    return replace(_amounts(billed), refused=int(refused), cancelled=int(cancelled), done=int(done))


def _amounts(ending: Ending) -> Sums:
    """What an ending costs."""
    return Sums(units=ending.billable_units, usd=ending.usd or NOTHING, unpriced=int(ending.usd is None))


def _minus(sums: Sums) -> Sums:
    return Sums(units=-sums.units, usd=-sums.usd, unpriced=-sums.unpriced)


def known(endpoint_id: str) -> str:
    """The endpoint as a label."""
    return endpoint_id if endpoint_id in BUILT_IN else OTHER
