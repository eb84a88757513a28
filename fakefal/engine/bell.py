"""A bell for one who waits: thousands of them may be rung at once, so it is small and sets its timer seldom."""

from __future__ import annotations

import asyncio

TICK_SECONDS = 0.001
"""So much too soon a timer may come."""


class Bell:
    """Wakes one who waits, when somebody rings it or a while has passed."""

    __slots__ = ("_due", "_loop", "_rung", "_timer", "_timer_at", "_waiting")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = False
        self._waiting: asyncio.Future[None] | None = None
        self._due = self._timer_at = float("inf")
        self._timer: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Wake who waits, or who will."""
        self._rung = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def hush(self) -> None:
        """Forget that it was rung."""
        self._rung = False

    async def rung(self, seconds: float) -> None:
        """Return once it was rung since it was hushed, at the latest after so many seconds."""
        if self._rung:
            return
        self._due = self._loop.time() + seconds
        if self._due < self._timer_at:  # a timer that comes too soon is set again then: later ends need none
            self._set_timer()
        self._waiting = self._loop.create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def close(self) -> None:
        """Wake nobody any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        self.close()
        self._timer_at = self._due
        self._timer = self._loop.call_at(self._due, self._come)

    def _come(self) -> None:
        if self._due - self._loop.time() > TICK_SECONDS:
            self._set_timer()
        else:
            self._timer, self._timer_at = None, float("inf")
            self.ring()
