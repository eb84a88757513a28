"""What an emulator is made of: where each thing that it knows is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fakefal.effects.arrivals import Arrivals
from fakefal.effects.rules import Effects
from fakefal.state.access import Access
from fakefal.state.clock import Clock
from fakefal.state.files import FileStore
from fakefal.state.group import Group
from fakefal.state.journal import Journal
from fakefal.state.once import Once
from fakefal.state.queue import QueueStore
from fakefal.state.signing import SigningKeys
from fakefal.state.tally import Tally
from fakefal.state.tokens import Tokens


@dataclass(frozen=True, kw_only=True)
class EmulatorParts:
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
