"""The requests of a key as fal's Platform API lists them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from fakefal.state.endings import ending_of
from fakefal.state.requests import Snapshot

ListedOutcome = Literal["success", "error", "user_error"]
"""How a request ended: success, error of the service, or error of the caller."""


@dataclass(frozen=True)
class Wanted:
    """A filter of requests: by endpoints, and by acceptance from `start` to before `end` (real time)."""

    endpoint_ids: frozenset[str]
    start: float
    end: float
    outcome: ListedOutcome | None = None
    request_id: str | None = None

    def holds(self, look: Snapshot) -> bool:
        """Whether a request matches."""
        record = look.record
        return (
            record.endpoint_id in self.endpoint_ids
            and self.start <= record.sent_at < self.end
            and self.request_id in (None, record.id)
            and self.outcome in (None, listed_outcome(look))
        )


def listed_outcome(look: Snapshot) -> ListedOutcome | None:
    """How a request ended; None if it has not."""
    ending = ending_of(look)
    if ending is None:
        return None
    if ending.ok:
        return "success"
    return "error" if ending.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "user_error"


def duration_of(look: Snapshot) -> float | None:
    """The emulated seconds from start to end; None while it runs, 0 if it never started."""
    view = look.view
    if view.ended_at is None:
        return None
    return view.ended_at - (view.ended_at if view.started_at is None else view.started_at)


def latest_first(looks: Iterable[Snapshot]) -> list[Snapshot]:
    """Sort by end, latest first; requests that have not ended come first, newest first."""
    return sorted(looks, key=lambda look: (look.view.ended_at or float("inf"), look.record.submitted_at), reverse=True)


def longest_first(looks: Iterable[Snapshot]) -> list[Snapshot]:
    """Sort by duration, longest first; requests that have not ended come last."""
    return sorted(looks, key=lambda look: duration_of(look) or -1.0, reverse=True)
