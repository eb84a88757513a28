"""What a whole run comes to: its sums, its ledger and its verdict."""

from __future__ import annotations

import asyncio

from fakefal.engine.emulator import Emulator
from fakefal.state.account import JobAccount
from fakefal.state.journal import missed_calls, refused_calls
from fakefal.state.ledger import LedgerEntry, Total, entries
from fakefal.state.requests import Snapshot
from fakefal.state.tags import ANY_TAGS, TagFilter
from fakefal.verdict.findings import Verdict

ENDED_SECONDS = 2.0
"""How long a program that has ended may have webhooks on their way."""


async def summary_of(emulator: Emulator) -> str:
    """One line on the whole run: how many requests, how they ended, the cost, what was refused or missed.

    Where replicas share a store, on what is stored there.
    """
    sums = str((await emulator.tally.account(emulator.all)).run)
    calls = await emulator.journal.newest(None, emulator.settings.max_journal)
    return "; ".join(filter(None, (sums, refused_calls(calls), missed_calls(calls))))


async def went_wrong(emulator: Emulator) -> bool:
    """Whether somebody may want to look into the run: something was refused, missed, repeated or found."""
    sums = (await emulator.tally.account(emulator.all)).run
    calls = await emulator.journal.newest(None, emulator.settings.max_journal)
    troubled = sums.refused or sums.duplicates or emulator.witness.told
    return bool(troubled or refused_calls(calls) or missed_calls(calls))


async def verdict_of(emulator: Emulator, key: str | None = None, *, patience: float = 0.0) -> Verdict:
    """What the programs of a key, or of all, would have done with real money, as if they ended now.

    Where replicas share a store, what came to this one.  Webhooks on their way get `patience` real seconds.
    """
    await emulator.webhooks_settled(patience)
    return emulator.witness.verdict({look.record.id: look for look in await emulator.all(key)}, key)


async def ledger_of(
    emulator: Emulator, key: str | None = None, tags: TagFilter = ANY_TAGS
) -> tuple[list[LedgerEntry], list[Total]]:
    """Every stored job of a key, or of all, with these tags, oldest first, and the sums since the last reset.

    The sums count what was dropped since, too, but where tags are asked for or replicas share a store.
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
