"""What jobs cost: the ledger, and the balance of accounts."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from fakefal.control.api import MOST_LISTED, Key, Tag
from fakefal.control.guard import guard
from fakefal.core.plan import NOTHING
from fakefal.engine.emulator import Emulator
from fakefal.engine.overview import ledger_of
from fakefal.state.ledger import Dollars, LedgerEntry, Total
from fakefal.state.requests import NO_KEY
from fakefal.state.tags import TagFilter
from fakefal.wire.answers import Json
from fakefal.wire.context import TheEmulator
from fakefal.wire.json_route import JsonRoute

router = APIRouter(prefix="/_fakefal", tags=["control"], dependencies=[Depends(guard)], route_class=JsonRoute)
LARGEST_USD = 10**6
MOST_LINES = 100_000
"""As many as an emulator keeps by default, for those who look for their own jobs among all."""

Lines = Annotated[int, Query(ge=1, le=MOST_LINES, description="so many of the newest")]


class LedgerInfo(BaseModel):
    """What was accepted and what it would have cost at fal, in US dollars.

    `usd` is what fal charges, and `maybe_usd` what it may charge beside that for refusals.
    """

    usd: Dollars
    maybe_usd: Dollars
    totals: list[Total]
    jobs: list[LedgerEntry]


@router.get("/ledger", response_model=LedgerInfo)
async def ledger(emulator: TheEmulator, key: Key = None, tag: Tag = None, limit: Lines = MOST_LISTED) -> Json:
    """The stored jobs with units and price, newest first, and the sums, which survive dropped jobs.

    With tags, the sums are those of all jobs that have them.
    """
    lines, sums = await ledger_of(emulator, key, TagFilter.read(tag or ()))

    def answer() -> Json:
        whole = LedgerInfo(
            usd=sum((one.usd for one in sums), NOTHING),
            maybe_usd=sum((one.maybe_usd for one in sums), NOTHING),
            totals=sums,
            jobs=lines[: -limit - 1 : -1],
        )
        return Json(whole.model_dump(mode="json"))

    return await asyncio.to_thread(answer)


class AccountInfo(BaseModel):
    """How many dollars a key has left, null where it never runs out, and whether that locks it."""

    key: str
    usd: Dollars | None
    locked: bool


class TopUpBody(BaseModel):
    """How many dollars are added."""

    model_config = ConfigDict(extra="forbid", strict=True)

    add: Annotated[float, Field(gt=0, le=LARGEST_USD)]


@router.get("/balance")
async def balance(emulator: TheEmulator, key: Key = None) -> list[AccountInfo]:
    """What a key has left, or each key that has a job, a call in the journal, or a secret in the settings."""
    if key is not None:
        return [await _account(emulator, key)]
    called = {one.key for one in await emulator.journal.newest(None, emulator.settings.max_journal)} - {NO_KEY}
    keys = {*await emulator.queue.keys(), *called, *emulator.settings.keys}
    return [await _account(emulator, one) for one in sorted(keys)[:MOST_LISTED]]


@router.post("/balance")
async def top_up(body: TopUpBody, emulator: TheEmulator, key: Key = None) -> list[AccountInfo]:
    """Add to the balance of a key, or of all, until the next reset.  409 where no balance is set."""
    await emulator.accounts.top_up(key, Decimal(repr(body.add)))
    return await balance(emulator, key)


async def _account(emulator: Emulator, key: str) -> AccountInfo:
    usd = await emulator.accounts.balance(key)
    return AccountInfo(key=key, usd=usd, locked=usd is not None and usd <= 0)
