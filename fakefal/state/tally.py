"""What happened since counting began: counts that never fall, whatever the stores drop."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from fakefal.core.plan import NOTHING
from fakefal.core.webhook import DeliveryAttempt
from fakefal.state.endings import ending_of
from fakefal.state.ledger import DUPLICATE_SECONDS, Sums, Total
from fakefal.state.requests import Snapshot
from fakefal_contracts import known_ids

OTHER = "other"
"""Stands for every endpoint that fal does not have, so that callers cannot make up new counts."""

MOST_PLACES = 10_000
"""So many keys and endpoints have a total of their own; later ones share one."""

MOST_SIGNS = 10_000
"""So many of the newest jobs are remembered to notice that one repeats another."""


@dataclass
class Counts:
    """Counts of requests by endpoint, of webhooks' tries by whether they went well, and of calls by part and status."""

    accepted: Counter[str] = field(default_factory=Counter)
    ended: Counter[tuple[str, int]] = field(default_factory=Counter)
    usd: dict[str, Decimal] = field(default_factory=dict)
    tries: Counter[bool] = field(default_factory=Counter)
    calls: Counter[tuple[str, int]] = field(default_factory=Counter)


class Tally:
    """The counts of this process, and sums of money.

    `run` are the sums of every job since the process began, `totals` those since the ledger was last reset.
    """

    def __init__(self) -> None:
        self._counts = Counts()
        self.run = Sums()
        self.totals: dict[tuple[str, str], Total] = {}
        self._last: dict[tuple[str, str, int], float] = {}

    async def counts(self) -> Counts:
        """What was counted so far.

        Raises:
            StoreUnavailable: nobody can say now.
        """
        return self._counts

    def accept(self, look: Snapshot) -> None:
        """A request was accepted."""
        self._counts.accepted[known(look.record.endpoint_id)] += 1
        self._move(look, Sums(jobs=1, duplicates=int(self._repeats(look))) + _planned(look))

    def judge(self, look: Snapshot) -> None:
        """What an accepted request will cost is known, unless its caller cut it short before."""
        self._move(look, _planned(look))

    def end(self, look: Snapshot) -> None:
        """A request is over."""
        ending = ending_of(look)
        assert ending is not None
        name = known(look.record.endpoint_id)
        self._counts.ended[name, ending.status] += 1
        self._counts.usd[name] = self._counts.usd.get(name, NOTHING) + ending.usd
        change = Sums(refused=int(not ending.ok))
        if look.plan is not None:
            planned = look.plan.ending
            units, usd = ending.billable_units - planned.billable_units, ending.usd - planned.usd
            change += Sums(units=units, usd=usd)
        self._move(look, change)

    def of_key(self, key: str | None) -> list[Total]:
        """The totals of a key, or of all, in the order of their first job."""
        return [one for one in self.totals.values() if key in (None, one.key)]

    def reset(self, key: str | None) -> None:
        """Forget the totals of a key, or of all; the sums of the run stay."""
        self.totals = {place: one for place, one in self.totals.items() if key not in (None, one.key)}
        self._last = {sign: at for sign, at in self._last.items() if key not in (None, sign[0])}

    def _move(self, look: Snapshot, by: Sums) -> None:
        self.run += by
        place = look.record.key, look.record.endpoint_id
        if place not in self.totals and len(self.totals) >= MOST_PLACES:
            place = OTHER, OTHER
        self.totals.setdefault(place, Total(*place)).move(by)

    def _repeats(self, look: Snapshot) -> bool:
        """Whether it is the same job as one just before, as `fakefal.state.ledger.entries` sees it."""
        record = look.record
        sign = record.key, record.endpoint_id, hash(record.arguments)
        before = self._last.pop(sign, None)
        self._last[sign] = record.submitted_at
        if len(self._last) > MOST_SIGNS:
            del self._last[next(iter(self._last))]
        return before is not None and record.submitted_at - before <= DUPLICATE_SECONDS

    def tried(self, attempt: DeliveryAttempt) -> None:
        """A webhook was sent, well or not."""
        self._counts.tries[attempt.acknowledged] += 1

    def called(self, part: str, status: int) -> None:
        """A call was answered; status 0 is no answer."""
        self._counts.calls[part, status] += 1


def _planned(look: Snapshot) -> Sums:
    if look.plan is None or look.view.cut is not None:
        return Sums()
    return Sums(units=look.plan.ending.billable_units, usd=look.plan.ending.usd)


def known(endpoint_id: str) -> str:
    """The endpoint as a label."""
    return endpoint_id if endpoint_id in known_ids() else OTHER
