"""Findings, and the verdict with all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus

from fakefal.state.happenings import FindingMade
from fakefal.state.journal import JournalEntry
from fakefal.verdict.mistakes import FindingGrade, Kind
from fakefal_contracts.price import dollars


@dataclass(slots=True, eq=False)  # not frozen: equal jobs make them in masses
class Finding:
    """One mistake of a program.

    `calls` show it, oldest first.  `usd` is what it would have cost, None if it has no price or the price is unknown.
    `seconds` is how long the program waited, if the finding is about that.  `request_ids` are its jobs, and
    `webhook_status` is the answer of a receiver. `unacknowledged`: no webhook of its job was answered with 2xx.
    """

    kind: Kind
    grade: FindingGrade
    key: str
    endpoint_id: str
    calls: tuple[JournalEntry, ...]
    usd: Decimal | None = None
    seconds: float | None = None
    request_ids: tuple[str, ...] = ()
    webhook_status: int | None = None
    unacknowledged: bool = False

    @property
    def evidence(self) -> str:
        """The calls that show it, in one line."""
        shown = [shown_call(call) for call in self.calls]
        if self.seconds is not None:
            shown.insert(len(shown) - 1, f"{self.seconds:.3g} s later")
        if self.webhook_status is not None:
            shown.append(f"its receiver answered {self.webhook_status} to a wrong signature")
        if self.unacknowledged:
            shown.append("its webhook was not answered with 2xx")
        return "; ".join(shown) or f"job {' '.join(self.request_ids)}"


def finding_event(finding: Finding) -> FindingMade:
    """The event of a finding."""
    return FindingMade(
        at=finding.calls[-1].at if finding.calls else 0.0,
        key=finding.key,
        finding=finding.kind.value,
        grade=finding.grade.value,
        request_ids=finding.request_ids,
        usd=finding.usd,
        text=f"{finding.evidence}. {finding.kind.advice}",
    )


def shown_call(call: JournalEntry) -> str:
    """A call in one line: method, URL, status and request id.

    A finding may be reported while its last call is in progress.
    """
    if call.status is not None:
        answer = f"-> {call.status}"
    else:
        answer = "(in progress)" if call.milliseconds is None else "-> no whole answer"
    told = f" [{call.request_id}]" if call.request_id and call.request_id not in call.path else ""
    return f"{call.address} {answer}{told}"


@dataclass(frozen=True)
class VerdictRow:
    """All findings of one kind and grade; `usd` is the total of the known prices, None if there are none."""

    kind: Kind
    grade: FindingGrade
    count: int
    usd: Decimal | None
    first: Finding


@dataclass(frozen=True)
class Verdict:
    """All findings on a program; ``str()`` makes a table of them.

    `more` findings were too many to keep; `allowed` ones are left out.
    """

    findings: tuple[Finding, ...] = ()
    more: int = 0
    allowed: int = 0

    @property
    def proven(self) -> tuple[Finding, ...]:
        """The proven findings."""
        return tuple(one for one in self.findings if one.grade is FindingGrade.PROVEN)

    @property
    def usd(self) -> Decimal:
        """What the proven findings would have cost, as far as the price is known."""
        return sum((one.usd for one in self.proven if one.usd is not None), Decimal())

    def without(self, allowed: Collection[Kind]) -> Verdict:
        """The verdict without findings of these kinds."""
        kept = tuple(one for one in self.findings if one.kind not in allowed)
        return Verdict(kept, self.more, self.allowed + len(self.findings) - len(kept))

    def rows(self) -> list[VerdictRow]:
        """A row for each kind and grade, proven ones first, in the order of kinds."""
        places = ((grade, kind) for grade in FindingGrade for kind in Kind)
        return [row for grade, kind in places if (row := _row(kind, grade, self.findings)) is not None]

    def __str__(self) -> str:
        if not self.findings:
            return "no findings" + (f" but {self.allowed} allowed" if self.allowed else "")
        return "\n".join([_headline(self), *(line for row in self.rows() for line in _lines(row))])


def _row(kind: Kind, grade: FindingGrade, findings: Iterable[Finding]) -> VerdictRow | None:
    found = [one for one in findings if one.kind is kind and one.grade is grade]
    if not found:
        return None
    priced = [one.usd for one in found if one.usd is not None]
    return VerdictRow(kind, grade, len(found), sum(priced, Decimal()) if priced else None, found[0])


def _headline(verdict: Verdict) -> str:
    count, proven = len(verdict.findings) + verdict.more, len(verdict.proven)
    cost = f", {dollars(verdict.usd)} lost or at risk" if verdict.usd else ""
    return f"{count} finding{'s' * (count != 1)}, {proven} proven{cost}" + (
        f"; {verdict.allowed} more allowed" if verdict.allowed else ""
    )


def _lines(row: VerdictRow) -> Iterator[str]:
    times = f" ({row.count} times)" if row.count > 1 else ""
    cost = f", {dollars(row.usd)}" if row.usd is not None else ""
    yield f"  {row.kind}: {row.grade}{cost}{times}"
    yield f"    seen: {row.first.evidence}"
    yield f"    do:   {row.kind.advice}"


_REFUSALS = frozenset(range(HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR)) - {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}


def is_refusal(status: int | None) -> bool:
    """Whether an answer is a refusal that sending again does not change."""
    return status in _REFUSALS
