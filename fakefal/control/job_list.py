"""The list of jobs that the page shows, with states, prices and totals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from fakefal.control.api import Key, Tag
from fakefal.control.guard import guard
from fakefal.core.lifecycle import State
from fakefal.core.plan import NOTHING, Charge, Cut
from fakefal.effects.rules import prompts
from fakefal.state import jsonio
from fakefal.state.account import JobAccount
from fakefal.state.endings import ending_of
from fakefal.state.ledger import Dollars, LedgerEntry, Total, entries
from fakefal.state.requests import Snapshot
from fakefal.state.tags import ANY_TAGS, TagFilter
from fakefal.wire.answers import Json
from fakefal.wire.context import TheEmulator

router = APIRouter(prefix="/_fakefal", tags=["control"], dependencies=[Depends(guard)])

MOST_ROWS = 200
MOST_LOOKED_AT = 2000
"""Without a filter, only this many of the newest jobs are read: a live list asks often."""
MOST_TWINS_SHOWN = 20
LONGEST_PROMPT = 200
NEW_KEY = ""
"""Stands for a key that has not called yet; no real key is empty."""
LARGEST_READ = 256 * 1024
"""The list does not read the prompt from larger arguments."""


class JobState(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    REFUSED = "refused"
    """The model refused the arguments: a result with a status below 500."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


class JobRow(BaseModel):
    """One job.  Times are emulated seconds since 1970; amounts are US dollars.

    `charge` says whether fal charges for the job, and is null until it is judged.  `maybe_usd` is what a refusal
    costs if fal charges for it.  `duplicate_of` is an earlier job that this one probably repeats.
    """

    request_id: str
    key: str
    endpoint_id: str
    state: JobState
    queue_position: int | None
    prompt: str
    submitted_at: float
    ended_at: float | None
    status: int | None
    usd: Dollars | None
    charge: Charge | None
    maybe_usd: Dollars | None
    duplicate_of: str | None
    tags: dict[str, str]


class MoneySums(BaseModel):
    """Totals of all jobs of the key since the last reset; with `tag`, of the stored jobs that have it.

    `usd` is what fal would have charged, including the `billed_refusals`.  `maybe_billed` refusals may be charged,
    `maybe_usd` in total.  The price of `unpriced` jobs is unknown.
    """

    usd: Dollars
    jobs: int
    refused: int
    billed_refusals: int
    maybe_billed: int
    maybe_usd: Dollars
    duplicates: int
    unpriced: int


class JobList(BaseModel):
    """A page of jobs, newest first.

    `now` is the emulated time in seconds since 1970, and `speed` the speed of the clock.  `found` of `stored` jobs
    match.  `next` is the value of `before` for the next page.  `keys` and `endpoints` are those of the jobs that
    `money` counts.  `balance` is the balance of a new key in US dollars, null if unlimited.  `twins` are pairs of
    jobs of which the second probably repeats the first.
    """

    now: float
    speed: float
    jobs: list[JobRow]
    found: int
    stored: int
    next: str | None
    keys: list[str]
    endpoints: list[str]
    money: MoneySums
    balance: Dollars | None
    twins: list[tuple[JobRow, JobRow]]


@router.get("/jobs", response_model=JobList)
async def jobs(
    emulator: TheEmulator,
    key: Key = None,
    q: Annotated[
        str, Query(max_length=1000, description="Words that the id, model, key or arguments contain; all must match.")
    ] = "",
    endpoint: Annotated[str, Query(description="The full endpoint id.")] = "",
    tag: Tag = None,
    state: Annotated[list[JobState] | None, Query(description="A state; repeat it for more.")] = None,
    before: Annotated[str, Query(description="The id of a request: list only older jobs.")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS, description="Jobs in a page.")] = 100,
) -> Json:
    """List jobs with state and price, newest first, and the totals of all jobs."""
    tags = TagFilter.read(tag or ())
    filtered = bool(q or endpoint or state or before or tag)
    looks = await emulator.all(key, None if filtered else MOST_LOOKED_AT)
    if tags == ANY_TAGS:
        account = await emulator.tally.account(partial(emulator.all, key))
    else:
        looks = [look for look in looks if tags.holds(look.record.tags)]
        account = await asyncio.to_thread(JobAccount.of, looks)
    totals = account.totals(key)
    states = await emulator.states()
    stored = sum(line.total() for one, line in states.items() if key in (None, one))
    now, speed = await emulator.clock.read(key)
    balance = await emulator.accounts.balance(NEW_KEY)
    words = q.casefold().split()

    def answer() -> Json:
        every = list(zip(looks, entries(looks), strict=True))[::-1]
        found = [
            (look, entry)
            for look, entry in every
            if (not endpoint or look.record.endpoint_id == endpoint)
            and (not state or state_of(look) in state)
            and (not words or _has(look, words))
        ]
        shown, following = _page(found, before, limit)
        whole = JobList(
            now=now,
            speed=speed,
            jobs=[row_of(*one) for one in shown],
            found=len(found) if filtered else stored,
            stored=stored,
            next=following,
            keys=sorted({one.key for one in totals})[:MOST_ROWS],
            endpoints=sorted({one.endpoint_id for one in totals})[:MOST_ROWS],
            money=_money(totals),
            balance=balance,
            twins=_twins(every),
        )
        return Json(whole.model_dump())

    return await asyncio.to_thread(answer)


Line = tuple[Snapshot, LedgerEntry]


def _page(found: Sequence[Line], before: str, limit: int) -> tuple[Sequence[Line], str | None]:
    """The lines of a page, and where the next page begins; an unknown start means the first page."""
    first = next((at for at, (look, _) in enumerate(found, 1) if look.record.id == before), 0) if before else 0
    shown = found[first : first + limit]
    return shown, shown[-1][0].record.id if len(found) > first + limit else None


def _has(look: Snapshot, words: Sequence[str]) -> bool:
    """Whether the id, model, key and arguments of a job contain every word."""
    record = look.record
    text = f"{record.id} {record.endpoint_id} {record.key} ".casefold()
    if all(word in text for word in words):
        return True
    text += record.arguments.decode("utf-8", "replace").casefold()
    return all(word in text for word in words)


def _twins(every: Sequence[Line]) -> list[tuple[JobRow, JobRow]]:
    """The newest pairs of a job and one that probably repeats it."""
    second = [line for line in every if line[1].duplicate_of is not None][:MOST_TWINS_SHOWN]
    wanted = {entry.duplicate_of for _, entry in second}
    first = {look.record.id: row_of(look, entry) for look, entry in every if look.record.id in wanted}
    return [(first[entry.duplicate_of], row_of(look, entry)) for look, entry in second if entry.duplicate_of in first]


def _money(totals: Sequence[Total]) -> MoneySums:
    return MoneySums(
        usd=sum((one.usd for one in totals), NOTHING),
        jobs=sum(one.jobs for one in totals),
        refused=sum(one.refused for one in totals),
        billed_refusals=sum(one.billed_refusals for one in totals),
        maybe_billed=sum(one.maybe_billed for one in totals),
        maybe_usd=sum((one.maybe_usd for one in totals), NOTHING),
        duplicates=sum(one.duplicates for one in totals),
        unpriced=sum(one.unpriced for one in totals),
    )


def state_of(look: Snapshot) -> JobState:
    """The state of a job."""
    if look.view.state is State.IN_QUEUE:
        return JobState.QUEUED
    if look.view.state is State.IN_PROGRESS:
        return JobState.RUNNING
    if look.view.cut is not None:
        return JobState.CANCELLED if look.view.cut is Cut.CANCELLED else JobState.TIMED_OUT
    ending = ending_of(look)
    if ending is None or ending.ok:
        return JobState.COMPLETED
    return JobState.REFUSED if ending.status < HTTPStatus.INTERNAL_SERVER_ERROR else JobState.FAILED


def row_of(look: Snapshot, entry: LedgerEntry) -> JobRow:
    """A job, as the list shows it."""
    state = state_of(look)
    return JobRow(
        request_id=entry.request_id,
        key=entry.key,
        endpoint_id=entry.endpoint_id,
        state=state,
        queue_position=look.position if state is JobState.QUEUED else None,
        prompt=_prompt(look.record.arguments),
        submitted_at=entry.submitted_at,
        ended_at=look.view.ended_at,
        status=entry.status,
        usd=entry.usd,
        charge=entry.charge,
        maybe_usd=entry.maybe_usd,
        duplicate_of=entry.duplicate_of,
        tags=entry.tags,
    )


def _prompt(arguments: bytes) -> str:
    """The beginning of the prompt, or of the first text where there is none."""
    if len(arguments) > LARGEST_READ:
        return ""
    body = jsonio.load(arguments)
    return (prompts(body) or next(_texts(body), ""))[:LONGEST_PROMPT]


def _texts(body: Any) -> Iterator[str]:
    if isinstance(body, dict):
        yield from (one for one in body.values() if isinstance(one, str))
