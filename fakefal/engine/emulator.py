"""The emulator: it takes requests and gives answers. It knows nothing of HTTP, which is one way to reach it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fakefal.core.effects import EffectRule
from fakefal.core.errors import NeedsJudgement, QueueError, RefusedMove, UnknownRequest
from fakefal.core.ids import RANDOM_BITS, uuid7
from fakefal.core.lifecycle import Move, State, after
from fakefal.core.plan import PROFILES, Ending, Quirk
from fakefal.core.webhook import FIRST_TIMEOUT_SECONDS, Delivery, DeliveryAttempt
from fakefal.effects.known import check_endpoint
from fakefal.effects.rules import Effects
from fakefal.engine.acceptance import Acceptance
from fakefal.engine.accounts import Accounts
from fakefal.engine.bell import Bell
from fakefal.engine.judge import Judge
from fakefal.engine.replica_member import ReplicaMember
from fakefal.engine.waker import Waker
from fakefal.engine.webhooks import Sender, WebhookDispatcher
from fakefal.files.cdn import Cdn
from fakefal.files.foreign_media import Downloads
from fakefal.files.rendering import Renderer
from fakefal.settings import Settings
from fakefal.state.endings import ending_of
from fakefal.state.events import EventLog
from fakefal.state.patience import in_turns
from fakefal.state.queue import BEFORE_ALL_TIME, How
from fakefal.state.requests import Record, Snapshot
from fakefal.state.submission import Submission
from fakefal.state.tally import Tally
from fakefal.store.opening import open_parts
from fakefal.store.parts import EmulatorParts
from fakefal.verdict.findings import Finding, finding_event
from fakefal.verdict.witness import Witness

T = TypeVar("T")
logger = logging.getLogger(__name__)


PATIENT_SECONDS = FIRST_TIMEOUT_SECONDS
FETCH_SECONDS = 60.0
"""How long an advance of the clock waits for webhook receivers and foreign media, in real seconds."""

LARGE_RESULT = 10 * 1024
RESULT_SECONDS, LARGE_RESULT_SECONDS = 3600.0, 360.0
"""How long fal keeps a result, and a result of 10 KB or more (documentation of the result call, 2026)."""


class Stopping(QueueError):
    """The emulator is stopping, so the awaited event did not happen."""

    def __init__(self) -> None:
        super().__init__("the emulator is stopping")


class Emulator:
    """One emulated fal.

    Its parts may be used by callers. `clock`, `files`, `access`, `once`, `rules`, `arrivals`, `tokens`, `signing`,
    `journal` and `tally` are protocols that document themselves. `queue` is the store of requests, and `events` the
    events so far. `lead_folder` holds the files that lead programs of this machine, if there is such a folder.
    `accounts` holds the balances of keys, `effects` chooses effects, `cdn` finds files, `catalogue` knows the models,
    `judge` knows their editions, and `witness` watches what programs do.

    Args:
        settings: its settings.
        parts: where its state is kept; by default the parts that the settings select.
        sender: sends webhooks.
    """

    def __init__(
        self, settings: Settings | None = None, parts: EmulatorParts | None = None, *, sender: Sender | None = None
    ) -> None:
        self.settings = settings or Settings()
        self._parts = parts = parts or open_parts(self.settings)
        self.clock, self.queue, self.files = parts.clock, parts.queue, parts.files
        self.access, self.once, self.tokens = parts.access, parts.once, parts.tokens
        self.rules, self.arrivals = parts.rules, parts.arrivals
        self.effects = Effects(self.rules, self.settings.seed)
        self.journal, self.tally, self.events = parts.journal, parts.tally, parts.events
        self.accounts = Accounts(self.settings.balance, self.queue, self.clock)
        self.media_base: str | None = None
        self.lead_folder: Path | None = None
        self.cdn = Cdn(self.files)
        self.catalogue = self.settings.catalogue()
        self.judge = Judge(
            self.settings.contract,
            self.cdn,
            self.catalogue,
            self.settings.results,
            fetch=self.settings.fetch,
            renders=self.settings.render,
        )
        sender = sender or Sender(parts.signing, anywhere=self.settings.webhooks_anywhere)
        self.signing = sender.keys
        self.wall, self.ticks = parts.wall, parts.ticks
        self.witness = Witness(partial(_tell_finding, self.events))
        on_try = partial(_tell_try, self.tally, self.events, self.witness)
        self._webhooks = WebhookDispatcher(self.queue, self.clock, sender, on_try, self.witness.forged)
        self._waker = Waker(self.queue, self.clock, self._webhooks.begin)
        self._downloads = Downloads(self.files, parts.fetcher)
        self._member = ReplicaMember(self.queue, self.clock, self._waker, self._downloads)
        self._profile = PROFILES[self.settings.profile]
        self._acceptance = Acceptance(
            self.settings,
            parts,
            judge=self.judge,
            cdn=self.cdn,
            downloads=self._downloads,
            renderer=Renderer(self.files),
            waker=self._waker,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Emulator]:
        """Keep time moving for streams, and clean up at the end."""
        try:
            async with self._parts.membership(self._member):
                try:
                    async with self._waker.running():
                        yield self
                finally:
                    await self._downloads.close()
                    await self._webhooks.close()
        finally:
            self.files.close()
            self.cdn.made.close()

    def expose(self) -> None:
        """From now on other machines can call, so their webhooks must not reach loopback."""
        if not self.settings.webhooks_loopback:
            self._webhooks.spare_loopback()

    def reached_at(self, url: str) -> None:
        """Browsers reach this emulator at a base URL; if media addresses are local, they start with it."""
        if self.settings.media_urls == "local":
            self.media_base = (self.settings.public_url or url).rstrip("/")

    async def add_rule(self, rule: EffectRule) -> None:
        """Add a rule that chooses effects; it takes precedence over the existing rules.

        Raises:
            BadEffect: the rule can never match.
        """
        if self.settings.unknown == "refuse":
            check_endpoint(rule, self.catalogue)
        await self.rules.add(rule)

    def knows_app(self, app: str) -> bool:
        """Whether this application exists; requests to others get fal's 404."""
        return self.settings.unknown == "accept" or self.catalogue.has_app(app)

    def new_id(self) -> str:
        """A new request id."""
        return uuid7(self.clock.now(None), self._parts.random_bits(RANDOM_BITS))

    # -- requests -------------------------------------------------------------------------------

    async def submit(self, submission: Submission) -> Snapshot:
        """Accept a request as fal's gateway does: any body is accepted, and errors follow in the result.

        Raises:
            StoreFull: only unfinished requests are stored.
        """
        # a caller with a webhook does not poll: without this, a poll-driven request would never end
        profile = self._profile if submission.webhook is None else replace(self._profile, polls=None)
        return await self._acceptance.accept(submission, profile)

    async def run(
        self, submission: Submission, accepted: Callable[[Snapshot], None] = lambda _: None
    ) -> tuple[Snapshot, Ending]:
        """Run a request without the queue and wait for its end; `accepted` is called when it starts.

        Raises:
            Busy, StoreFull: as for `begin`.
        """
        look = await self.begin(submission)
        accepted(look)
        async for seen in self._waker.watch(look.record, self._see):
            look = seen
        ending = ending_of(look)
        if ending is None:
            raise Stopping
        return look, ending

    async def begin(self, submission: Submission) -> Snapshot:
        """Start a request without the queue.

        Raises:
            Busy: all runners of the key are taken.
            StoreFull: as for `submit`.
        """
        direct = replace(self._profile, wait=replace(self._profile.wait, median=0.0, sigma=0.0), polls=None)
        return await self._acceptance.accept(submission, direct, at_once=True)

    async def pieces(self, record: Record, count: int) -> AsyncGenerator[tuple[int, Snapshot], None]:
        """Yield how many of `count` equal pieces of a run are over, at each change; the last piece only at its end.

        Raises:
            UnknownRequest: it was reset in the meantime.
        """

        def ends(look: Snapshot) -> list[float]:
            if look.view.started_at is None or look.plan is None or look.plan.open:
                return []
            return [look.view.started_at + look.plan.run_seconds * piece / count for piece in range(1, count)]

        def next_at(look: Snapshot) -> float | None:
            now, moments = self.clock.now(record.key), [*ends(look), look.view.next_at]
            return min((moment for moment in moments if moment is not None and moment > now), default=None)

        async with aclosing(self._waker.looks(record, self._see, next_at=next_at)) as looks:
            async for look in looks:
                now = self.clock.now(record.key)
                over = look.view.state is State.COMPLETED
                yield count if over else sum(end <= now for end in ends(look)), look

    def look(self, key: str, request_id: str, *, read: bool = False) -> Coroutine[Any, Any, Snapshot]:
        """A snapshot of a request of this key; `read` counts it as a status read.

        Raises:
            UnknownRequest: no such request, or it belongs to another key.
        """
        if read:
            self.events.polled(request_id)
        return self._look(key, request_id, read=read)

    async def find(self, request_id: str, key: str | None = None) -> Snapshot:
        """A snapshot of a request of any key; with `key`, only of that key.

        Raises:
            UnknownRequest: no such request.
        """
        key = (await self.queue.look(request_id, BEFORE_ALL_TIME, key=key)).record.key
        return await self.queue.look(request_id, self.clock.now(key))

    def looks(self, record: Record, bell: Bell) -> AsyncGenerator[Snapshot, None]:
        """Follow a request: yields now, then whenever it may have changed or some time has passed, and at its end.

        Ringing `bell` yields once more.

        Raises:
            UnknownRequest: it was reset in the meantime.
        """
        look = partial(self._look, record.key, record.id, read=True, by=bell)
        return self._waker.looks(record, lambda _: look(), bell, reads=True)

    async def cancel(self, key: str, request_id: str) -> State:
        """End a request. Returns its previous state, or IN_PROGRESS if the runner ignores the cancellation.

        Raises:
            UnknownRequest: no such request, or it belongs to another key.
            RefusedMove: it is already over.
        """
        look = await self.look(key, request_id)
        if look.plan is not None and Quirk.CANCEL_IGNORED in look.plan.quirks:
            after(look.view.state, Move.CANCEL)
            return State.IN_PROGRESS
        was = await self.queue.cancel(request_id, self.clock.now(key))
        self._downloads.stop(request_id)
        self._waker.changed(key)
        return was

    async def flush(self, key: str, app: str) -> int:
        """Cancel a key's requests that wait for an application; returns how many."""
        waiting = [look.record.id for look in await self.waiting(key, app)]
        for request_id in waiting:
            with suppress(UnknownRequest, RefusedMove):  # it started or was evicted in the meantime
                await self.cancel(key, request_id)
        return len(waiting)

    async def waiting(self, key: str, app: str) -> list[Snapshot]:
        """A key's requests that wait for an application."""
        return [look for look in await self.all(key) if look.record.app == app and look.view.state is State.IN_QUEUE]

    async def erase(self, key: str, request_id: str) -> Snapshot:
        """Delete the input and output of a request that is over.

        Raises:
            UnknownRequest: no such request, or it belongs to another key.
            RefusedMove: it is not over.
        """
        await self.look(key, request_id)
        return await self.queue.erase(request_id, self.clock.now(key))

    async def advance(self, request_id: str, how: float | How) -> Snapshot:
        """Advance one request of any key, once it is judged.

        Raises:
            UnknownRequest: no such request.
            RefusedMove: the request is past that move.
        """
        key = (await self.find(request_id)).record.key
        try:
            look = await self.queue.advance(request_id, how, self.clock.now(key))
        except NeedsJudgement:
            look = await self._advance_unjudged(key, request_id, how)
        self._waker.changed(key)
        return look

    async def _advance_unjudged(self, key: str, request_id: str, how: float | How) -> Snapshot:
        """Advance once the request is judged, which may itself have moved the request that far."""
        record = (await self.find(request_id)).record
        async with aclosing(self._waker.looks(record, self._see)) as looks:
            async for seen in looks:
                if seen.plan is not None and not (how == "end" and seen.plan.open):
                    break
        try:
            return await self.queue.advance(request_id, how, self.clock.now(key))
        except RefusedMove:
            return await self.queue.look(request_id, self.clock.now(key))

    async def move_clock(self, key: str | None, *, advance: float = 0.0, speed: float | None = None) -> None:
        """Advance the clock of a key, or of all keys; returns once everything that fell due was attempted.

        Media that requests wait for are downloaded first. Webhook receivers get `PATIENT_SECONDS` of real time
        together; a try that takes longer continues in the background.
        """
        await self.clock.move(key, advance=advance, speed=speed)
        now, pace = await self.clock.read(key)
        self.events.moved(key, now, advance, pace)
        keys = tuple(await self.queue.keys()) if key is None else (key,)
        await _for_each(keys, self._carry_out)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENT_SECONDS):
                await _for_each(keys, self._webhooks.finish)

    async def _carry_out(self, key: str) -> None:
        await self._downloads.finish(key, FETCH_SECONDS)
        await self.queue.carry_out(key, self.clock.now(key))
        self._waker.changed(key)

    async def carry_out(self) -> None:
        """Carry out what is due for every key; returns once its webhooks were attempted."""
        for key in tuple(await self.queue.keys()):
            await self.queue.carry_out(key, self.clock.now(key))
            await self._webhooks.finish(key)

    # -- webhooks -------------------------------------------------------------------------------

    async def deliveries(self, key: str | None = None) -> list[Delivery]:
        """The webhooks of finished requests, of a key or of all keys, oldest first."""
        return await self.queue.webhooks(key)

    async def replay_webhook(self, request_id: str) -> Delivery:
        """Send a webhook again, whether or not it was delivered.

        Raises:
            UnknownRequest: the request is not stored, or has no webhook yet.
        """
        return await self._webhooks.replay(request_id)

    # -- starting and stopping ------------------------------------------------------------------

    async def ready(self) -> bool:
        """Check that requests can be accepted; returns False while it is stopping.

        Raises:
            StoreUnavailable: the store cannot be reached.
        """
        return not self._waker.closing and await self.queue.ready()

    def close(self) -> None:
        """Release everybody who waits here, because the server is about to stop."""
        self._waker.close()
        self.events.close()

    async def unless_stopping(self, work: Awaitable[T]) -> T:
        """Wait for slow work, but not beyond the stop of the server.

        Raises:
            Stopping: the server stopped first; the work was cancelled.
        """
        limit = asyncio.timeout(0 if self._waker.closing else None)
        self._waker.limits.add(limit)
        try:
            async with limit:
                return await work
        except TimeoutError:
            if limit.expired():
                raise Stopping from None
            raise
        finally:
            self._waker.limits.discard(limit)

    # -- all of them ----------------------------------------------------------------------------

    async def all(self, key: str | None = None, most: int | None = None) -> list[Snapshot]:
        """Every stored request of a key, or of all keys, oldest first; or the newest `most` of them."""
        return await self.queue.all(key, self.clock.now, most)

    async def states(self) -> dict[str, Counter[State]]:
        """The number of stored requests of each key by state."""
        return await self.queue.states(self.clock.now)

    async def webhooks_settled(self, patience: float) -> None:
        """Wait until no webhook is being sent, for at most this number of real seconds."""
        await self._webhooks.settle(patience)

    async def reset(self, key: str | None = None) -> dict[str, int]:
        """Delete a key's requests and calls and reset its clock; without a key, delete everything including files."""
        keys = tuple(await self.queue.keys()) if key is None else (key,)
        counts = {"requests": await self.queue.reset(key)}
        if key is None:
            counts["files"] = self.files.reset()
        await self.clock.reset(key)
        await self.rules.reset(key)
        await self.arrivals.reset(key)
        await self.access.reset(key)
        await self.journal.reset(key)
        self._acceptance.reset(key)
        self.witness.reset(key)
        await self.once.reset(key)
        for request_id in self._downloads:
            try:
                await self.find(request_id)
            except UnknownRequest:
                self._downloads.stop(request_id)
        for one in keys:
            await self._webhooks.stop(one)
            self._waker.changed(one)
        self.events.reset(key, self.clock.now(key))
        return counts

    # -- inside ---------------------------------------------------------------------------------

    def _is_gone(self, look: Snapshot) -> bool:
        """Whether fal would no longer keep this result: after an hour, or after six minutes for a large one."""
        if not self.settings.retention or look.view.ended_at is None:
            return False
        large = look.plan is not None and len(look.plan.ending.body) >= LARGE_RESULT
        kept = LARGE_RESULT_SECONDS if large else RESULT_SECONDS
        return self.clock.now(look.record.key) > look.view.ended_at + kept

    async def _see(self, record: Record) -> Snapshot:
        return await self.queue.look(record.id, self.clock.now(record.key))

    async def _look(self, key: str, request_id: str, *, read: bool, by: Bell | None = None) -> Snapshot:
        """A snapshot of a request of this key; a status read moves a poll-driven request, `by` is the reader's bell."""
        look = await self.queue.look(request_id, self.clock.now(key), read=read, key=key)
        if self._is_gone(look):
            raise UnknownRequest(request_id)
        if read and look.plan is not None and look.plan.polls is not None:
            self._waker.changed(key, by)
        return look


async def _for_each(keys: Sequence[str], work: Callable[[str], Coroutine[None, None, None]]) -> None:
    """Do something for all keys concurrently; with many keys, other tasks get their turn in between."""
    tasks: list[asyncio.Task[None]] = []
    try:
        async for some in in_turns(keys):
            tasks += [asyncio.create_task(work(key)) for key in some]
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _tell_try(
    tally: Tally, events: EventLog, witness: Witness, delivery: Delivery, look: Snapshot, attempt: DeliveryAttempt
) -> None:
    """A webhook was tried. Not a method, so that an emulator that was never closed still releases its spool."""
    tally.tried(attempt)
    events.tried(delivery, look, attempt)
    witness.delivered(delivery.request_id, attempt)


def _tell_finding(events: EventLog, finding: Finding) -> None:
    """A finding was made while calls arrive."""
    events.tell(finding_event(finding))
