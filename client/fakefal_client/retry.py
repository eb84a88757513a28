"""Retries and deadlines of calls."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fakefal_client.errors import DeadlineExceeded


def _now() -> float:
    """The current time, even if a test froze it after this module was imported."""
    return time.time()


@dataclass(frozen=True)
class TimeSource:
    """A source of time: seconds since 1970, and a monotonic clock."""

    wall: Callable[[], float] = _now
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Retry:
    """How often, and after how long, a call that cannot be paid twice is repeated.

    The pause before the n-th retry is random, between half and all of ``first_seconds * 2 ** (n - 1)``, or of
    `most_seconds` if that is less ("equal jitter").
    """

    times: int = 4
    first_seconds: float = 0.5
    most_seconds: float = 30.0
    draw: Callable[[], float] = random.random

    def pause(self, number: int, headers: Mapping[str, str], wall: float) -> float:
        """Seconds before the `number`-th retry; a Retry-After header overrides them."""
        seconds = _retry_after(headers, wall)
        if seconds is not None:
            return seconds
        longest = min(self.most_seconds, self.first_seconds * 2 ** (number - 1))
        return float(longest * (1 + self.draw()) / 2)


def _retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """The seconds of a ``Retry-After`` header, which has seconds or a date."""
    said = headers.get("retry-after", "")
    if said.strip().isdecimal():
        return float(said[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - wall)
    except (TypeError, ValueError, OverflowError):
        return None


class Deadline:
    """The deadline for everything that one call does; None waits for ever."""

    def __init__(self, seconds: float | None, clock: TimeSource) -> None:
        self._clock = clock
        self.until = None if seconds is None else clock.monotonic() + seconds

    def allows(self, seconds: float) -> bool:
        """Whether there is time for a pause of that length."""
        return self.until is None or self._clock.monotonic() + seconds < self.until

    def check(self, request_id: str | None = None) -> None:
        """Check the deadline.

        Raises:
            DeadlineExceeded: it has passed.
        """
        if not self.allows(0):
            raise self.exceeded(request_id)

    def exceeded(self, request_id: str | None = None) -> DeadlineExceeded:
        """The error for a passed deadline; an accepted job continues, and may be paid for."""
        goes_on = f"; request {request_id} goes on" if request_id else ""
        return DeadlineExceeded(
            f"the deadline of the call passed{goes_on}", request_id=request_id, maybe_paid=request_id is not None
        )
