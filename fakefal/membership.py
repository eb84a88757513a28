"""What an emulator does for the other replicas of its store."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from fakefal.answers import platform_ending
from fakefal.core.errors import UnknownRequest
from fakefal.core.plan import Plan
from fakefal_contracts.failures import PLATFORM_ERRORS

if TYPE_CHECKING:
    from fakefal.emulator import Emulator

ORPHANED = Plan(
    replace(platform_ending(PLATFORM_ERRORS["runner_disconnected"]), hint="its replica ended: submit again"),
    logs=((0.0, "The replica that was downloading its media ended"),),
)
"""How a request ends whose media a dead replica was downloading."""


class Membership:
    """See `fakefal.parts.Member`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.changed = emulator.waker.changed
        self.watched = emulator.waker.watched
        self.judging = emulator.judging

    async def orphaned(self, request_id: str) -> None:
        """Give a verdict on a request whose media a dead replica was downloading: nobody has them."""
        emulator = self._emulator
        with suppress(UnknownRequest):
            key = (await emulator.find(request_id)).record.key
            await emulator.queue.settle(request_id, ORPHANED, emulator.clock.now(key))
            emulator.waker.changed(key)
