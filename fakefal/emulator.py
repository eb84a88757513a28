"""The emulator: requests in, answers out.  HTTP is one way to it; nothing in here knows of HTTP."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from fakefal import jsonio
from fakefal.access import Access
from fakefal.answers import ending_of, platform_ending
from fakefal.cdn import Cdn
from fakefal.clock import Clock
from fakefal.core.errors import NeedsVerdict, QueueError, RefusedMove, UnknownRequest
from fakefal.core.ids import RANDOM_BITS, uuid7
from fakefal.core.lifecycle import Move, State, after
from fakefal.core.plan import PROFILES, Ending, Plan, Profile, make_plan
from fakefal.core.webhook import FIRST_TIMEOUT_SECONDS
from fakefal.datauris import externalize
from fakefal.downloads import Downloads, Fetched
from fakefal.effects import changed_plan, changed_verdict
from fakefal.fetch import Fetcher
from fakefal.journal import Journal
from fakefal.ledger import Entry, Total, entries, sums, totals
from fakefal.once import Once
from fakefal.parts import parts_for
from fakefal.patience import patiently
from fakefal.record import Look, Record
from fakefal.settings import MEMORY, Settings
from fakefal.store.files import FileStore
from fakefal.store.queue import BEFORE_ALL_TIME, How, QueueStore
from fakefal.submission import Submission
from fakefal.tally import Tally
from fakefal.verdict import Judge, ReadsFiles, UnknownPath, Verdict
from fakefal.waker import Waker
from fakefal.webhooks import Sender, Webhooks
from fakefal_contracts.failures import PLATFORM_ERRORS

T = TypeVar("T")
logger = logging.getLogger(__name__)

NOT_FOUND = 404

PATIENT_SECONDS = FIRST_TIMEOUT_SECONDS
FETCH_SECONDS = 60.0
"""How long a move of the clock waits for receivers, and for foreign media, in real seconds."""

LARGE_RESULT = 10 * 1024
RESULT_SECONDS, LARGE_RESULT_SECONDS = 3600.0, 360.0
"""How long fal keeps a result, and one of 10 KB or more (documentation of the result call, 2026)."""

UNKNOWN_PATH_SECONDS = 0.05
"""How long a request for a path that fal does not know runs (captures of September 2026)."""


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
        random_bits: Callable[[int], int] = secrets.randbits,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings or Settings()
        parts = parts_for(self.settings)
        self.clock = clock or parts.clock
        self.queue = queue or parts.queue
        self.tally = Tally()
        self._shares = self.settings.store != MEMORY
        self.journal = Journal(self.settings.max_journal)
        self.queue.listen(self.tally.end)
        self.files = files or parts.files()
        self.access = Access(self.clock, self.settings.max_files)
        self.cdn = Cdn(self.files, self.access)
        self.erased: dict[str, None] = {}
        self.once = Once()
        self.judge = Judge(self.settings.contract, self.cdn)
        self.effects = parts.effects
        self.tokens = parts.tokens
        self._group = parts.group
        sender = sender or Sender(parts.signing, anywhere=self.settings.webhooks_anywhere)
        self.signing = sender.keys
        self.webhooks = Webhooks(self.queue, self.clock, sender, self.tally.tried)
        self.waker = Waker(self.queue, self.clock, self.webhooks.begin)
        self._downloads = Downloads(self.files, fetcher or Fetcher())
        self._random_bits = random_bits
        self.wall = wall
        self._profile = PROFILES[self.settings.profile]
        self._accepted: Counter[str] = Counter()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Emulator]:
        """Keep time moving for streams, and clean up at the end."""
        try:
            async with self._group.running(_Membership(self)):
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

    async def submit(self, submission: Submission) -> Look:
        """Accept a request, as fal's gateway does: whatever its body is, the answer comes later.

        Raises:
            NotEmulated: fal has this endpoint, the emulator does not.
            StoreFull: only unfinished requests are stored.
        """
        # who waits for a webhook does not poll: without this, a poll-driven request would never end
        profile = self._profile if submission.webhook is None else replace(self._profile, polls=None)
        return await self._accept(submission, profile)

    async def run(self, submission: Submission) -> tuple[Look, Ending]:
        """Run a request without the queue, and wait for its end.

        Raises:
            Busy: all runners of the key are taken.
            NotEmulated, StoreFull: as `submit`.
        """
        direct = replace(self._profile, wait=replace(self._profile.wait, median=0.0, sigma=0.0), polls=None)
        look = await self._accept(submission, direct, at_once=True)
        async for seen in self.waker.watch(look.record, self._see):
            look = seen
        ending = ending_of(look)
        if ending is None:
            raise Stopping
        return look, ending

    async def look(self, key: str, request_id: str, *, read: bool = False) -> Look:
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

    async def find(self, request_id: str, key: str | None = None) -> Look:
        """See where a request stands, whosever it is; with a key, only of that one.

        Raises:
            UnknownRequest: no such request.
        """
        key = (await self.queue.look(request_id, BEFORE_ALL_TIME, key=key)).record.key
        return await self.queue.look(request_id, self.clock.now(key))

    def looks(self, record: Record) -> AsyncGenerator[Look, None]:
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
        if look.plan is not None and "cancel_ignored" in look.plan.quirks:
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

    async def waiting(self, key: str, app: str) -> list[Look]:
        """The requests of a key that wait for an application."""
        return [look for look in await self.all(key) if look.record.app == app and look.view.state is State.IN_QUEUE]

    async def erase(self, key: str, request_id: str) -> Look:
        """Forget what went into a request that is over and what came out.

        Raises:
            UnknownRequest: no such request, or another key's.
            RefusedMove: it is not over.
        """
        look = await self.look(key, request_id)
        if look.view.state is not State.COMPLETED:
            raise RefusedMove(look.view.state.value, "be erased")
        self.erased[request_id] = None
        if len(self.erased) > self.settings.max_requests:
            del self.erased[next(iter(self.erased))]
        return look

    async def advance(self, request_id: str, how: float | How) -> Look:
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

    async def _advance_unjudged(self, key: str, request_id: str, how: float | How) -> Look:
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
        task = asyncio.ensure_future(work)
        closed = asyncio.create_task(self.waker.closed.wait())
        try:
            await asyncio.wait((task, closed), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Stopping
            return task.result()
        finally:
            task.cancel()
            closed.cancel()

    def judging(self) -> tuple[str, ...]:
        """The requests whose media are downloaded here."""
        return tuple(self._downloads)

    async def all(self, key: str | None = None) -> list[Look]:
        """Every stored request of a key, or of all."""
        return await self.queue.all(key, self.clock.now)

    async def summary(self) -> str:
        """One line on the whole run: how many requests, how they ended, and what they would have cost.

        Where replicas share a store, on what is stored there.
        """
        looks = await self.all()  # which carries out what is due
        return str(sums(entries(looks)) if self._shares else self.tally.run)

    async def ledger(self, key: str | None = None) -> tuple[list[Entry], list[Total]]:
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
        self.access.reset(key)
        self.journal.reset(key)
        self.tally.reset(key)
        if key is None:
            self._accepted.clear()
            self.erased.clear()
            self.once.reset()
        else:
            self._accepted.pop(key, None)
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

    def _next_number(self, key: str) -> int:
        self._accepted[key] += 1
        return self._accepted[key]

    def _is_gone(self, look: Look) -> bool:
        """Whether fal would not keep this result any more: after an hour, a large one after six minutes."""
        if not self.settings.retention or look.view.ended_at is None:
            return False
        large = look.plan is not None and len(look.plan.ending.body) >= LARGE_RESULT
        kept = LARGE_RESULT_SECONDS if large else RESULT_SECONDS
        return self.clock.now(look.record.key) > look.view.ended_at + kept

    async def _see(self, record: Record) -> Look:
        return await self.queue.look(record.id, self.clock.now(record.key))

    async def _read(self, record: Record) -> Look:
        return await self.look(record.key, record.id, read=True)

    async def _accept(self, submission: Submission, profile: Profile, *, at_once: bool = False) -> Look:
        now = self.clock.now(submission.key)
        request_id = uuid7(now, self._random_bits(RANDOM_BITS))
        number = submission.number or self._next_number(submission.key)
        submission = await self._with_own_video(submission)
        seed = f"{self.settings.seed}/{submission.key}/{number}" if self.settings.seed else request_id
        verdict = await self._judge(submission, request_id)
        arguments = await self._in_thread(submission.heavy, self._keep_arguments, submission.body, submission.key)
        record = Record(
            id=request_id,
            key=submission.key,
            app=submission.app,
            path=submission.path,
            arguments=arguments,
            submitted_at=now,
            way=submission.way,
            low=submission.low,
            webhook=submission.webhook,
            start_seconds=submission.start_seconds,
            most_waiting=submission.most_waiting,
            sent_at=self.wall(),
        )
        fetching = self.settings.fetch and bool(verdict.foreign)
        make = partial(_plan, profile, seed, submission)
        plan = None if fetching else make(verdict)
        look = await self.queue.add(record, plan, now, at_once=at_once)
        self.tally.accept(look)
        if fetching:
            self._downloads.begin(
                request_id, record.key, verdict.foreign, partial(self._settle, submission, record, make)
            )
        self.waker.changed(submission.key)
        return look

    async def _judge(self, submission: Submission, request_id: str, fetched: Fetched | None = None) -> Verdict:
        """The verdict on a submission; a wrong path is one, too."""
        try:
            edition = self.judge.edition(submission.endpoint_id)
        except UnknownPath as error:
            return Verdict(_unknown_path(submission.path, error.hint))
        work = partial(self.judge.verdict, edition, submission.body, request_id, submission.way, fetched or {})
        if not submission.heavy:
            with suppress(ReadsFiles):  # most bodies name no file of ours: a thread would take longer than they do
                return work(reading=False)
        return await asyncio.to_thread(work)

    async def _with_own_video(self, submission: Submission) -> Submission:
        """Where the effect answers with a video of the user's, lay that on the CDN."""
        effect = submission.effect
        if effect is None or "video" not in effect.arguments:
            return submission
        given = dict(effect.arguments)
        given["result"] = {"video": await asyncio.to_thread(self.cdn.own_video, given.pop("video"))}
        return replace(submission, effect=replace(effect, arguments=given))

    @staticmethod
    async def _in_thread(slow: bool, work: Callable[..., T], *arguments: Any) -> T:  # noqa: FBT001
        """Do heavy reading in a worker thread, so that the others need not wait."""
        return await asyncio.to_thread(work, *arguments) if slow else work(*arguments)

    def _keep_arguments(self, body: Any, key: str) -> bytes:
        return jsonio.dump(externalize(body, self.files, key))

    async def _settle(
        self, submission: Submission, record: Record, make: Callable[[Verdict], Plan], fetched: Fetched
    ) -> None:
        """Write the verdict that the line waits for, whatever happens while judging."""
        try:
            plan = make(await self._judge(submission, record.id, fetched))
        except Exception:
            logger.exception("judging request %s failed", record.id)
            plan = Plan(Ending(500, jsonio.dump({"detail": "Internal Server Error"}), 0.0))
        with suppress(UnknownRequest):  # it was reset or dropped meanwhile
            if await patiently(lambda: self.queue.settle(record.id, plan, self.clock.now(record.key))):
                self.tally.judge(await self._see(record))
        self.waker.changed(record.key)


class _Membership:
    """What an emulator does for the other replicas; see `fakefal.parts.Member`."""

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
            await emulator.queue.settle(request_id, _ORPHANED, emulator.clock.now(key))
            emulator.waker.changed(key)


_ORPHANED = Plan(
    replace(platform_ending(PLATFORM_ERRORS["runner_disconnected"]), hint="its replica ended: submit again"),
    logs=((0.0, "The replica that was downloading its media ended"),),
)


def _plan(profile: Profile, seed: str, submission: Submission, judged: Verdict) -> Plan:
    verdict = changed_verdict(submission.effect, judged, retry=submission.retry)
    plan = make_plan(
        profile, verdict.ending, tier=verdict.tier, notes=verdict.notes, failure=verdict.failure, seed=seed
    )
    if judged.ending.status == NOT_FOUND:
        plan = replace(plan, run_seconds=min(plan.run_seconds, UNKNOWN_PATH_SECONDS))
    return changed_plan(submission.effect, plan)


def _unknown_path(path: str, hint: str) -> Ending:
    """The runner's own answer to a path that it does not have (captures of September 2026)."""
    return Ending(NOT_FOUND, jsonio.dump({"detail": f"Path /{path} not found"}), 0.0, hint=hint)
