"""The evidence of a rule: its grade, its source and its date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

UNDATED = dt.date.min
"""The date of evidence without a date."""


class Grade(StrEnum):
    """The strength of a rule's evidence, strongest first."""

    OBSERVED = "observed"
    """Seen in published answers of the live service."""
    DOCUMENTED = "documented"
    """Published by fal: a schema, a model page, an API reference."""
    THIRD_PARTY = "third-party"
    """Stated by others than fal: the maker of the model, a reseller, another project."""
    INFERRED = "inferred"
    """Not shown by any source, but likely from the sources."""


@dataclass(frozen=True)
class Evidence:
    """The evidence of a rule: a grade, a source and its date."""

    grade: Grade
    source: str
    date: dt.date

    @property
    def day(self) -> str:
        """The date as text: ``2026-06-11``, or ``undated``."""
        return "undated" if self.date == UNDATED else self.date.isoformat()


def documented(source: str, date: str) -> Evidence:
    """Evidence published by fal; ``date`` is an ISO day."""
    return Evidence(Grade.DOCUMENTED, source, dt.date.fromisoformat(date))


def observed(source: str, date: str) -> Evidence:
    """Evidence from a published answer of the live service; ``date`` is an ISO day."""
    return Evidence(Grade.OBSERVED, source, dt.date.fromisoformat(date))


def third_party(source: str, date: str) -> Evidence:
    """Evidence from the maker of a model, a reseller or another project; ``date`` is an ISO day."""
    return Evidence(Grade.THIRD_PARTY, source, dt.date.fromisoformat(date))


def inferred(source: str, date: str) -> Evidence:
    """A conclusion without direct evidence; ``date`` is its ISO day."""
    return Evidence(Grade.INFERRED, source, dt.date.fromisoformat(date))
