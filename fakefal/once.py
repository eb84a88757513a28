"""Calls that must not happen twice: what an ``Idempotency-Key`` is for."""

from __future__ import annotations

REMEMBERED_SECONDS = 600.0
"""How long fal remembers such a key (Platform API, August 2026)."""
MOST = 10_000


class Once:
    """Remembers which calls were made, each for ten minutes of emulated time."""

    def __init__(self) -> None:
        self._made: dict[str, float] = {}

    def first(self, call: str, now: float) -> bool:
        """Whether this call was not made in the last ten minutes; from now on it was."""
        before = self._made.get(call)
        if before is not None and now - before < REMEMBERED_SECONDS:
            return False
        self._made.pop(call, None)
        self._made[call] = now
        if len(self._made) > MOST:
            del self._made[next(iter(self._made))]
        return True

    def reset(self) -> None:
        """Forget every call."""
        self._made.clear()
