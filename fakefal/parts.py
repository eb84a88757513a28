"""What an emulator is made of: everything of one process, or the parts that replicas share."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from fakefal.access import Access, MemoryAccess
from fakefal.arrivals import Arrivals
from fakefal.clock import Clock, Clocks
from fakefal.effects import Effects
from fakefal.journal import Journal, MemoryJournal
from fakefal.once import MemoryOnce, Once
from fakefal.settings import MEMORY, Settings, SettingsError
from fakefal.signing import SigningKeys
from fakefal.store.files import FileStore, SpoolFiles
from fakefal.store.memory import MemoryQueueStore
from fakefal.store.queue import QueueStore
from fakefal.tally import Tally
from fakefal.tokens import Tokens


class Member(Protocol):
    """What an emulator does for the group of replicas that it belongs to."""

    def changed(self, key: str) -> None:
        """Requests of a key may stand elsewhere now."""
        ...

    def watched(self) -> Collection[str]:
        """The keys whose requests somebody watches here."""
        ...

    def judging(self) -> Collection[str]:
        """The requests whose media are downloaded here."""
        ...

    async def orphaned(self, request_id: str) -> None:
        """Whoever downloaded the media of this request is gone: it needs a verdict from here."""
        ...


class Group(Protocol):
    """The replicas that share a store."""

    def running(self, member: Member) -> AbstractAsyncContextManager[None]:
        """Belong to it while the block lasts."""
        ...


class Alone:
    """A group of one."""

    def running(self, member: Member) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - nobody else is there
        """See `Group.running`."""
        return nullcontext()


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Where an emulator keeps what it knows; `files` is called for when no other is given."""

    queue: QueueStore
    clock: Clock
    effects: Effects
    access: Access
    arrivals: Arrivals
    once: Once
    journal: Journal
    tally: Tally
    tokens: Tokens
    signing: SigningKeys
    files: Callable[[], FileStore]
    group: Group


def parts_for(settings: Settings, clock: Clock | None = None) -> Parts:
    """The parts that settings ask for; replicas that share a store have no other clock than its own.

    Raises:
        SettingsError: the extra for Redis is missing, or Redis cannot be reached.
    """
    if settings.store != MEMORY:
        try:
            from fakefal.store.together import shared_parts
        except ImportError as error:
            raise SettingsError(f"store {MEMORY} needs nothing, Redis needs: pip install 'fakefal[redis]'") from error
        return shared_parts(settings)
    clock = clock or Clocks()
    effects = Effects(settings.effects, settings.seed)
    access = MemoryAccess(clock, settings.max_files)
    return Parts(
        queue=MemoryQueueStore(
            runners=settings.runners, max_requests=settings.max_requests, max_bytes=settings.max_request_bytes
        ),
        clock=clock,
        effects=effects,
        access=access,
        arrivals=Arrivals(effects, access),
        once=MemoryOnce(clock),
        journal=MemoryJournal(settings.max_journal),
        tally=Tally(),
        tokens=Tokens(),
        signing=SigningKeys(),
        files=lambda: SpoolFiles(settings.spool, max_files=settings.max_files, max_bytes=settings.max_file_bytes),
        group=Alone(),
    )
