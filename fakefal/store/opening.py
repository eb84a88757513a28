"""The parts of an emulator: those of one process, or those that replicas share."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from fakefal.effects.arrivals import MemoryArrivals
from fakefal.effects.rules import MemoryRules
from fakefal.setting_values import MEMORY
from fakefal.settings import Settings, SettingsError
from fakefal.state.access import MemoryAccess
from fakefal.state.account import JobAccount
from fakefal.state.clock import Clock, MemoryClock
from fakefal.state.events import EventLog
from fakefal.state.journal import MemoryJournal
from fakefal.state.once import MemoryOnce
from fakefal.state.signing import MemorySigningKeys
from fakefal.state.tally import MemoryTally
from fakefal.state.tokens import Tokens
from fakefal.store.kept_keys import own_keys
from fakefal.store.memory import MemoryQueueStore
from fakefal.store.parts import EmulatorParts
from fakefal.store.spool import OwnFolder, SpoolFiles


def open_parts(settings: Settings, *, clock: Clock | None = None, **others: Any) -> EmulatorParts:
    """The parts that the settings select; `others` replace single parts.

    Replicas that share a store always use its clock.

    Raises:
        SettingsError: the extra for Redis is missing, Redis cannot be reached, or the kept signing keys cannot be used.
    """
    if settings.store != MEMORY:
        try:
            from fakefal.store.redis.parts import shared_parts
        except ImportError as error:
            from fakefal.version import install_line

            raise SettingsError(f"a Redis as store needs: {install_line('redis')}") from error
        return replace(shared_parts(settings), **others)
    return replace(_memory_parts(settings, clock or MemoryClock()), **others)


def _memory_parts(settings: Settings, clock: Clock) -> EmulatorParts:
    account, events = JobAccount(), EventLog()
    access = MemoryAccess(clock, settings.max_files)
    return EmulatorParts(
        queue=MemoryQueueStore(
            runners=settings.runners,
            max_requests=settings.max_requests,
            max_bytes=settings.max_request_bytes,
            account=account,
            events=events,
        ),
        clock=clock,
        rules=MemoryRules(settings.effects),
        access=access,
        arrivals=MemoryArrivals(access),
        once=MemoryOnce(clock),
        journal=MemoryJournal(settings.max_journal),
        tally=MemoryTally(account),
        events=events,
        tokens=Tokens(),
        signing=MemorySigningKeys() if settings.development_key else own_keys(settings.spool),
        files=SpoolFiles(OwnFolder(settings.spool), max_files=settings.max_files, max_bytes=settings.max_file_bytes),
        membership=nullcontext,
    )
