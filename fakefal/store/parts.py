"""What an emulator is made of: where each thing that it knows is kept, and what it draws on."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fakefal.effects.arrivals import Arrivals
from fakefal.effects.rules import Rules
from fakefal.files.fetch import Fetcher
from fakefal.state.access import Access
from fakefal.state.clock import Clock, wall_time
from fakefal.state.events import EventLog
from fakefal.state.files import FileStore
from fakefal.state.group import Membership
from fakefal.state.journal import Journal
from fakefal.state.once import Once
from fakefal.state.queue import QueueStore
from fakefal.state.signing import SigningKeys
from fakefal.state.tally import Tally
from fakefal.state.tokens import Tokens


@dataclass(frozen=True, kw_only=True)
class EmulatorParts:
    """Where an emulator keeps what it knows.

    `fetcher` downloads foreign media where `settings.fetch` allows it, ids get their randomness from `random_bits`,
    `wall` is real time in seconds since 1970, and `ticks` measures how long something took.
    """

    queue: QueueStore
    clock: Clock
    rules: Rules
    access: Access
    arrivals: Arrivals
    once: Once
    journal: Journal
    tally: Tally
    events: EventLog
    tokens: Tokens
    signing: SigningKeys
    files: FileStore
    membership: Membership
    fetcher: Fetcher = field(default_factory=Fetcher)
    random_bits: Callable[[int], int] = field(default_factory=lambda: random.Random().getrandbits)  # noqa: S311 - ids are no secrets
    wall: Callable[[], float] = wall_time
    ticks: Callable[[], float] = time.perf_counter
