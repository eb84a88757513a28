"""Where a published contract and ours differ on purpose: one table, each with its reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fakefal_contracts.drift import Change, DriftFinding
from fakefal_contracts.evidence import Evidence, documented
from fakefal_contracts.published import Published, SourceKind

_O1 = (
    "fal-ai/kling-video/o1/reference-to-video",
    "fal-ai/kling-video/o1/image-to-video",
    "fal-ai/kling-video/o1/standard/image-to-video",
)
_O3 = ("fal-ai/kling-video/o3/pro/reference-to-video",)


@dataclass(frozen=True)
class KnownDifference:
    """One finding that is expected of one kind of source, and why ours stays as it is.

    `until` is the day of the last document that shows it; younger ones and those without a day must not.
    """

    endpoints: tuple[str, ...]
    kind: SourceKind
    place: str
    aspect: str
    change: Change
    after: Any
    reason: str
    evidence: Evidence
    until: dt.date | None = None

    def concerns(self, theirs: Published) -> bool:
        """Whether a source must show this difference."""
        if theirs.kind is not self.kind or theirs.endpoint_id not in self.endpoints:
            return False
        return self.until is None or (theirs.day is not None and theirs.day <= self.until)

    def is_in(self, finding: DriftFinding) -> bool:
        """Whether a finding is this difference."""
        names = ("place", "aspect", "change", "after")
        return all(getattr(self, name) == getattr(finding, name) for name in names)


_NO_FILE_DATA = (
    "file_data is a field of fal's File class for bytes in memory: no published result carries it, "
    "and the documents dropped it by April 2026"
)

KNOWN_DIFFERENCES = (
    KnownDifference(
        endpoints=_O1,
        kind=SourceKind.OPENAPI,
        place="output.video.file_data",
        aspect="field",
        change=Change.ADDED,
        after="string, optional",
        reason=_NO_FILE_DATA,
        evidence=documented("fal's OpenAPI documents of January, against those of June", "2026-06-11"),
        until=dt.date(2026, 1, 26),
    ),
    KnownDifference(
        endpoints=_O1 + _O3,
        kind=SourceKind.TYPESCRIPT,
        place="output.video.file_data",
        aspect="field",
        change=Change.ADDED,
        after="string, optional",
        reason=_NO_FILE_DATA,
        evidence=documented("fal's OpenAPI document of the endpoint, younger than @fal-ai/client 1.10.1", "2026-06-11"),
    ),
)


def known_differences(theirs: Published, table: Iterable[KnownDifference] | None = None) -> list[KnownDifference]:
    """The differences that a source must show; `table` replaces ours."""
    return [one for one in (KNOWN_DIFFERENCES if table is None else table) if one.concerns(theirs)]
