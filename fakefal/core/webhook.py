"""The life of a webhook: when it is tried, and when the tries end. `fakefal.engine.webhooks` sends it.

fal publishes no schedule. Documented (September 2026): up to 31 tries with backoff until the result expires; any 2xx
acknowledges; redirects and private targets are final. The waits are inferred.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 120.0
MOST_ATTEMPTS = 31
MOST_KEPT = 100
"""The newest tries that are kept of one delivery, which may be replayed any number of times."""

GIVE_UP_SECONDS = 3600.0
"""Seconds since the end of the request."""

FIRST_TIMEOUT_SECONDS = 15.0
RETRY_TIMEOUT_SECONDS = 120.0


class Fate(StrEnum):
    """The state of a webhook delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One try to deliver a webhook: its emulated moment, the status of the receiver, and the error if it failed.

    `acknowledged` means that the receiver accepted it, and `final` that no later try can succeed.
    """

    at: float
    status: int | None
    error: str | None = None
    acknowledged: bool = False
    final: bool = False

    @property
    def timed_out(self) -> bool:
        """Whether the receiver used up the whole time limit."""
        return self.error is not None and self.error.startswith(NO_ANSWER)


NO_ANSWER = "no answer within "
REFUSED = "refused: "
"""The start of the error text for a target that is never tried again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook to deliver: its target, since when, when the next try is due, and every try so far."""

    request_id: str
    url: str
    ended_at: float
    due_at: float
    fate: Fate = Fate.PENDING
    attempts: tuple[DeliveryAttempt, ...] = ()

    @property
    def timeout_seconds(self) -> float:
        """The time limit of the receiver for the next try, in real seconds."""
        return RETRY_TIMEOUT_SECONDS if self.attempts else FIRST_TIMEOUT_SECONDS

    def after(self, attempt: DeliveryAttempt) -> Delivery:
        """The delivery after one more try."""
        tried = replace(self, attempts=self._with(attempt))
        if attempt.acknowledged:
            return replace(tried, fate=Fate.DELIVERED)
        due_at = attempt.at + retry_seconds(len(tried.attempts))
        over = len(tried.attempts) >= MOST_ATTEMPTS or due_at > self.ended_at + GIVE_UP_SECONDS
        if attempt.final or over:
            return replace(tried, fate=Fate.FAILED)
        return replace(tried, due_at=due_at)

    def replayed(self, attempt: DeliveryAttempt) -> Delivery:
        """The delivery after an extra try, which can turn failure into success but never the reverse."""
        fate = Fate.DELIVERED if attempt.acknowledged else self.fate
        return replace(self, fate=fate, attempts=self._with(attempt))

    def _with(self, attempt: DeliveryAttempt) -> tuple[DeliveryAttempt, ...]:
        return (*self.attempts, attempt)[-MOST_KEPT:]


def retry_seconds(attempts: int) -> float:
    """The wait after this number of failed tries: 5, 10, 20 ... seconds, at most 120 (inferred)."""
    return min(FIRST_RETRY_SECONDS * 2.0 ** (attempts - 1), LONGEST_RETRY_SECONDS)
