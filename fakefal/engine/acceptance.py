"""How a submission becomes a request: its judgement, its plan, its record and the work that it waits for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any

from fakefal.core.effects import Effect
from fakefal.core.errors import UnknownRequest
from fakefal.core.ids import RANDOM_BITS, uuid7
from fakefal.core.plan import Ending, Plan, Profile, make_plan
from fakefal.effects.known import ANSWERING
from fakefal.engine.effect_outcome import changed_judgement, changed_plan
from fakefal.engine.judge import Judge, Judgement, ReadsFiles, UnknownPath
from fakefal.engine.waker import Waker
from fakefal.files.cdn import Cdn
from fakefal.files.datauris import externalize
from fakefal.files.foreign_media import Downloads, Fetched
from fakefal.files.rendering import NotRendered, Renderer, Scene
from fakefal.settings import Settings
from fakefal.state import jsonio
from fakefal.state.bounded import MOST_KEYS, Bounded
from fakefal.state.patience import until_written
from fakefal.state.requests import LONGEST_PROMPT, Record, Snapshot
from fakefal.state.submission import Submission
from fakefal.store.parts import EmulatorParts

logger = logging.getLogger(__name__)


UNKNOWN_PATH_SECONDS = 0.05
"""How long a request for a path unknown to fal runs (captures of September 2026)."""


class Acceptance:
    """Accepts submissions.

    Args:
        settings: the seed, and how unknown models are treated.
        parts: the parts of the emulator.
        judge: judges the requests.
        cdn: stores the videos of effects.
        downloads: downloads foreign media.
        renderer: renders clips.
        waker: is told of every request.
    """

    def __init__(
        self,
        settings: Settings,
        parts: EmulatorParts,
        *,
        judge: Judge,
        cdn: Cdn,
        downloads: Downloads,
        renderer: Renderer,
        waker: Waker,
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._clock = parts.clock
        self._queue = parts.queue
        self._judges = judge
        self._cdn = cdn
        self._downloads = downloads
        self._renderer = renderer
        self._waker = waker
        self._accepted: Bounded[str, int] = Bounded(MOST_KEYS)

    async def accept(self, submission: Submission, profile: Profile, *, at_once: bool = False) -> Snapshot:
        """Store a request under a profile; `at_once` requires a free runner.

        Raises:
            StoreFull: only unfinished requests are stored.
            QueueFull: more requests wait than the caller allows.
            Busy: no runner is free now.
        """
        now = self._clock.now(submission.key)
        request_id = uuid7(now, self._parts.random_bits(RANDOM_BITS))
        number = submission.number or self._next_number(submission.key)
        if submission.effect is not None and "video" in submission.effect.arguments:
            submission = await self._with_own_video(submission, submission.effect)
        seed = f"{self._settings.seed}/{submission.key}/{number}" if self._settings.seed else request_id
        judgement = await self._judge(submission, request_id)
        keep = partial(self._keep_arguments, submission.body, submission.key)
        arguments = await asyncio.to_thread(keep) if submission.heavy else keep()
        record = Record(
            id=request_id,
            key=submission.key,
            app=submission.app,
            path=submission.path,
            arguments=arguments,
            submitted_at=now,
            base_url=submission.base_url,
            low=submission.low,
            webhook=submission.webhook,
            start_seconds=submission.start_seconds,
            most_waiting=submission.most_waiting,
            sent_at=self._parts.wall(),
            prompt=_opening(submission.body),
            tags=submission.tags,
        )
        later = bool(judgement.foreign) or judgement.scene is not None
        make = partial(_plan, profile, seed, submission)
        plan = None if later else make(judgement)
        if submission.fired is not None:
            self._parts.events.foretell(request_id, submission.fired)
        try:
            added = await self._queue.add(record, plan, now, at_once=at_once)
        except BaseException:
            if submission.fired is not None and self._parts.events.forget(request_id):
                submission.fired(None)
            raise
        if later:
            settle = partial(self._settle, submission, record, make, judgement)
            self._downloads.begin(request_id, record.key, judgement.foreign, settle)
        self._waker.added(submission.key, added.due)
        return added.look

    def reset(self, key: str | None) -> None:
        """Restart the call counter of a key, or of all keys."""
        if key is None:
            self._accepted.clear()
        else:
            self._accepted.pop(key, None)

    def _next_number(self, key: str) -> int:
        self._accepted.renew(key, self._accepted.get(key, 0) + 1)
        return self._accepted[key]

    async def _judge(self, submission: Submission, request_id: str, fetched: Fetched | None = None) -> Judgement:
        """The judgement on a submission, also if its path is unknown."""
        try:
            edition = self._judges.edition(submission.endpoint_id)
        except UnknownPath as error:
            answered = submission.effect is not None and ANSWERING & submission.effect.arguments.keys()
            if answered or self._settings.unknown == "accept":
                return self._judges.unjudged(submission.endpoint_id, error.hint)
            return Judgement(_unknown_path(submission.path, error.hint))
        arguments = submission.body, request_id, submission.base_url, fetched or {}, submission.gone
        work = partial(self._judges.judgement, edition, *arguments)
        if not submission.heavy:
            with suppress(ReadsFiles):  # few bodies name files of ours; threads cost more
                return work(reading=False)
        return await asyncio.to_thread(work)

    async def _with_own_video(self, submission: Submission, effect: Effect) -> Submission:
        """Store the user's video, with which the effect answers, on the CDN."""
        given = dict(effect.arguments)
        given["result"] = {"video": await asyncio.to_thread(self._cdn.own_file, given.pop("video"))}
        return replace(submission, effect=replace(effect, arguments=given))

    def _keep_arguments(self, body: Any, key: str) -> bytes:
        return jsonio.dump(externalize(body, self._parts.files, key))

    async def _settle(
        self,
        submission: Submission,
        record: Record,
        make: Callable[[Judgement], Plan],
        judgement: Judgement,
        fetched: Fetched,
    ) -> None:
        """Write the judgement for which the line waits, whatever happens while judging.

        A clip is rendered while the request runs; until then its plan is open.
        """
        plan = Plan(Ending(500, jsonio.dump({"detail": "Internal Server Error"}), 0.0, ok=False))
        try:
            if fetched:
                judgement = await self._judge(submission, record.id, fetched)
            plan = make(judgement)
            scene = judgement.scene if plan.ending.body is judgement.ending.body else None  # else an effect answers
            if scene is not None:
                await self._write(record, plan.opened())
                whole = make(await self._rendered(judgement, scene))
                plan = replace(whole, run_seconds=max(whole.run_seconds, await self._ran(record)))
        except UnknownRequest:  # it was reset or evicted in the meantime
            return
        except Exception:
            logger.exception("judging request %s failed", record.id)
        with suppress(UnknownRequest):
            await self._write(record, plan)

    async def _write(self, record: Record, plan: Plan) -> None:
        """Write a plan as soon as the store accepts it."""
        await until_written(lambda: self._queue.settle(record.id, plan, self._clock.now(record.key)))
        self._waker.changed(record.key)

    async def _ran(self, record: Record) -> float:
        """How long a request has run."""
        now = self._clock.now(record.key)
        started_at = (await until_written(lambda: self._queue.look(record.id, now))).view.started_at
        return 0.0 if started_at is None else now - started_at

    async def _rendered(self, judgement: Judgement, scene: Scene) -> Judgement:
        """The judgement with a clip that shows the request's own pictures; if that fails, its log says why."""
        try:
            clip = await self._renderer.render(scene)
        except NotRendered as error:
            return replace(judgement, notes=(*judgement.notes, f"Not rendered; the clip is a test card: {error}"))
        return await asyncio.to_thread(self._judges.with_clip, judgement, clip)


def _plan(profile: Profile, seed: str, submission: Submission, judged: Judgement) -> Plan:
    judgement = changed_judgement(submission.effect, judged, retry=submission.retry)
    notes = (submission.note, *judgement.notes) if submission.note else judgement.notes
    plan = make_plan(
        profile,
        judgement.ending,
        tier=judgement.tier,
        run_seconds=judgement.run_seconds,
        notes=notes,
        failure=judgement.failure,
        seed=seed,
    )
    if judged.ending.status == HTTPStatus.NOT_FOUND:
        plan = replace(plan, run_seconds=min(plan.run_seconds, UNKNOWN_PATH_SECONDS))
    return changed_plan(submission.effect, plan)


def _opening(body: Any) -> str:
    """The start of a body's prompt, if it has one."""
    prompt = body.get("prompt") if isinstance(body, dict) else None
    return prompt[:LONGEST_PROMPT] if isinstance(prompt, str) else ""


def _unknown_path(path: str, hint: str) -> Ending:
    """The runner's answer to an unknown path (captures of September 2026)."""
    return Ending(HTTPStatus.NOT_FOUND, jsonio.dump({"detail": f"Path /{path} not found"}), 0.0, ok=False, hint=hint)
