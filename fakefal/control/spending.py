"""Calls of the control API for the ledger and the balance of accounts."""

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
"""The number of requests that an emulator keeps by default."""

Lines = Annotated[int, Query(ge=1, le=MOST_LINES, description="Return at most this many jobs, newest first.")]


class LedgerInfo(BaseModel):
    """Accepted jobs and what they would have cost at fal, in US dollars.

    `usd` is what fal charges; `maybe_usd` is what fal may charge for refusals in addition.
    """

    usd: Dollars
    maybe_usd: Dollars
    totals: list[Total]
    jobs: list[LedgerEntry]


@router.get("/ledger", response_model=LedgerInfo)
async def ledger(emulator: TheEmulator, key: Key = None, tag: Tag = None, limit: Lines = MOST_LISTED) -> Json:
    """List the stored jobs with units and price, newest first, and totals by key and endpoint.

    The totals include evicted jobs.  With `tag`, they count all jobs that have it.
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
    """The balance of an API key in US dollars; null if unlimited.  `locked` is true at or below zero."""

    key: str
    usd: Dollars | None
    locked: bool


class TopUpBody(BaseModel):
    """The US dollars to add."""

    model_config = ConfigDict(extra="forbid", strict=True)

    add: Annotated[float, Field(gt=0, le=LARGEST_USD)]


@router.get("/balance")
async def balance(emulator: TheEmulator, key: Key = None) -> list[AccountInfo]:
    """Read the balance of a key, or of every key with a job, a call in the journal, or a secret in the settings."""
    if key is not None:
        return [await _account(emulator, key)]
    called = {one.key for one in await emulator.journal.newest(None, emulator.settings.max_journal)} - {NO_KEY}
    keys = {*await emulator.queue.keys(), *called, *emulator.settings.keys}
    return [await _account(emulator, one) for one in sorted(keys)[:MOST_LISTED]]


@router.post("/balance")
async def top_up(body: TopUpBody, emulator: TheEmulator, key: Key = None) -> list[AccountInfo]:
    """Add to the balance of a key, or of all keys, until the next reset.  409 if no balance is set."""
    await emulator.accounts.top_up(key, Decimal(repr(body.add)))
    return await balance(emulator, key)


async def _account(emulator: Emulator, key: str) -> AccountInfo:
    usd = await emulator.accounts.balance(key)
    return AccountInfo(key=key, usd=usd, locked=usd is not None and usd <= 0)
