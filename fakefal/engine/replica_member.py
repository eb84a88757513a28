"""The work of an emulator for the other replicas of its store."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

from typing_extensions import override

from fakefal.core.errors import UnknownRequest
from fakefal.core.plan import Plan
from fakefal.engine.waker import Waker
from fakefal.files.foreign_media import Downloads
from fakefal.state.clock import Clock
from fakefal.state.endings import platform_ending
from fakefal.state.group import Member
from fakefal.state.queue import BEFORE_ALL_TIME, QueueStore
from fakefal_contracts.failures import PLATFORM_ERRORS

ORPHANED = Plan(
    replace(platform_ending(PLATFORM_ERRORS["runner_disconnected"]), hint="its replica ended: submit again"),
    logs=((0.0, "The replica that was downloading its media ended"),),
)
"""How a request ends if a replica died while it was downloading the request's media."""


class ReplicaMember(Member):
    """One emulator as its group of replicas sees it: its waiting callers, and the media that it downloads."""

    def __init__(self, queue: QueueStore, clock: Clock, waker: Waker, downloads: Downloads) -> None:
        self._queue, self._clock, self._waker, self._downloads = queue, clock, waker, downloads

    @override
    def changed(self, key: str) -> None:
        self._waker.changed(key)

    @override
    def watched(self) -> Collection[str]:
        return self._waker.watched()

    @override
    def judging(self) -> tuple[str, ...]:
        return tuple(self._downloads)

    @override
    async def orphaned(self, request_id: str) -> None:
        with suppress(UnknownRequest):
            key = (await self._queue.look(request_id, BEFORE_ALL_TIME)).record.key
            await self._queue.settle(request_id, ORPHANED, self._clock.now(key))
            self.changed(key)
