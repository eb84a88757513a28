"""What the witness remembers: every try to make a job, and every job that came of one."""

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
    """One call that asks for a job.

    `gone` tells whether the caller has hung up.  `whole` is whether the whole answer went out to a caller that was
    still there, None while it has not been tried, and `ended` is when that was.  `before` is the call of the same sign
    before this one, and `earlier` a job of one before that, whose answer was lost.
    """

    call: JournalEntry
    sign: Sign
    gone: Callable[[], bool] | None
    before: Sending | None = None
    whole: bool | None = None
    ended: float = inf
    job: SeenJob | None = None
    earlier: SeenJob | None = None
    judged: bool = False

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


@dataclass(slots=True, eq=False)
class SeenJob:
    """An accepted job: what made it, what it is to cost, and what its program did with it.

    `status` is that of its result, as far as it is planned.  `looked` is the last look at its status, `over` whether
    that showed its end; `read` says that somebody got the result, and `refused` is the call that told of a refusal.
    `repeated` says that a finding tells already that it was sent again.
    """

    request_id: str
    sending: Sending
    usd: Decimal | None
    status: int | None
    looked: JournalEntry | None = None
    over: bool = False
    read: bool = False
    cancelled: bool = False
    refused: JournalEntry | None = None
    repeated: bool = False

    @property
    def is_paid(self) -> bool:
        """Whether it is to cost something, as far as that is known."""
        return self.usd is None or self.usd > NOTHING


def seen_job(sending: Sending, look: Snapshot) -> SeenJob:
    """A job as it was accepted."""
    ending = look.plan.ending if look.plan is not None else None
    usd = ending.usd if ending is not None else None
    return SeenJob(look.record.id, sending, usd, ending.status if ending is not None else None)


def usd_of(look: Snapshot) -> Decimal | None:
    """What a job costs as it stands."""
    billed = bill(look)
    return billed.usd if billed is not None else None


def costs_nothing(look: Snapshot) -> bool:
    """Whether a job is over and was not paid."""
    ending = ending_of(look)
    return ending is not None and ending.usd == NOTHING
