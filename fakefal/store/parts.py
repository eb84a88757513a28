"""The parts of an emulator: its stores, and its sources of randomness, time and foreign media."""

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
    """The stores and sources of an emulator.

    `fetcher` downloads foreign media if `settings.fetch` allows it. `random_bits` supplies the randomness of ids.
    `wall` is real time in seconds since 1970. `ticks` measures durations.
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
