"""The events of an emulator: one class for each kind.

Subscribers in Python get these objects, ``GET /_fakefal/events`` sends them, and the OpenAPI document describes them.
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
"""How a job ended: with a result, refused (4xx), failed at the service (5xx), or ended early by its caller."""


@dataclass(slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        number: the number of the event on this server, from 1.
        at: emulated seconds since 1970, on the clock of `key`.
        wall: real seconds since 1970.
        key: the id part of the API key; null for all keys, empty for a call without a key.
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
    """A job was accepted.  `prompt` is the start of its prompt, and `webhook` says whether it has a webhook."""

    kind: Literal["accepted"] = "accepted"
    prompt: str
    webhook: bool


@dataclass(slots=True, kw_only=True)
class JobStarted(JobEvent):
    """A runner started a job."""

    kind: Literal["started"] = "started"


@dataclass(slots=True, kw_only=True)
class JobOver(JobEvent):
    """A job has ended.

    Attributes:
        outcome: how it ended.
        status: the HTTP status of its result.
        error_type: fal's name for a failure of the platform, or empty.
        error: the message of that failure in the status, or empty.
        hint: what to change, in one line.
        broken: the broken rules, and where; not all of them if there are very many.
        usd: what it would have cost in US dollars; null if the price is unknown.
        units: the billed units.
        polls: the number of status calls at this server.
        attempts: the number of runs.
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
    """A webhook was sent.  `attempt` counts from 1; `status` is the receiver's, or `error` says why there is none.

    Values in the query of `url` are hidden.
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
        call: method, host and path.
        status: the status of the answer; null if the connection was dropped.
        hint: what to change, in one line.
    """

    call: str
    status: int | None
    hint: str


@dataclass(slots=True, kw_only=True)
class EffectFired(CallEvent):
    """An effect was applied to a call.

    If the call creates a job, this event comes before those of the job, `request_id` is the job's, and `status` is
    null.  Otherwise it comes after the call.
    """

    kind: Literal["effect"] = "effect"
    effect: str
    request_id: str


@dataclass(slots=True, kw_only=True)
class ModelUnknown(CallEvent):
    """A call named an unknown model."""

    kind: Literal["unknown_model"] = "unknown_model"
    endpoint_id: str


@dataclass(slots=True, kw_only=True)
class NotEmulated(CallEvent):
    """A call was for a part of fal that is not emulated (501)."""

    kind: Literal["not_emulated"] = "not_emulated"


@dataclass(slots=True, kw_only=True)
class CallRefused(CallEvent):
    """A call was refused, and no job was created."""

    kind: Literal["call_refused"] = "call_refused"
    error_type: str


@dataclass(slots=True, kw_only=True)
class StateReset(Event):
    """The requests and earlier events of a key, or of all keys, were deleted."""

    kind: Literal["reset"] = "reset"


@dataclass(slots=True, kw_only=True)
class ClockMoved(Event):
    """The clock of a key, or the global clock, was moved by `advance` seconds; `speed` is its new speed."""

    kind: Literal["clock"] = "clock"
    advance: float
    speed: float


@dataclass(slots=True, kw_only=True)
class FindingMade(Event):
    """The verdict found a mistake of the program.

    Attributes:
        finding: the kind of mistake, such as ``paid_twice``.
        grade: whether the finding is proven.
        request_ids: the jobs that show it.
        usd: what it would have cost in US dollars; null if unknown.
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
    """Events are missing: read the current state again.

    It comes first if ``Last-Event-ID`` is too old, or from another server.
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
    """An event as JSON values: its fields by name, including `kind`."""
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
