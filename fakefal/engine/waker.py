"""Sleeps until something falls due, and tells waiting callers that something changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial

from fakefal.core.errors import StoreUnavailable
from fakefal.core.lifecycle import State
from fakefal.engine.bell import Bell
from fakefal.state.clock import Clock
from fakefal.state.patience import PAUSE_SECONDS, cancel_and_wait, in_turns, until_written
from fakefal.state.queue import QueueStore
from fakefal.state.requests import Record, Snapshot

logger = logging.getLogger(__name__)

LONGEST_SLEEP_SECONDS = 60.0
WATCH_SECONDS = 15.0
SHORTEST_SLEEP_SECONDS = 0.005
NEVER = float("inf")


class Waker:
    """One task that carries out what is due for every key. All its knowledge can be read again from the store.

    It exists only to notify waiting callers. An error for one key is logged, and the other keys continue.
    """

    def __init__(self, queue: QueueStore, clock: Clock, send: Callable[[str], Awaitable[None]]) -> None:
        self._queue = queue
        self._send = send
        self._clock = clock
        self._call = asyncio.Event()
        self._runs = False
        self._task: asyncio.Task[None] | None = None
        self._changed_keys: set[str] = set()
        self._due: dict[str, float] = {}
        self._wakes_at = NEVER
        self._watched_key: str | None = None
        self._bells: dict[str, set[Bell]] = {}
        self.limits: set[asyncio.Timeout] = set()
        """The time limits that expire when the server is about to stop."""
        self.closing = False
        """Whether the server is about to stop."""

    def changed(self, key: str, by: Bell | None = None) -> None:
        """Say that requests of a key may have changed state; the watcher that changed them itself is not woken."""
        self._changed_keys.add(key)
        self._wake()
        self._ring(key, by)

    def added(self, key: str, due: float | None) -> None:
        """Say that a key has one more request, and when its next event is due; nothing is due now."""
        self._ring(key)
        if key == self._watched_key:
            self.changed(key)  # an answer that is on its way may be older than this
        elif due is not None and due < self._due.get(key, NEVER):
            self._due[key] = due
            pause = self._clock.sleep_seconds(key, due)
            if not pause:
                self.changed(key)
            elif asyncio.get_running_loop().time() + pause < self._wakes_at:
                self._wake()

    def _wake(self) -> None:
        self._call.set()
        if self._runs and self._task is None:
            self._task = asyncio.create_task(self._run())

    def _ring(self, key: str, by: Bell | None = None) -> None:
        for bell in self._bells.get(key, ()):
            if bell is not by:
                bell.ring()

    def watched(self) -> tuple[str, ...]:
        """The keys whose requests are watched."""
        return tuple(self._bells)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the task during the block, once there is work for it; at the end every watcher is released."""
        self._runs = True
        if self._call.is_set():
            self._wake()
        try:
            yield
        finally:
            self.close()
            self._runs = False
            if self._task is not None:
                await cancel_and_wait((self._task,))

    def close(self) -> None:
        """Release every watcher, because the server is about to stop."""
        self.closing = True
        for limit in self.limits:
            if not limit.expired():
                limit.reschedule(0)
        for key in tuple(self._bells):
            self.changed(key)

    async def _run(self) -> None:
        while True:
            self._call.clear()
            keys, self._changed_keys = self._changed_keys, set()
            async for some in in_turns([*keys]):
                for key in some:
                    await self._try_to_carry_out(key)
            pauses = [self._clock.sleep_seconds(key, due) for key, due in self._due.items()]
            pause = min([LONGEST_SLEEP_SECONDS, *pauses])
            self._wakes_at = asyncio.get_running_loop().time() + pause
            try:
                async with asyncio.timeout(pause):
                    await self._call.wait()
            except TimeoutError:
                for key, due in tuple(self._due.items()):
                    if not self._clock.sleep_seconds(key, due):
                        self.changed(key)

    async def _try_to_carry_out(self, key: str) -> None:
        try:
            await until_written(partial(self._carry_out, key))
        except Exception:
            logger.exception("the due events of a key could not be carried out")
            self._due.pop(key, None)  # the next look or change asks again

    async def _carry_out(self, key: str) -> None:
        self._watched_key = key
        try:
            await self._ask(key)
        finally:
            self._watched_key = None

    async def _ask(self, key: str) -> None:
        due = await self._queue.carry_out(key, self._clock.now(key))
        if due is not None and not self._clock.sleep_seconds(key, due):
            await self._send(key)
            due = await self._queue.carry_out(key, self._clock.now(key))
        if due is None:
            self._due.pop(key, None)
        else:
            self._due[key] = due

    async def watch(self, record: Record, look: Callable[[Record], Awaitable[Snapshot]]) -> AsyncIterator[Snapshot]:
        """Yield now and at every change of one request, until it is over or the server stops."""
        before: tuple[object, ...] | None = None
        async with aclosing(self.looks(record, look)) as looks:
            async for seen in looks:
                after = (seen.view.state, seen.position, len(seen.view.logs))
                if after != before:
                    before = after
                    yield seen

    async def looks(
        self,
        record: Record,
        look: Callable[[Record], Awaitable[Snapshot]],
        bell: Bell | None = None,
        next_at: Callable[[Snapshot], float | None] = lambda seen: seen.view.next_at,
        *,
        reads: bool = False,
    ) -> AsyncGenerator[Snapshot, None]:
        """Yield now, when something may have changed and every `WATCH_SECONDS`, until it is over or the server stops.

        The regular yields let a watcher tell its caller that nothing happened. `next_at` tells when time alone may
        change what was seen; with `reads` looking is a status read, which may change it, too. Ringing `bell` yields
        once more, ending it ends the looks, also while the store is away.
        """
        bell = bell or Bell()
        bells = self._bells.setdefault(record.key, set())
        bells.add(bell)
        try:
            while not (self.closing or bell.over):
                bell.hush()
                try:
                    seen = await look(record)
                except StoreUnavailable:
                    await asyncio.sleep(PAUSE_SECONDS)
                    continue
                yield seen
                if seen.view.state is State.COMPLETED:
                    return
                if reads and _moves_by_reads(seen):
                    continue
                await bell.rung(self._pause(record.key, next_at(seen)))
        finally:
            bell.close()
            bells.discard(bell)
            if not bells:
                self._bells.pop(record.key, None)

    def _pause(self, key: str, moment: float | None) -> float:
        """Real seconds until a request may change by time alone, at `moment`."""
        if moment is None:
            return WATCH_SECONDS
        return min(WATCH_SECONDS, max(SHORTEST_SLEEP_SECONDS, self._clock.sleep_seconds(key, moment)))


def _moves_by_reads(seen: Snapshot) -> bool:
    """Whether the next status read may change a request; one that runs with an open plan waits for its clip."""
    plan = seen.plan
    return plan is not None and plan.polls is not None and not (plan.open and seen.view.state is State.IN_PROGRESS)
