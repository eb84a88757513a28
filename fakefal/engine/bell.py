"""A bell that wakes one waiting task. Thousands may ring at once, so it is small and seldom sets its timer."""

from __future__ import annotations

import asyncio

TICK_SECONDS = 0.001
"""A timer may fire this many seconds early."""


class Bell:
    """Wakes one waiting task when somebody rings it, or after a time."""

    __slots__ = ("_due", "_loop", "_rung", "_timer", "_timer_at", "_waiting", "over")

    def __init__(self) -> None:
        self.over = False
        """Whether nobody wants to be woken any more."""
        self._loop = asyncio.get_running_loop()
        self._rung = False
        self._waiting: asyncio.Future[None] | None = None
        self._due = self._timer_at = float("inf")
        self._timer: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Wake the task that waits, or the next one that does."""
        self._rung = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def end(self) -> None:
        """Wake the task that waits for the last time."""
        self.over = True
        self.ring()

    def hush(self) -> None:
        """Forget that it was rung."""
        self._rung = False

    async def rung(self, seconds: float) -> None:
        """Return once it was rung since the last hush, or after this number of seconds."""
        if self._rung:
            return
        self._due = self._loop.time() + seconds
        if self._due < self._timer_at:  # an early timer is set again then: later deadlines need none
            self._set_timer()
        self._waiting = self._loop.create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def close(self) -> None:
        """Stop waking."""
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
