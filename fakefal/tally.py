"""What happened since the process began: counts that never fall, whatever the stores drop."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from fakefal.answers import ending_of
from fakefal.core.plan import NOTHING
from fakefal.core.webhook import Attempt
from fakefal.record import Look
from fakefal_contracts import known_ids

OTHER = "other"
"""Stands for every endpoint that fal does not have, so that callers cannot make up new counts."""


class Tally:
    """Counts of requests by endpoint, of webhooks' tries, and of calls by part and status."""

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()
        self.ended: Counter[tuple[str, int]] = Counter()
        self.usd: dict[str, Decimal] = {}
        self.tries: Counter[bool] = Counter()
        self.calls: Counter[tuple[str, int]] = Counter()

    def accept(self, endpoint_id: str) -> None:
        """A request was accepted."""
        self.accepted[known(endpoint_id)] += 1

    def end(self, look: Look) -> None:
        """A request is over."""
        ending = ending_of(look)
        assert ending is not None
        name = known(look.record.endpoint_id)
        self.ended[name, ending.status] += 1
        self.usd[name] = self.usd.get(name, NOTHING) + ending.usd

    def tried(self, attempt: Attempt) -> None:
        """A webhook was sent, well or not."""
        self.tries[attempt.acknowledged] += 1


def known(endpoint_id: str) -> str:
    """The endpoint as a label."""
    return endpoint_id if endpoint_id in known_ids() else OTHER
