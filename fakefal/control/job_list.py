"""The list of jobs as the page shows it: what each is, how it stands, what it costs, and what all of them cost."""

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
"""Where nothing is searched for, so many of the newest jobs are looked at: a live list asks often."""
MOST_TWINS_SHOWN = 20
LONGEST_PROMPT = 200
NEW_KEY = ""
"""No caller's key is empty."""
LARGEST_READ = 256 * 1024
"""Of larger arguments the prompt is not read for a list."""


class JobState(StrEnum):
    """How a job stands, in one word."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    REFUSED = "refused"
    """The model refused the arguments: a result with a status below 500."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


class JobRow(BaseModel):
    """One job; times are emulated seconds since 1970.

    `charge` says whether fal charges for it; null while it is not judged.  `maybe_usd` is what a refusal costs if it
    does.
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
    """What all jobs of the key add up to since the last reset; with tags, those that are stored and have them.

    `usd` would have been spent at fal.  Of the `refused`, `billed_refusals` were charged, which `usd` holds, and
    `maybe_billed` may have been, for `maybe_usd` in all.
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

    `now` is the emulated time and `speed` that of the clock; `found` jobs match of `stored`; `next` is the `before` of
    the next page.  `keys` and `endpoints` are those of the jobs that `money` counts.  `balance` is what a key that has
    not called yet has left, null where no account runs out.  `twins` are pairs of jobs of which the second probably
    repeats the first.
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
    q: Annotated[str, Query(max_length=1000, description="words in id, model, key or arguments")] = "",
    endpoint: Annotated[str, Query(description="the model's whole id")] = "",
    tag: Tag = None,
    state: Annotated[list[JobState] | None, Query(description="may be repeated")] = None,
    before: Annotated[str, Query(description="only jobs that are older than this request")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
) -> Json:
    """The newest jobs with state and price, and what all of them would have cost."""
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
    """The lines of a page, and where the next one begins; an unknown beginning is the newest."""
    first = next((at for at, (look, _) in enumerate(found, 1) if look.record.id == before), 0) if before else 0
    shown = found[first : first + limit]
    return shown, shown[-1][0].record.id if len(found) > first + limit else None


def _has(look: Snapshot, words: Sequence[str]) -> bool:
    """Whether every word stands somewhere in what is known of a job."""
    record = look.record
    text = f"{record.id} {record.endpoint_id} {record.key} ".casefold()
    if all(word in text for word in words):
        return True
    text += record.arguments.decode("utf-8", "replace").casefold()
    return all(word in text for word in words)


def _twins(every: Sequence[Line]) -> list[tuple[JobRow, JobRow]]:
    """The newest pairs of which one probably repeats the other, the first of each pair first."""
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
    """How a job stands."""
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
    """What a list shows of a job."""
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
