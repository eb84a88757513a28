"""What the emulator asks of a store of requests.  Every method that changes something is one atomic step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Literal, Protocol

from fakefal.core.lifecycle import State
from fakefal.core.plan import Plan
from fakefal.core.sealed import sealed
from fakefal.core.webhook import Delivery, DeliveryAttempt
from fakefal.state.requests import Record, Snapshot

How = Literal["start", "end"]

BEFORE_ALL_TIME = float("-inf")
"""Looks at a request without carrying anything out, for those who do not know its key yet."""

CLAIM = 50
"""How many webhooks one step claims."""


@sealed
class Added:
    """A request that was taken in, and when something of its key is due next, as `carry_out` says it."""

    look: Snapshot
    due: float | None


class QueueStore(Protocol):
    """Requests, the line of each key, and what became of them.

    `now` is the emulated time of the key, as the caller knows it; a store that replicas share takes it from
    the clock that they share.  Each step first carries out what is due by then.  Methods that name a request
    raise `UnknownRequest` for one that is not stored; a refused step raises and changes nothing.  Any method
    may raise `StoreUnavailable`.
    """

    async def add(self, record: Record, plan: Plan | None, now: float, *, at_once: bool = False) -> Added:
        """Take a request in; `plan` is None while its judgement is open.

        Raises:
            StoreFull: too little of what is stored is over and can be dropped.
            QueueFull: more requests wait than the record accepts.
            Busy: `at_once` was asked for, and all runners of the key are taken.
        """
        ...

    async def look(self, request_id: str, now: float, *, read: bool = False, key: str | None = None) -> Snapshot:
        """See where a request stands; `read` says that this is a status read.

        With `key`, requests of other keys are unknown.
        """
        ...

    async def settle(self, request_id: str, plan: Plan, now: float) -> bool:
        """Write the plan of a request that has none, or an open one.  Returns whether it was so."""
        ...

    async def cancel(self, request_id: str, now: float) -> State:
        """End a request; returns the state it was in.  Raises `RefusedMove` when it is over."""
        ...

    async def advance(self, request_id: str, how: float | How, now: float) -> Snapshot:
        """Advance one request by seconds, or to its start or end.

        Raises:
            RefusedMove: it is too late for that.
            NeedsJudgement: it has no plan yet; or, to its end, an open one.
        """
        ...

    async def erase(self, request_id: str, now: float) -> Snapshot:
        """Have a request that is over say from now on that it was erased.

        Raises:
            RefusedMove: it is not over.
        """
        ...

    async def carry_out(self, key: str, now: float) -> float | None:
        """Carry out what is due for a key; returns when something is due next, webhooks included."""
        ...

    async def claim_webhooks(self, key: str, now: float) -> list[Delivery]:
        """The webhooks of a key that are due; they belong to the caller until `webhook_tried`."""
        ...

    async def trying(self, key: str) -> bool:
        """Whether anybody is trying a webhook of a key just now."""
        ...

    async def webhook_tried(self, request_id: str, attempt: DeliveryAttempt) -> Delivery | None:
        """Write a try down; returns the delivery after it, or None where the request is gone."""
        ...

    async def webhook_replayed(self, request_id: str, attempt: DeliveryAttempt) -> Delivery | None:
        """Write a try down that was made out of turn; claims and moments stay as they are."""
        ...

    async def webhook(self, request_id: str) -> Delivery | None:
        """The webhook of a request that is over, if it has one."""
        ...

    async def webhooks(self, key: str | None) -> list[Delivery]:
        """The webhooks of a key, or of all, oldest first."""
        ...

    async def keys(self) -> Iterable[str]:
        """The keys that have a line."""
        ...

    async def all(self, key: str | None, now: Callable[[str], float], most: int | None = None) -> list[Snapshot]:
        """Every stored request of a key, or of all, oldest first, or the newest `most`; `now` tells each key's time."""
        ...

    async def states(self, now: Callable[[str], float]) -> dict[str, Counter[State]]:
        """How many requests of each key are in which state: what is asked often must not cost a look at each."""
        ...

    async def credit(self, key: str, now: float) -> Decimal:
        """What was paid in for a key since the last reset, less what its jobs that are over cost, in dollars.

        Jobs that were dropped count, too.
        """
        ...

    async def top_up(self, key: str | None, usd: Decimal) -> None:
        """Pay in for a key, or for each."""
        ...

    async def reset(self, key: str | None) -> int:
        """Forget every request and the credit of a key, or of all; returns how many requests."""
        ...

    async def ready(self) -> bool:
        """Whether requests can be taken now.

        Raises:
            StoreUnavailable: they cannot, and why.
        """
        ...
