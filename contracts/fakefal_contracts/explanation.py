"""Separates findings that a revision or a known difference explains from drift."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fakefal_contracts.drift import DriftFinding, Level, compare
from fakefal_contracts.endpoint import Edition
from fakefal_contracts.known_differences import KnownDifference, known_differences
from fakefal_contracts.published import Published
from fakefal_contracts.published.edition import read_edition


@dataclass(frozen=True)
class Explained:
    """A finding and its explanation; None if it is drift."""

    finding: DriftFinding
    why: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        return self.finding.as_dict() | {"explained": self.why}


@dataclass(frozen=True)
class Comparison:
    """All findings of one comparison.  `stale` are known differences that no longer occur: errors."""

    before: Published
    after: Published
    findings: tuple[Explained, ...]
    stale: tuple[KnownDifference, ...] = ()

    def drift(self, least: Level = Level.COSMETIC) -> tuple[DriftFinding, ...]:
        """The unexplained findings of at least this level."""
        return tuple(one.finding for one in self.findings if one.why is None and one.finding.level.counts(least))

    def as_dict(self) -> dict[str, Any]:
        """The comparison as plain JSON values."""
        return {
            "endpoint_id": self.after.endpoint_id,
            "before": self.before.source,
            "before_day": _day(self.before),
            "after": self.after.source,
            "after_day": _day(self.after),
            "findings": [one.as_dict() for one in self.findings],
            "stale": [{"place": one.place, "aspect": one.aspect, "reason": one.reason} for one in self.stale],
        }


def examine(
    edition: Edition, theirs: Published, *, current: bool = False, table: Iterable[KnownDifference] | None = None
) -> Comparison:
    """Compare a source with one of our editions, and explain what can be explained.

    A copy may be of any age, so every revision of ours may explain what it says.  `current` tells that
    the source is what fal says now: then only revisions younger than the edition may.
    `table` replaces our known differences.
    """
    known = known_differences(theirs, table)
    others = [
        (f"revision of {one.contract} ({one.evidence.source})", {found.place for found in _against(one, theirs)})
        for one in edition.endpoint.editions
        if not current or one.evidence.date > edition.evidence.date
    ]
    ours = read_edition(edition)
    findings = compare(ours, theirs)
    explained = tuple(Explained(finding, _why(finding, known, others)) for finding in findings)
    stale = tuple(one for one in known if not any(one.is_in(finding) for finding in findings))
    return Comparison(ours, theirs, explained, stale)


def _day(one: Published) -> str | None:
    return one.day.isoformat() if one.day else None


def _against(edition: Edition, theirs: Published) -> tuple[DriftFinding, ...]:
    return compare(read_edition(edition), theirs)


def _why(finding: DriftFinding, known: list[KnownDifference], others: list[tuple[str, set[str]]]) -> str | None:
    """The known difference, or the revision that agrees with the source about the whole place."""
    for one in known:
        if one.is_in(finding):
            return f"known difference: {one.reason} ({one.evidence.source}, {one.evidence.date})"
    return next((name for name, differs in others if finding.place not in differs), None)
