"""What the witness remembers: every call that asked for a job, and what became of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from math import inf

from fakefal.core.plan import NOTHING
from fakefal.state.endings import ending_of
from fakefal.state.journal import JournalEntry
from fakefal.state.ledger import bill
from fakefal.state.requests import Snapshot

Sign = tuple[str, str, int]
"""What two sendings have in common that ask for the same: key, endpoint, and a checksum of the body."""

INJECTED = frozenset({"accept_then_drop", "slow_response"})
"""The effects that lose an answer: a program that hears nothing then has done nothing wrong yet."""


@dataclass(slots=True, eq=False)
class Passage:
    """How a call went: from when to when in steady seconds, and what was said about trying again.

    `whole` is whether all of its answer went out to a caller that was still there; `retry_after` is in seconds.
    `by_page` says that the emulator's own page made it, for somebody who watches.
    """

    began: float
    ended: float = 0.0
    whole: bool = False
    retry_after: float = 0.0
    by_page: bool = False


@dataclass(slots=True, eq=False)
class Sending:
    """One call that asks for a job, and what its program did with the job that came of it.

    `gone` tells whether the caller has hung up.  `whole` is whether the whole answer went out to a caller that was
    still there, None while it has not been tried, and `ended` is when that was.  `before` is the call of the same sign
    before this one, and `earlier` one before that which became a job, and whose answer was lost.

    `request_id` is that of the job, empty where none was accepted; `usd` is what it is to cost, and `status` that of
    its result, as far as it is planned.  `looked` is the last look at its status, `over` whether that showed its end;
    `read` says that somebody got the result, and `refused` is the call that told of a refusal.  `repeated` says that a
    finding tells already that it was sent again.

    One object for both: two that know each other would live until somebody looks for garbage.
    """

    call: JournalEntry
    sign: Sign
    gone: Callable[[], bool] | None
    before: Sending | None = None
    whole: bool | None = None
    ended: float = inf
    earlier: Sending | None = None
    judged: bool = False
    request_id: str = ""
    usd: Decimal | None = None
    status: int | None = None
    looked: JournalEntry | None = None
    over: bool = False
    read: bool = False
    cancelled: bool = False
    refused: JournalEntry | None = None
    repeated: bool = False

    def accepted(self, look: Snapshot) -> None:
        """It became a job."""
        self.call.accepted = True
        self.request_id = self.call.request_id = look.record.id  # which its caller may never hear
        if look.plan is not None:
            self.usd, self.status = look.plan.ending.usd, look.plan.ending.status

    @property
    def is_paid(self) -> bool:
        """Whether its job is to cost something, as far as that is known."""
        return bool(self.request_id) and (self.usd is None or self.usd > NOTHING)

    @property
    def is_lost(self) -> bool:
        """Whether its caller cannot know what became of it."""
        if self.whole is None:
            return self.gone is not None and self.gone()
        return not self.whole

    @property
    def is_unclear(self) -> bool:
        """Whether it was answered by something before fal, which does not say whether fal took the call."""
        if self.call.request_id or not self.whole:
            return False
        return HTTPStatus.BAD_GATEWAY <= (self.call.status or 0) <= HTTPStatus.GATEWAY_TIMEOUT


def usd_of(look: Snapshot) -> Decimal | None:
    """What a job costs as it stands."""
    billed = bill(look)
    return billed.usd if billed is not None else None


def costs_nothing(look: Snapshot) -> bool:
    """Whether a job is over and was not paid."""
    ending = ending_of(look)
    return ending is not None and ending.usd == NOTHING
