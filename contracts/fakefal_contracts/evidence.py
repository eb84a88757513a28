"""How well a rule is known: who says it, and since when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

UNDATED = dt.date.min
"""The day of what names none."""


class Grade(StrEnum):
    """The strength of a rule's evidence, strongest first."""

    OBSERVED = "observed"
    """Seen in the answers of the live service, by somebody who published the receipt."""
    DOCUMENTED = "documented"
    """Printed by fal: a schema, a model page, an API reference."""
    THIRD_PARTY = "third-party"
    """Stated by others than fal: the maker of the model, a reseller, another project."""
    INFERRED = "inferred"
    """Nobody has shown it: what the sources make likely."""


@dataclass(frozen=True)
class Evidence:
    """Why a rule is believed: a grade, a source and its day."""

    grade: Grade
    source: str
    date: dt.date

    @property
    def day(self) -> str:
        """The day as text: ``2026-06-11``, or ``undated``."""
        return "undated" if self.date == UNDATED else self.date.isoformat()


def documented(source: str, date: str) -> Evidence:
    """Evidence printed by fal; ``date`` is an ISO day."""
    return Evidence(Grade.DOCUMENTED, source, dt.date.fromisoformat(date))


def observed(source: str, date: str) -> Evidence:
    """Evidence from a published receipt of the live service; ``date`` is an ISO day."""
    return Evidence(Grade.OBSERVED, source, dt.date.fromisoformat(date))


def third_party(source: str, date: str) -> Evidence:
    """Evidence from the maker of a model, a reseller or another project; ``date`` is an ISO day."""
    return Evidence(Grade.THIRD_PARTY, source, dt.date.fromisoformat(date))


def inferred(source: str, date: str) -> Evidence:
    """No evidence but likelihood; ``date`` is the ISO day of the conclusion."""
    return Evidence(Grade.INFERRED, source, dt.date.fromisoformat(date))
