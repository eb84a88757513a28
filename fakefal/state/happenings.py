"""What an emulator tells while it works: one class for each kind of event.

The same classes are what subscribers in Python get, what ``GET /_fakefal/events`` sends, and what its document shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from fakefal.core.plan import BrokenRule
from fakefal.state.ledger import Dollars

Outcome = Literal["completed", "refused", "failed", "cancelled", "timed_out"]
"""How a job ended: well, by its own fault (4xx), by the service's (5xx), or cut short by its caller."""


@dataclass(slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        number: counts the events of this server, from 1.
        at: emulated seconds since 1970, on the clock of `key`.
        wall: real seconds since 1970.
        key: the id part of the key that it concerns; null for what concerns all keys, empty where a call had no key.
    """

    number: int = 0
    at: float
    wall: float = 0.0
    key: str | None


@dataclass(slots=True, kw_only=True)
class JobEvent(Event):
    """Something that happened to one job."""

    request_id: str
    endpoint_id: str


@dataclass(slots=True, kw_only=True)
class JobAccepted(JobEvent):
    """A job was accepted; `prompt` is the beginning of its prompt, and `webhook` says whether it has one."""

    kind: Literal["accepted"] = "accepted"
    prompt: str
    webhook: bool


@dataclass(slots=True, kw_only=True)
class JobStarted(JobEvent):
    """A runner began to work on a job."""

    kind: Literal["started"] = "started"


@dataclass(slots=True, kw_only=True)
class JobOver(JobEvent):
    """A job is over.

    Attributes:
        outcome: how it ended.
        status: the HTTP status of its result.
        error_type: fal's word for a failure of the platform; else empty.
        error: what its status says of that failure; else empty.
        hint: what to change, in one line.
        broken: which rules it broke, and where; the first ones of very many.
        usd: what it would have cost; null where its price is unknown.
        units: what would have been billed.
        polls: how often its status was asked for at this server.
        attempts: how often a runner tried.
        seconds: how long it ran, in emulated seconds.
    """

    kind: Literal["over"] = "over"
    outcome: Outcome
    status: int
    error_type: str
    error: str
    hint: str
    broken: Sequence[BrokenRule]
    usd: Dollars | None
    units: float
    polls: int
    attempts: int
    seconds: float


@dataclass(slots=True, kw_only=True)
class WebhookTried(JobEvent):
    """A webhook was sent: the `attempt`-th try, and what the receiver answered, or why it did not.

    Values of the query of `url` are hidden.
    """

    kind: Literal["webhook"] = "webhook"
    url: str
    attempt: int
    status: int | None
    error: str | None
    acknowledged: bool


@dataclass(slots=True, kw_only=True)
class CallEvent(Event):
    """Something that happened to one call.

    Attributes:
        call: method, host of fal's and path.
        status: the status of the answer; null where the connection was dropped.
        hint: what to change, in one line.
    """

    call: str
    status: int | None
    hint: str


@dataclass(slots=True, kw_only=True)
class EffectFired(CallEvent):
    """An effect changes a call: told before the job that the call makes, or after a call that makes none.

    `status` is null where the job is told of later; `request_id` is that of the job.
    """

    kind: Literal["effect"] = "effect"
    effect: str
    request_id: str


@dataclass(slots=True, kw_only=True)
class ModelUnknown(CallEvent):
    """A model was called that is unknown."""

    kind: Literal["unknown_model"] = "unknown_model"
    endpoint_id: str


@dataclass(slots=True, kw_only=True)
class NotEmulated(CallEvent):
    """A part of fal's was called that is not emulated (501)."""

    kind: Literal["not_emulated"] = "not_emulated"


@dataclass(slots=True, kw_only=True)
class CallRefused(CallEvent):
    """A call was refused before it became a job."""

    kind: Literal["call_refused"] = "call_refused"
    error_type: str


@dataclass(slots=True, kw_only=True)
class StateReset(Event):
    """The requests of a key, or of all, were forgotten; and so were the events before this one."""

    kind: Literal["reset"] = "reset"


@dataclass(slots=True, kw_only=True)
class ClockMoved(Event):
    """The clock of a key, or the global one, was moved; `speed` is its speed now."""

    kind: Literal["clock"] = "clock"
    advance: float
    speed: float


@dataclass(slots=True, kw_only=True)
class FindingMade(Event):
    """The verdict found something that the program does wrong.

    Attributes:
        finding: which kind, such as ``paid_twice``.
        grade: whether it is proven.
        request_ids: the jobs that prove it.
        usd: what it would have cost; null where that is unknown.
        text: what happened and what to do, in one line.
    """

    kind: Literal["finding"] = "finding"
    finding: str
    grade: Literal["proven", "possible"]
    request_ids: Sequence[str]
    usd: Dollars | None
    text: str


@dataclass(slots=True, kw_only=True)
class EventsLost(Event):
    """Events are missing here: read again what you show.

    It comes first where ``Last-Event-ID`` is too old, or of another server.
    """

    kind: Literal["lost"] = "lost"


AnyEvent = Annotated[
    JobAccepted
    | JobStarted
    | JobOver
    | WebhookTried
    | EffectFired
    | ModelUnknown
    | NotEmulated
    | CallRefused
    | StateReset
    | ClockMoved
    | FindingMade
    | EventsLost,
    Field(discriminator="kind"),
]


def plain(value: Any) -> Any:
    """An event as JSON values: its fields under their names, `kind` among them."""
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
