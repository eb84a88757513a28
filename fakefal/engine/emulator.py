"""The emulator: requests in, answers out.  HTTP is one way to it; nothing in here knows of HTTP."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from typing import TypeVar

from fakefal.core.errors import NeedsVerdict, QueueError, RefusedMove, UnknownRequest
from fakefal.core.ids import RANDOM_BITS, uuid7
from fakefal.core.lifecycle import Move, State, after
from fakefal.core.plan import PROFILES, Ending, Plan, Quirk
from fakefal.core.webhook import FIRST_TIMEOUT_SECONDS
from fakefal.engine.acceptance import Acceptance
from fakefal.engine.verdict import Judge
from fakefal.engine.waker import Waker
from fakefal.engine.webhooks import Sender, WebhookDispatcher
from fakefal.files.cdn import Cdn
from fakefal.files.fetch import Fetcher
from fakefal.files.foreign_media import Downloads
from fakefal.settings import MEMORY, Settings
from fakefal.state.clock import Clock
from fakefal.state.endings import ending_of, platform_ending
from fakefal.state.files import FileStore
from fakefal.state.ledger import LedgerEntry, Total, entries, sums, totals
from fakefal.state.queue import BEFORE_ALL_TIME, How, QueueStore
from fakefal.state.requests import Record, Snapshot
from fakefal.state.submission import Submission
from fakefal.store.opening import parts_for
from fakefal_contracts.failures import PLATFORM_ERRORS

T = TypeVar("T")
logger = logging.getLogger(__name__)


PATIENT_SECONDS = FIRST_TIMEOUT_SECONDS
FETCH_SECONDS = 60.0
"""How long a move of the clock waits for receivers, and for foreign media, in real seconds."""

LARGE_RESULT = 10 * 1024
RESULT_SECONDS, LARGE_RESULT_SECONDS = 3600.0, 360.0
"""How long fal keeps a result, and one of 10 KB or more (documentation of the result call, 2026)."""


ORPHANED = Plan(
    replace(platform_ending(PLATFORM_ERRORS["runner_disconnected"]), hint="its replica ended: submit again"),
    logs=((0.0, "The replica that was downloading its media ended"),),
)
"""How a request ends whose media a dead replica was downloading."""


class Stopping(QueueError):
    """The emulator is being stopped; what it was asked to wait for did not happen."""

    def __init__(self) -> None:
        super().__init__("the emulator is stopping")


class Emulator:
    """One emulated fal.

    Args:
        settings: what it was told.
        clock: where emulated time comes from.
        queue: where requests are kept; memory by default.
        files: where uploads are kept; a spool folder by default.
        fetcher: how foreign media are downloaded where `settings.fetch` allows it.
        sender: how webhooks are sent.
        random_bits: where ids get their randomness from.
        wall: where real time comes from, in seconds since 1970.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        clock: Clock | None = None,
        queue: QueueStore | None = None,
        files: FileStore | None = None,
        fetcher: Fetcher | None = None,
        sender: Sender | None = None,
        random_bits: Callable[[int], int] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings or Settings()
        parts = parts_for(self.settings, clock)
        self.clock = clock or parts.clock
        self.queue = queue or parts.queue
        self.tally = parts.tally
        self._shares = self.settings.store != MEMORY
        self.journal = parts.journal
        self.queue.listen(self.tally.end)
        self.files = files or parts.files()
        self.access = parts.access
        self.cdn = Cdn(self.files)
        self.judge = Judge(self.settings.contract, self.cdn)
        self.once = parts.once
        self.effects = parts.effects
        self.arrivals = parts.arrivals
        self.tokens = parts.tokens
        self._group = parts.group
        sender = sender or Sender(parts.signing, anywhere=self.settings.webhooks_anywhere)
        self.signing = sender.keys
        self.webhooks = WebhookDispatcher(self.queue, self.clock, sender, self.tally.tried)
        self.waker = Waker(self.queue, self.clock, self.webhooks.begin)
        self._downloads = Downloads(self.files, fetcher or Fetcher())
        self._random_bits = random_bits or random.Random().getrandbits  # noqa: S311 - ids are no secrets
        self.wall = wall
        self._profile = PROFILES[self.settings.profile]
        self._acceptance = Acceptance(
            self.settings,
            clock=self.clock,
            queue=self.queue,
            judge=self.judge,
            cdn=self.cdn,
            files=self.files,
            downloads=self._downloads,
            tally=self.tally,
            waker=self.waker,
            random_bits=self._random_bits,
            wall=wall,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Emulator]:
        """Keep time moving for streams, and clean up at the end."""
        try:
            async with self._group.running(self):
                try:
                    async with self.waker.running():
                        yield self
                finally:
                    await self._downloads.close()
                    await self.webhooks.close()
        finally:
            self.files.close()

    def new_id(self) -> str:
        """A fresh request id."""
        return uuid7(self.clock.now(None), self._random_bits(RANDOM_BITS))

    # -- requests -------------------------------------------------------------------------------

    async def submit(self, submission: Submission) -> Snapshot:
        """Accept a request, as fal's gateway does: whatever its body is, the answer comes later.

        Raises:
            NotEmulated: fal has this endpoint, the emulator does not.
            StoreFull: only unfinished requests are stored.
        """
        # who waits for a webhook does not poll: without this, a poll-driven request would never end
        profile = self._profile if submission.webhook is None else replace(self._profile, polls=None)
        return await self._acceptance.accept(submission, profile)

    async def run(self, submission: Submission) -> tuple[Snapshot, Ending]:
        """Run a request without the queue, and wait for its end.

        Raises:
            Busy: all runners of the key are taken.
            NotEmulated, StoreFull: as `submit`.
        """
        direct = replace(self._profile, wait=replace(self._profile.wait, median=0.0, sigma=0.0), polls=None)
        look = await self._acceptance.accept(submission, direct, at_once=True)
        async for seen in self.waker.watch(look.record, self._see):
            look = seen
        ending = ending_of(look)
        if ending is None:
            raise Stopping
        return look, ending

    async def look(self, key: str, request_id: str, *, read: bool = False) -> Snapshot:
        """See where a request of this key stands; `read` counts as a status read.

        Raises:
            UnknownRequest: no such request, or another key's.
        """
        look = await self.queue.look(request_id, self.clock.now(key), read=read, key=key)
        if self._is_gone(look):
            raise UnknownRequest(request_id)
        if read and look.plan is not None and look.plan.polls is not None:
            self.waker.changed(key)
        return look

    async def find(self, request_id: str, key: str | None = None) -> Snapshot:
        """See where a request stands, whosever it is; with a key, only of that one.

        Raises:
            UnknownRequest: no such request.
        """
        key = (await self.queue.look(request_id, BEFORE_ALL_TIME, key=key)).record.key
        return await self.queue.look(request_id, self.clock.now(key))

    def looks(self, record: Record) -> AsyncGenerator[Snapshot, None]:
        """Follow a request: one look now, one whenever it may have changed or a while has passed, the last at its end.

        Raises:
            UnknownRequest: it was reset meanwhile.
        """
        return self.waker.looks(record, self._read)

    async def cancel(self, key: str, request_id: str) -> State:
        """End a request; returns the state it was in, or IN_PROGRESS where the runner does not listen.

        Raises:
            UnknownRequest: no such request, or another key's.
            RefusedMove: it is over already.
        """
        look = await self.look(key, request_id)
        if look.plan is not None and Quirk.CANCEL_IGNORED in look.plan.quirks:
            after(look.view.state, Move.CANCEL)
            return State.IN_PROGRESS
        was = await self.queue.cancel(request_id, self.clock.now(key))
        self._downloads.stop(request_id)
        self.waker.changed(key)
        return was

    async def flush(self, key: str, app: str) -> int:
        """Cancel the requests of a key that wait for an application; returns how many."""
        waiting = [look.record.id for look in await self.waiting(key, app)]
        for request_id in waiting:
            with suppress(UnknownRequest, RefusedMove):  # it began or was dropped meanwhile
                await self.cancel(key, request_id)
        return len(waiting)

    async def waiting(self, key: str, app: str) -> list[Snapshot]:
        """The requests of a key that wait for an application."""
        return [look for look in await self.all(key) if look.record.app == app and look.view.state is State.IN_QUEUE]

    async def erase(self, key: str, request_id: str) -> Snapshot:
        """Forget what went into a request that is over and what came out.

        Raises:
            UnknownRequest: no such request, or another key's.
            RefusedMove: it is not over.
        """
        await self.look(key, request_id)
        return await self.queue.erase(request_id, self.clock.now(key))

    async def advance(self, request_id: str, how: float | How) -> Snapshot:
        """Advance one request, of whatever key, once its verdict is there.

        Raises:
            UnknownRequest: no such request.
            RefusedMove: it is too late for that.
        """
        key = (await self.find(request_id)).record.key
        try:
            look = await self.queue.advance(request_id, how, self.clock.now(key))
        except NeedsVerdict:
            look = await self._advance_unjudged(key, request_id, how)
        self.waker.changed(key)
        return look

    async def _advance_unjudged(self, key: str, request_id: str, how: float | How) -> Snapshot:
        """Advance once the verdict is there; it may have brought the request there by itself."""
        record = (await self.find(request_id)).record
        async with aclosing(self.waker.looks(record, self._see)) as looks:
            async for seen in looks:
                if seen.plan is not None:
                    break
        try:
            return await self.queue.advance(request_id, how, self.clock.now(key))
        except RefusedMove:
            return await self.queue.look(request_id, self.clock.now(key))

    async def move_clock(self, key: str | None, *, advance: float = 0.0, speed: float | None = None) -> None:
        """Move the clock of a key, or of all; returns once all that fell due was attempted.

        Media that requests wait for are fetched first.  Receivers get `PATIENT_SECONDS` of real time in all;
        a try that takes longer goes on by itself.
        """
        await self.clock.move(key, advance=advance, speed=speed)
        keys = tuple(await self.queue.keys()) if key is None else (key,)
        await asyncio.gather(*map(self._carry_out, keys))
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENT_SECONDS):
                await asyncio.gather(*map(self.webhooks.finish, keys))

    async def _carry_out(self, key: str) -> None:
        await self._downloads.finish(key, FETCH_SECONDS)
        await self.queue.carry_out(key, self.clock.now(key))
        self.waker.changed(key)

    async def unless_stopping(self, work: Awaitable[T]) -> T:
        """Wait for something that may take long, but not beyond the order to stop.

        Raises:
            Stopping: that came first; the work was cancelled.
        """
        limit = asyncio.timeout(0 if self.waker.closing else None)
        self.waker.limits.add(limit)
        try:
            async with limit:
                return await work
        except TimeoutError:
            if limit.expired():
                raise Stopping from None
            raise
        finally:
            self.waker.limits.discard(limit)

    # -- for the other replicas of the store (`fakefal.state.group.Member`) -----------------------

    def changed(self, key: str) -> None:
        """Requests of a key may stand elsewhere now."""
        self.waker.changed(key)

    def watched(self) -> Collection[str]:
        """The keys whose requests somebody watches here."""
        return self.waker.watched()

    def judging(self) -> tuple[str, ...]:
        """The requests whose media are downloaded here."""
        return tuple(self._downloads)

    async def orphaned(self, request_id: str) -> None:
        """Give a verdict on a request whose media a dead replica was downloading: nobody has them."""
        with suppress(UnknownRequest):
            key = (await self.find(request_id)).record.key
            await self.queue.settle(request_id, ORPHANED, self.clock.now(key))
            self.changed(key)

    async def all(self, key: str | None = None) -> list[Snapshot]:
        """Every stored request of a key, or of all."""
        return await self.queue.all(key, self.clock.now)

    async def summary(self) -> str:
        """One line on the whole run: how many requests, how they ended, and what they would have cost.

        Where replicas share a store, on what is stored there.
        """
        looks = await self.all()  # which carries out what is due
        return str(sums(entries(looks)) if self._shares else self.tally.run)

    async def ledger(self, key: str | None = None) -> tuple[list[LedgerEntry], list[Total]]:
        """Every stored job of a key, or of all, oldest first, and the sums since the last reset.

        The sums count what was dropped since, too, but where replicas share a store.
        """
        lines = list(entries(await self.all(key)))
        return lines, totals(lines) if self._shares else self.tally.of_key(key)

    async def reset(self, key: str | None = None) -> dict[str, int]:
        """Forget a key's requests and calls and set its clock free; without a key, everything, files included."""
        keys = tuple(await self.queue.keys()) if key is None else (key,)
        counts = {"requests": await self.queue.reset(key)}
        if key is None:
            counts["files"] = self.files.reset()
        await self.clock.reset(key)
        await self.effects.reset(key)
        await self.access.reset(key)
        await self.journal.reset(key)
        self.tally.reset(key)
        self._acceptance.reset(key)
        await self.once.reset(key)
        for request_id in self._downloads:
            try:
                await self.find(request_id)
            except UnknownRequest:
                self._downloads.stop(request_id)
        for one in keys:
            await self.webhooks.stop(one)
            self.waker.changed(one)
        return counts

    # -- inside ---------------------------------------------------------------------------------

    def _is_gone(self, look: Snapshot) -> bool:
        """Whether fal would not keep this result any more: after an hour, a large one after six minutes."""
        if not self.settings.retention or look.view.ended_at is None:
            return False
        large = look.plan is not None and len(look.plan.ending.body) >= LARGE_RESULT
        kept = LARGE_RESULT_SECONDS if large else RESULT_SECONDS
        return self.clock.now(look.record.key) > look.view.ended_at + kept

    async def _see(self, record: Record) -> Snapshot:
        return await self.queue.look(record.id, self.clock.now(record.key))

    async def _read(self, record: Record) -> Snapshot:
        return await self.look(record.key, record.id, read=True)
