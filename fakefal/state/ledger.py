"""What was accepted and what it would have cost: the lines of the ledger, and the form of its sums.

The lines are read off the stored requests; a dropped one leaves the list.  `fakefal.state.account` adds up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer

from fakefal.core.plan import NOTHING, Ending
from fakefal.state.endings import ending_of
from fakefal.state.requests import Record, Snapshot
from fakefal_contracts.price import dollars

DUPLICATE_SECONDS = 60.0
"""Two accepted jobs of one key, endpoint and body within so many emulated seconds are probably one call
that was sent twice: both official clients send again when an answer is lost."""


Sign = tuple[str, str, int]
"""What two jobs have in common that are probably one: key, endpoint, and a hash of the body."""

Dollars = Annotated[Decimal, PlainSerializer(float, return_type=float)]
"""An exact amount, shown as a JSON number."""


@dataclass(frozen=True)
class LedgerEntry:
    """One accepted job.  `status` is known once it is over; until then it is `pending`.

    `units` and `usd` count from acceptance on; refusals, failures and what was cancelled cost nothing.  `usd` is None
    where the price is unknown.
    `duplicate_of` names the job that it probably repeats.
    """

    request_id: str
    key: str
    endpoint_id: str
    submitted_at: float
    status: int | None
    units: float
    usd: Dollars | None
    duplicate_of: str | None
    pending: bool


@dataclass(frozen=True)
class Total:
    """The sums of the jobs of one key and endpoint."""

    key: str
    endpoint_id: str
    jobs: int
    refused: int
    duplicates: int
    units: float
    usd: Dollars
    unpriced: int

    @classmethod
    def of(cls, key: str, endpoint_id: str, sums: Sums) -> Total:
        """The sums, as they are shown."""
        return cls(key, endpoint_id, sums.jobs, sums.refused, sums.duplicates, sums.units, sums.usd, sums.unpriced)


@dataclass(frozen=True, slots=True)
class Sums:
    """What jobs add up to; as a text, what ends a run.

    `done` are those that ended well.  `unpriced` are the jobs whose price is unknown: `usd` holds nothing of them.
    """

    jobs: int = 0
    refused: int = 0
    duplicates: int = 0
    units: float = 0.0
    usd: Decimal = NOTHING
    cancelled: int = 0
    unpriced: int = 0
    done: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.jobs + other.jobs,
            self.refused + other.refused,
            self.duplicates + other.duplicates,
            self.units + other.units,
            self.usd + other.usd,
            self.cancelled + other.cancelled,
            self.unpriced + other.unpriced,
            self.done + other.done,
        )

    def plain(self) -> dict[str, str]:
        """The sums as texts, for places that hold nothing else."""
        return {one.name: str(getattr(self, one.name)) for one in fields(self)}

    @classmethod
    def read(cls, plain: Mapping[str, str]) -> Sums:
        """The sums that `plain` wrote."""
        counts = {name: int(plain[name]) for name in ("jobs", "refused", "duplicates", "cancelled", "unpriced", "done")}
        return cls(**counts, units=float(plain["units"]), usd=Decimal(plain["usd"]))

    def __str__(self) -> str:
        twins = f", {self.duplicates} probably sent twice" if self.duplicates else ""
        jobs = f"{self.jobs} request{'s' * (self.jobs != 1)}, {self.done} done, {self.refused} refused"
        cancelled = f", {self.cancelled} cancelled" if self.cancelled else ""
        unknown = f", the price of {self.unpriced} is unknown" if self.unpriced else ""
        return f"{jobs}{cancelled}{twins}, {dollars(self.usd)} not spent{unknown}"


def bill(look: Snapshot) -> Ending | None:
    """The ending whose units and price count: how it ended, or will; None while nobody judged it."""
    return ending_of(look) or (look.plan.ending if look.plan is not None else None)


class Twins:
    """Notices jobs that repeat the one before them of their key, endpoint and body.

    Args:
        last: where the last job of each kind is kept, and for how long.
    """

    def __init__(self, last: dict[Sign, tuple[str, float]] | None = None) -> None:
        self._last = {} if last is None else last

    def of(self, record: Record) -> str | None:
        """The id of the job that this one probably repeats.  Jobs are told of in the order of their acceptance."""
        sign = record.key, record.endpoint_id, hash(record.arguments)
        before = self._last.pop(sign, None)
        self._last[sign] = record.id, record.submitted_at
        return before[0] if before is not None and record.submitted_at - before[1] <= DUPLICATE_SECONDS else None

    def forget(self, key: str | None) -> None:
        """Forget the jobs of a key, or all."""
        for sign in [one for one in self._last if key in (None, one[0])]:
            del self._last[sign]


def entries(looks: Iterable[Snapshot]) -> Iterator[LedgerEntry]:
    """The ledger's lines, in the order of acceptance."""
    twins = Twins()
    for look in looks:
        record, ending, billed = look.record, ending_of(look), bill(look)
        yield LedgerEntry(
            record.id,
            record.key,
            record.endpoint_id,
            record.submitted_at,
            ending.status if ending else None,
            billed.billable_units if billed else 0.0,
            billed.usd if billed else NOTHING,
            twins.of(record),
            ending is None,
        )
