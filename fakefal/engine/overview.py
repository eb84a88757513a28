"""The overview of a whole run: its sums, its ledger and its verdict."""

from __future__ import annotations

import asyncio

from fakefal.engine.emulator import Emulator
from fakefal.setting_values import MEMORY
from fakefal.state.account import JobAccount
from fakefal.state.journal import missed_calls, refused_calls
from fakefal.state.ledger import LedgerEntry, Total, entries
from fakefal.state.requests import Snapshot
from fakefal.state.tags import ANY_TAGS, TagFilter
from fakefal.verdict.findings import Verdict

ENDED_SECONDS = 2.0
"""How long the webhooks of a program that has ended may still be on their way, in real seconds."""

MOST_SHOWN = 3
LONGEST_SHOWN = 200
"""How many effects that never applied are listed, and how much of each."""


async def summary_of(emulator: Emulator) -> str:
    """A one-line summary of the run: how many requests, how they ended, the cost, refused and unknown calls.

    If replicas share a store, it covers everything in that store.
    """
    sums = str((await emulator.tally.account(emulator.all)).run)
    calls = await emulator.journal.newest(None, emulator.settings.max_journal)
    return "; ".join(filter(None, (sums, refused_calls(calls), missed_calls(calls))))


def unused_effects(emulator: Emulator) -> str:
    """The effects of the settings that never applied; empty if there are none.

    Over a shared store it is always empty, because another replica may have applied them.
    """
    unused = [f"{rule!s:.{LONGEST_SHOWN}}" for rule in emulator.effects.unused]
    if not unused or emulator.settings.store != MEMORY:
        return ""
    more = f", and {len(unused) - MOST_SHOWN} others" if len(unused) > MOST_SHOWN else ""
    return f"{len(unused)} effect{'s' * (len(unused) != 1)} never applied: {', '.join(unused[:MOST_SHOWN])}{more}"


async def went_wrong(emulator: Emulator) -> bool:
    """Whether the run needs attention: something was refused, not found, repeated or reported as a finding."""
    sums = (await emulator.tally.account(emulator.all)).run
    calls = await emulator.journal.newest(None, emulator.settings.max_journal)
    troubled = sums.refused or sums.duplicates or emulator.witness.told
    return bool(troubled or refused_calls(calls) or missed_calls(calls))


async def verdict_of(emulator: Emulator, key: str | None = None, *, patience: float = 0.0) -> Verdict:
    """The verdict on the programs of a key, or of all keys, as if they ended now.

    If replicas share a store, it covers the calls that reached this one. Webhooks on their way get `patience` real
    seconds.
    """
    await emulator.webhooks_settled(patience)
    return emulator.witness.verdict({look.record.id: look for look in await emulator.all(key)}, key)


async def ledger_of(
    emulator: Emulator, key: str | None = None, tags: TagFilter = ANY_TAGS
) -> tuple[list[LedgerEntry], list[Total]]:
    """Every stored job of a key, or of all keys, with these tags, oldest first, and the sums since the last reset.

    The sums include jobs that were evicted since, except if tags are given or replicas share a store.
    """
    looks = await emulator.all(key)
    if tags != ANY_TAGS:
        looks = [look for look in looks if tags.holds(look.record.tags)]
        account = await asyncio.to_thread(JobAccount.of, looks)
    else:

        async def stored() -> list[Snapshot]:
            return looks

        account = await emulator.tally.account(stored)
    return await asyncio.to_thread(list, entries(looks)), account.totals(key)
