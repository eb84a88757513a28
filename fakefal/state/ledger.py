"""What was accepted and what it would have cost, read off the stored requests.

A dropped request leaves the list with it: the store keeps finished ones as long as they fit.  What sums
remember beyond that is in `fakefal.state.tally`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated

from pydantic import PlainSerializer

from fakefal.core.plan import NOTHING, Ending
from fakefal.state.endings import ending_of
from fakefal.state.requests import Record, Snapshot
from fakefal_contracts.price import dollars

DUPLICATE_SECONDS = 60.0
"""Two accepted jobs of one key, endpoint and body within so many emulated seconds are probably one call
that was sent twice: both official clients send again when an answer is lost."""


Dollars = Annotated[Decimal, PlainSerializer(float, return_type=float)]
"""An exact amount, shown as a JSON number."""


@dataclass(frozen=True)
class LedgerEntry:
    """One accepted job.  `status` is known once it is over; until then it is `pending`.

    `units` and `usd` count from acceptance on; refusals, failures and what was cancelled cost nothing.
    `duplicate_of` names the job that it probably repeats.
    """

    request_id: str
    key: str
    endpoint_id: str
    submitted_at: float
    status: int | None
    units: float
    usd: Dollars
    duplicate_of: str | None
    pending: bool


@dataclass
class Total:
    """The jobs of one key and endpoint."""

    key: str
    endpoint_id: str
    jobs: int = 0
    refused: int = 0
    duplicates: int = 0
    units: float = 0.0
    usd: Dollars = NOTHING

    def add(self, entry: LedgerEntry) -> None:
        """Count one job."""
        self.jobs += 1
        self.refused += entry.status is not None and entry.status >= HTTPStatus.BAD_REQUEST
        self.duplicates += entry.duplicate_of is not None
        self.units += entry.units
        self.usd += entry.usd

    def move(self, by: Sums) -> None:
        """Add what changed."""
        self.jobs += by.jobs
        self.refused += by.refused
        self.duplicates += by.duplicates
        self.units += by.units
        self.usd += by.usd


@dataclass(slots=True)
class Sums:
    """All jobs together; as a text, what ends a run."""

    jobs: int = 0
    refused: int = 0
    duplicates: int = 0
    units: float = 0.0
    usd: Decimal = NOTHING

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.jobs + other.jobs,
            self.refused + other.refused,
            self.duplicates + other.duplicates,
            self.units + other.units,
            self.usd + other.usd,
        )

    def plain(self) -> dict[str, str]:
        """The sums as texts, for places that hold nothing else."""
        return {one.name: str(getattr(self, one.name)) for one in fields(self)}

    @classmethod
    def read(cls, plain: Mapping[str, str]) -> Sums:
        """The sums that `plain` wrote."""
        jobs, refused, duplicates = (int(plain[name]) for name in ("jobs", "refused", "duplicates"))
        return cls(jobs, refused, duplicates, float(plain["units"]), Decimal(plain["usd"]))

    def __str__(self) -> str:
        twins = f", {self.duplicates} probably sent twice" if self.duplicates else ""
        jobs = f"{self.jobs} request{'s' * (self.jobs != 1)}, {self.refused} refused"
        return f"{jobs}{twins}, {dollars(self.usd)} not spent"


def bill(look: Snapshot) -> Ending | None:
    """The ending whose units and price count: how it ended, or will; None while nobody judged it."""
    return ending_of(look) or (look.plan.ending if look.plan is not None else None)


def entries(looks: Iterable[Snapshot]) -> Iterator[LedgerEntry]:
    """The ledger's lines, in the order of acceptance."""
    last: dict[tuple[str, str, bytes], Record] = {}
    for look in looks:
        record, ending, billed = look.record, ending_of(look), bill(look)
        sign = record.key, record.endpoint_id, record.arguments
        before = last.get(sign)
        last[sign] = record
        twin = before is not None and record.submitted_at - before.submitted_at <= DUPLICATE_SECONDS
        yield LedgerEntry(
            record.id,
            record.key,
            record.endpoint_id,
            record.submitted_at,
            ending.status if ending else None,
            billed.billable_units if billed else 0.0,
            billed.usd if billed else NOTHING,
            before.id if before is not None and twin else None,
            ending is None,
        )


def totals(lines: Iterable[LedgerEntry]) -> list[Total]:
    """The sums per key and endpoint, in the order of their first job."""
    sums: dict[tuple[str, str], Total] = {}
    for entry in lines:
        place = entry.key, entry.endpoint_id
        sums.setdefault(place, Total(*place)).add(entry)
    return list(sums.values())


def sums(lines: Iterable[LedgerEntry]) -> Sums:
    """The sums over everything."""
    parts = (Sums(one.jobs, one.refused, one.duplicates, one.units, one.usd) for one in totals(lines))
    return sum(parts, Sums())
