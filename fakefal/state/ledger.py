"""What was accepted and what it would have cost: the lines of the ledger, and the form of its sums.

The lines are read off the stored requests; a dropped one leaves the list.  `fakefal.state.account` adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any

from pydantic import PlainSerializer

from fakefal.core.plan import NOTHING, Charge, Ending
from fakefal.state.endings import ending_of
from fakefal.state.requests import Record, Snapshot
from fakefal_contracts.price import dollars

DUPLICATE_SECONDS = 60.0
"""A job repeats the one before it of its key, endpoint and body within so many emulated seconds.

Whether it was paid twice is for the verdict to say: four equal jobs may be four takes of a prompt."""

NANOS = 10**9
"""So many parts of a dollar are counted, as fal's own billing events have them: whole numbers add up exactly."""

Sign = tuple[str, int]
"""What two jobs have in common that are probably one: key, and a hash of endpoint and body."""

Dollars = Annotated[Decimal, PlainSerializer(float, return_type=float)]
"""An exact amount, shown as a JSON number."""


@dataclass(frozen=True)
class LedgerEntry:
    """One accepted job.  `submitted_at` is in emulated seconds since 1970; `status` is null while it is `pending`.

    `usd` is its price in US dollars, known from acceptance on; null if the price is unknown.  `charge` says whether
    fal charges for it, and `maybe_usd` what a refusal costs if fal charges for it.  `duplicate_of` is an earlier job
    that this one probably repeats.
    """

    request_id: str
    key: str
    endpoint_id: str
    submitted_at: float
    status: int | None
    units: float
    usd: Dollars | None
    charge: Charge | None
    maybe_usd: Dollars | None
    duplicate_of: str | None
    pending: bool
    tags: dict[str, str]


@dataclass(frozen=True)
class Total:
    """The totals of the jobs of one key and endpoint; amounts are US dollars."""

    key: str
    endpoint_id: str
    jobs: int
    refused: int
    duplicates: int
    units: float
    usd: Dollars
    unpriced: int
    billed_refusals: int
    maybe_billed: int
    maybe_usd: Dollars

    @classmethod
    def of(cls, key: str, endpoint_id: str, sums: Sums) -> Total:
        """The sums, as they are shown."""
        shown = {one.name: getattr(sums, one.name) for one in fields(sums) if one.name not in ("cancelled", "done")}
        return cls(key, endpoint_id, **shown)


@dataclass(slots=True)
class Sums:
    """What jobs add up to; as a text, what ends a run.

    `done` are those that ended well, and `unpriced` those whose price is unknown: `usd` holds nothing of them.  Of the
    `refused`, `billed_refusals` were charged, which `usd` holds, and `maybe_billed` may have been, for `maybe_usd` in
    all.
    """

    jobs: int = 0
    refused: int = 0
    duplicates: int = 0
    units: float = 0.0
    usd: Decimal = NOTHING
    cancelled: int = 0
    unpriced: int = 0
    billed_refusals: int = 0
    maybe_billed: int = 0
    maybe_usd: Decimal = NOTHING
    done: int = 0

    def __add__(self, other: Sums) -> Sums:
        added = replace(self)
        added.add(other)
        return added

    def add(self, other: Sums) -> None:
        """Add other sums to these."""
        self.jobs += other.jobs
        self.refused += other.refused
        self.duplicates += other.duplicates
        self.units += other.units
        self.usd += other.usd
        self.cancelled += other.cancelled
        self.unpriced += other.unpriced
        self.billed_refusals += other.billed_refusals
        self.maybe_billed += other.maybe_billed
        self.maybe_usd += other.maybe_usd
        self.done += other.done

    def plain(self) -> dict[str, str]:
        """The sums as texts, for places that hold nothing else."""
        return {one.name: str(getattr(self, one.name)) for one in fields(self)}

    @classmethod
    def read(cls, plain: Mapping[str, str]) -> Sums:
        """The sums that `plain` wrote."""
        kinds: dict[str, Callable[[str], float | Decimal]] = {"units": float, "usd": Decimal, "maybe_usd": Decimal}
        values: dict[str, Any] = {one.name: kinds.get(one.name, int)(plain[one.name]) for one in fields(cls)}
        return cls(**values)

    def __str__(self) -> str:
        twins = f", {self.duplicates} repeated" if self.duplicates else ""
        billed = f"{self.billed_refusals} charged" if self.billed_refusals else ""
        maybe = f"{self.maybe_billed} may be charged, {dollars(self.maybe_usd)}" if self.maybe_billed else ""
        of_them = f" ({said})" if (said := "; ".join(filter(None, (billed, maybe)))) else ""
        jobs = f"{self.jobs} request{'s' * (self.jobs != 1)}, {self.done} done, {self.refused} refused{of_them}"
        cancelled = f", {self.cancelled} cancelled" if self.cancelled else ""
        unknown = f", the price of {self.unpriced} is unknown" if self.unpriced else ""
        return f"{jobs}{cancelled}{twins}, {dollars(self.usd)} not spent{unknown}"


@lru_cache(maxsize=1024)
def nanos(usd: Decimal) -> int:
    """An amount as whole nano-dollars."""
    return int((usd * NANOS).to_integral_value())


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
        """The id of the job that this one repeats.  Jobs are told of in the order of their acceptance."""
        sign = record.key, hash((record.endpoint_id, record.arguments))
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
            billed.charge if billed else None,
            billed.maybe_usd if billed else NOTHING,
            twins.of(record),
            ending is None,
            dict(record.tags),
        )
