"""Sleeps until something falls due, and tells whoever waits that something changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from fakefal.clock import Clock
from fakefal.core.lifecycle import State
from fakefal.record import Look, Record
from fakefal.store.queue import QueueStore

LONGEST_SLEEP_SECONDS = 60.0


class Waker:
    """One task that carries out what is due for every key.  It holds no state: the store does.

    If it dies, the next look catches up; it only exists so that those who do not look are told.
    """

    def __init__(self, queue: QueueStore, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock
        self._changed = asyncio.Event()
        self._waiting: set[asyncio.Event] = set()
        self.closing = False

    def changed(self, key: str | None = None) -> None:  # noqa: ARG002 - one bell serves all keys
        """Say that requests of a key (or of all) may stand elsewhere now."""
        self._changed.set()
        for bell in self._waiting:
            bell.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the task while the block lasts; at its end every watcher is let go."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self.close()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def close(self) -> None:
        """Let every watcher go: the server is about to stop."""
        self.closing = True
        self.changed()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            pause = LONGEST_SLEEP_SECONDS
            for key in await self._queue.keys():
                due = await self._queue.carry_out(key, self._clock.now(key))
                if due is not None:
                    pause = min(pause, self._clock.sleep_seconds(key, due))
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                self.changed()

    async def watch(self, record: Record, look: Callable[[Record], Awaitable[Look]]) -> AsyncIterator[Look]:
        """Look now and at every change of one request, until it is over or the server stops."""
        bell = asyncio.Event()
        self._waiting.add(bell)
        before: tuple[object, ...] | None = None
        try:
            while not self.closing:
                bell.clear()
                seen = await look(record)
                after = (seen.view.state, seen.position, len(seen.view.logs))
                if after != before:
                    before = after
                    yield seen
                if seen.view.state is State.COMPLETED:
                    return
                if seen.plan is not None and seen.plan.polls is not None:
                    continue  # looking is what moves it
                await self._rest(record.key, seen, bell)
        finally:
            self._waiting.discard(bell)

    async def _rest(self, key: str, seen: Look, bell: asyncio.Event) -> None:
        pause = LONGEST_SLEEP_SECONDS
        if seen.view.next_at is not None:
            pause = min(pause, self._clock.sleep_seconds(key, seen.view.next_at))
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await bell.wait()
