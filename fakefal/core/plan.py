"""The plan of a request: how long it waits and runs, what it logs and how it ends.

A plan is immutable, and a pure function of the request, its judgement, the profile and the seed. The state of the
request at any moment is computed from it (`view`).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import KW_ONLY, dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from statistics import NormalDist

from fakefal.core.lifecycle import State
from fakefal.core.sealed import sealed

NOTHING = Decimal(0)
REFUSED_SECONDS = 0.2
"""How long a refused request runs (receipts of July to September 2026 show 0.2 s)."""


RUN_SIGMA = 0.35
"""The spread of run times (inferred from the spread of the few measured runs of one endpoint)."""


class Charge(StrEnum):
    """Whether fal charges for a request.

    fal may charge for a refusal if a runner did work before it refused (FAQ of fal, 2026).
    """

    NO = "not_charged"
    MAYBE = "may_be_charged"
    YES = "charged"


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """Why a request was refused: the rule that it broke, the field, and what to change.

    `rule` is empty if the refusal comes from no rule of this project, such as an effect. `type`, `loc` and `msg` are
    those of the response.
    """

    rule: str
    type: str
    loc: tuple[str | int, ...]
    msg: str
    hint: str = ""


@sealed
class Ending:
    """The result call's response once the request is over: status, body (JSON, or a `text`) and billed units.

    `ok` says whether the model produced its output; the core does not derive it from the status. `usd` is what fal
    would charge for the request, None if its price is unknown. `maybe_usd` is what a refusal may have cost. `hint` is
    for the developer. `error` and `error_type` are shown by the status call after a platform failure. `timeout_type`
    says whose timeout it was. `broken` holds the reasons of a refusal.
    """

    status: int
    body: bytes
    billable_units: float
    _: KW_ONLY
    ok: bool
    error: str | None = None
    error_type: str | None = None
    hint: str = ""
    attempts: int = 1
    timeout_type: str | None = None
    usd: Decimal | None = NOTHING
    maybe_usd: Decimal | None = NOTHING
    text: bool = False
    broken: tuple[BrokenRule, ...] = ()

    @property
    def charge(self) -> Charge:
        """Whether fal charges for it."""
        if self.ok or self.billable_units or self.usd != NOTHING:
            return Charge.YES
        return Charge.NO if self.maybe_usd == NOTHING else Charge.MAYBE


@sealed
class Polls:
    """A poll-driven pace: how many status reads show each state before the next one."""

    queued: int
    running: int


class Quirk(StrEnum):
    """What happens to a request after its end or on its cancellation; the values are the names of the effects."""

    RESULT_EXPIRED = "result_expired"
    CANCEL_IGNORED = "cancel_ignored"
    WEBHOOK_LOST = "webhook_lost"
    WEBHOOK_DUPLICATE = "webhook_duplicate"
    WEBHOOK_BAD_SIGNATURE = "webhook_bad_signature"


@sealed
class Plan:
    """All that will happen to a request, fixed before it starts.

    `wait_seconds` is the minimum time in the queue, `run_seconds` the time on a runner, and `logs` the lines with the
    second of the run at which each appears. With `polls` the request ignores time and moves on status reads, on a
    runner of its own. `retries` are the seconds of the run at which a further attempt begins.

    A plan whose files are still being made is open: its run does not end until the whole plan replaces it.
    """

    ending: Ending
    wait_seconds: float = 0.0
    run_seconds: float = 0.0
    logs: tuple[tuple[float, str], ...] = ()
    polls: Polls | None = None
    retries: tuple[float, ...] = ()
    quirks: frozenset[Quirk] = frozenset()

    @property
    def open(self) -> bool:
        """Whether its run has no end yet."""
        return self.run_seconds == math.inf

    def opened(self) -> Plan:
        """The same plan without an end."""
        return replace(self, run_seconds=math.inf)


@dataclass(frozen=True)
class Span:
    """A duration in seconds: always `median`, or log-normal around it with shape `sigma`."""

    median: float
    sigma: float = 0.0

    def draw(self, seed: str) -> float:
        """One duration, the same for the same seed."""
        if not self.sigma:
            return self.median
        digest = hashlib.blake2b(seed.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        unit = (int.from_bytes(digest, "big") + 0.5) / 2**64
        return self.median * math.exp(self.sigma * NormalDist().inv_cdf(unit))


@dataclass(frozen=True)
class Profile:
    """How long requests take: `wait` in the queue and `run` on a runner, or moved by `polls`.

    `run_of` gives single tiers their own run time. With `as_measured` a request takes as long as runs of its endpoint
    were measured to take, if they were measured.
    """

    name: str
    wait: Span
    run: Span
    polls: Polls | None = None
    run_of: dict[str, Span] = field(default_factory=dict)
    as_measured: bool = False
    refused_seconds: float = REFUSED_SECONDS


#: The runs of `realistic` where an endpoint's own was not measured: about two minutes for O1 standard (August 2026),
#: 318 s for O3 pro (fal's own test, 2026).
PROFILES: dict[str, Profile] = {
    "instant": Profile("instant", Span(0), Span(0), refused_seconds=0),
    "stepped": Profile("stepped", Span(0), Span(0), polls=Polls(queued=1, running=1), refused_seconds=0),
    "quick": Profile("quick", Span(0.5), Span(2)),
    "realistic": Profile(
        "realistic",
        Span(4, sigma=0.6),
        Span(120, sigma=RUN_SIGMA),
        run_of=dict.fromkeys(("pro", "4k"), Span(318, sigma=RUN_SIGMA)),
        as_measured=True,
    ),
}


def make_plan(
    profile: Profile,
    ending: Ending,
    *,
    tier: str = "",
    run_seconds: float | None = None,
    notes: tuple[str, ...] = (),
    failure: str = "",
    seed: str = "",
) -> Plan:
    """The plan of a request under a profile.

    `tier` and `run_seconds` are those of its endpoint, if they are known. `notes` are log lines of the first moment,
    such as media that were not checked. `failure` is the log line of each attempt before the last; such an attempt
    lasts as long as a refusal.
    """
    span = profile.run_of.get(tier, profile.run)
    if profile.as_measured and run_seconds is not None:
        span = Span(run_seconds, sigma=RUN_SIGMA)
    run = span.draw(f"{seed}/run") if ending.ok else profile.refused_seconds
    logs = _progress(run) if ending.ok else REFUSED_LOG
    retries = tuple(number * profile.refused_seconds for number in range(1, ending.attempts))
    last = retries[-1] if retries else 0.0
    if retries:
        failures = ((moment, f"Attempt {number} failed: {failure}") for number, moment in enumerate(retries, 1))
        logs = (*failures, *((last + moment, text) for moment, text in logs))
    return Plan(
        ending=ending,
        wait_seconds=profile.wait.draw(f"{seed}/wait"),
        run_seconds=last + run,
        logs=(*((0.0, note) for note in notes), *logs) if notes else logs,
        polls=profile.polls,
        retries=retries,
    )


REFUSED_LOG = ((0.0, "Checking the arguments"),)


@lru_cache(maxsize=256)
def _progress(run: float) -> tuple[tuple[float, str], ...]:
    """The log lines of a run of this length, shared by all plans because they take most of a plan's memory."""
    return (
        (0.0, "Arguments checked"),
        (run * 0.1, "Generating: 10%"),
        (run * 0.5, "Generating: 50%"),
        (run * 0.9, "Generating: 90%"),
    )


class Cut(StrEnum):
    """Why a request did not end as planned."""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    """It had not started by its caller's start timeout, or would have to start again after it."""


@sealed
class Marks:
    """What has happened to a request so far, in emulated seconds; None means not yet.

    `shifts` are the moments at which it was advanced while it ran, each with the number of seconds. An advance brings
    later moments nearer; earlier ones stay.
    """

    started_at: float | None = None
    ended_at: float | None = None
    cut: Cut | None = None
    shifts: tuple[tuple[float, float], ...] = ()


@sealed
class View:
    """The state of a request at a moment, or at its end; times are emulated seconds."""

    state: State
    plan: Plan | None
    marks: Marks
    at: float
    run_seconds: float = 0.0
    """How long it ran, once it is over; the seconds by which it was advanced count as run."""

    @property
    def started_at(self) -> float | None:
        """When it started; None before that."""
        return self.marks.started_at

    @property
    def ended_at(self) -> float | None:
        """When it ended; None before that."""
        return self.marks.ended_at

    @property
    def cut(self) -> Cut | None:
        """Why it did not end as planned; None if it did."""
        return self.marks.cut

    @property
    def logs(self) -> tuple[tuple[float, str], ...]:
        """The lines of its log so far, each with its moment."""
        if self.plan is None or self.marks.started_at is None:
            return ()
        at, marks = self.at, self.marks
        return tuple([(moment, text) for offset, text in self.plan.logs if (moment := moment_of(marks, offset)) <= at])

    @property
    def next_at(self) -> float | None:
        """When the request next changes by time alone; None if it does not."""
        plan, marks = self.plan, self.marks
        if plan is None or self.state is not State.IN_PROGRESS:
            return None
        ahead = None if plan.polls is not None or plan.open else moment_of(marks, plan.run_seconds)
        for offset, _ in plan.logs:
            moment = moment_of(marks, offset)
            if moment > self.at and (ahead is None or moment < ahead):
                ahead = moment
        return ahead


def moment_of(marks: Marks, offset: float) -> float:
    """The moment of a second of the run, after all advances."""
    assert marks.started_at is not None
    moment = marks.started_at + offset
    for at, seconds in marks.shifts:
        if moment > at:
            moment = max(at, moment - seconds)
    return moment


def view(plan: Plan | None, marks: Marks, now: float) -> View:
    """The state of a request with these marks at `now`."""
    start, end = marks.started_at, marks.ended_at
    if start is None or plan is None:
        state = State.IN_QUEUE if end is None else State.COMPLETED
        return View(state, plan, marks, now if end is None else end)
    if end is not None:
        whole = plan.polls is None and marks.cut is None
        return View(State.COMPLETED, plan, marks, end, plan.run_seconds if whole else end - start)
    return View(State.IN_PROGRESS, plan, marks, now)
