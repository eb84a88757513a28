"""The data of a report: the content of ``--report FILE.json``, and the source of the other formats."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from fakefal.core.plan import BrokenRule, Charge
from fakefal.core.webhook import Delivery
from fakefal.engine.emulator import Emulator
from fakefal.engine.overview import verdict_of
from fakefal.files.making import MadeFiles
from fakefal.report.posters import poster_of
from fakefal.state.endings import ending_of
from fakefal.state.events import outcome
from fakefal.state.happenings import CallEvent, EffectFired, FindingMade, JobOver, Outcome
from fakefal.state.journal import without_secrets
from fakefal.state.ledger import Dollars, LedgerEntry, Sums, entries
from fakefal.state.requests import Snapshot
from fakefal.verdict.findings import finding_event
from fakefal.version import VERSION

MOST_JOBS = 500
MOST_CALLS = 200
"""How many of the newest jobs and calls a report shows."""

MOST_POSTERS = 100
"""How many of the newest jobs have posters; making one takes some milliseconds."""

MOST_POSTER_BYTES = 1_000_000
"""The most bytes of posters in a report."""


class WebhookTry(BaseModel):
    """One attempt of a webhook: the answer of its receiver, or why there is none."""

    status: int | None
    error: str | None


class ReportedWebhook(BaseModel):
    """The webhook of a job: its URL, its outcome, and every attempt."""

    url: str
    fate: str
    tries: list[WebhookTry]


class ReportedJob(BaseModel):
    """One job.

    Attributes:
        prompt: the start of its prompt.
        submitted_at: emulated seconds since 1970.
        outcome: how it ended; null if it had not ended at the end of the run.
        status: the HTTP status of its result.
        why: what was wrong, in one line.
        broken: the broken rules, and where.
        usd: what it would have cost; null if the price is unknown.
        charge: whether fal charges for it, as far as fal says so.
        maybe_usd: what a refusal costs if fal charges for it.
        seconds: how long it ran, in emulated seconds.
        polls: the number of status calls.
        duplicate_of: the job that it repeats.
        poster: a small picture of its result, as a ``data:`` URI.
    """

    request_id: str
    key: str
    endpoint_id: str
    prompt: str
    submitted_at: float
    outcome: Outcome | None
    status: int | None
    why: str
    broken: Sequence[BrokenRule]
    usd: Dollars | None
    charge: Charge | None = None
    maybe_usd: Dollars | None = None
    seconds: float
    polls: int
    duplicate_of: str | None
    webhook: ReportedWebhook | None
    poster: str | None = None


class ReportedCall(BaseModel):
    """A call that created no job, or that an effect changed."""

    kind: Literal["unknown_model", "not_emulated", "call_refused", "effect"]
    call: str
    status: int | None
    hint: str
    effect: str


class ReportedFinding(BaseModel):
    """A mistake of the program: its kind, its grade, what it would have cost, and what to do."""

    finding: str
    grade: str
    usd: Dollars | None
    request_ids: Sequence[str]
    text: str


class ReportedSums(BaseModel):
    """The totals of the jobs; the price of `unpriced` jobs is unknown.

    `billed_refusals` refusals are charged; `maybe_billed` refusals may be charged, `maybe_usd` in total.
    """

    jobs: int = 0
    done: int = 0
    refused: int = 0
    cancelled: int = 0
    duplicates: int = 0
    unpriced: int = 0
    usd: Dollars = Decimal(0)
    billed_refusals: int = 0
    maybe_billed: int = 0
    maybe_usd: Dollars = Decimal(0)


class ReportedPart(BaseModel):
    """One part of a run, such as a test: its name, and its entries in the other lists."""

    name: str
    sums: ReportedSums
    jobs: list[ReportedJob]
    calls: list[ReportedCall]
    findings: list[ReportedFinding]


class ReportedRun(BaseModel):
    """The whole run.

    Attributes:
        fakefal: the version.
        command: what ran.
        exit_code: its exit code, if known.
        written_at: real seconds since 1970.
        sums: the totals of all parts.
        parts: one for a run of a command, and one for each test that has the fixture.
        notes: what was left out to keep the file small, and effects that never applied.
    """

    fakefal: str = VERSION
    command: str
    exit_code: int | None = None
    written_at: Annotated[float, Field(default_factory=time.time)]
    sums: ReportedSums
    parts: list[ReportedPart]
    notes: list[str] = []


async def part_of_run(emulator: Emulator, name: str) -> ReportedPart:
    """The part of a report for one emulator."""
    looks = await emulator.all()
    jobs = [*zip(looks, entries(looks), strict=True)][-MOST_JOBS:]
    deliveries = {one.request_id: one for one in await emulator.deliveries()}
    happened = emulator.events.newest()
    polls = {one.request_id: one.polls for one in happened if isinstance(one, JobOver)}
    calls = [one for one in happened if isinstance(one, CallEvent)][-MOST_CALLS:]
    findings = [finding_event(one) for one in (await verdict_of(emulator)).findings]
    return ReportedPart(
        name=name,
        sums=_sums((await emulator.tally.account(emulator.all)).run),
        jobs=await asyncio.to_thread(_jobs, jobs, deliveries, polls, emulator.cdn.made),
        calls=[_call(one) for one in calls],
        findings=[_finding(one) for one in findings],
    )


def run_report(command: str, exit_code: int | None, parts: Iterable[ReportedPart]) -> ReportedRun:
    """A report within its limits; it notes what was left out."""
    parts = list(parts)
    sums = ReportedSums(
        **{
            name: sum((getattr(one.sums, name) for one in parts), type(default)())
            for name, default in ReportedSums().__dict__.items()
        }
    )
    report = ReportedRun(command=command, exit_code=exit_code, written_at=time.time(), sums=sums, parts=parts)
    _bound_jobs(report)
    _bound_posters(report)
    return report


def _bound_jobs(report: ReportedRun) -> None:
    """Leave out the oldest jobs and calls beyond the limits, and empty parts."""
    for name, most in (("jobs", MOST_JOBS), ("calls", MOST_CALLS), ("findings", MOST_CALLS)):
        room = most
        for part in reversed(report.parts):
            kept = getattr(part, name)[-room:] if room else []
            setattr(part, name, kept)
            room -= len(kept)
    shown = sum(len(part.jobs) for part in report.parts)
    if shown < report.sums.jobs:
        report.notes.append(f"The {shown} newest of {report.sums.jobs} jobs are shown; the sums are of all.")
    report.parts = [one for one in report.parts if one.jobs or one.calls or one.findings or len(report.parts) == 1]


def _bound_posters(report: ReportedRun) -> None:
    """Leave out posters of older jobs beyond the limit."""
    room, left_out = MOST_POSTER_BYTES, 0
    for part in reversed(report.parts):
        for job in reversed(part.jobs):
            room -= len(job.poster or "")
            if job.poster is not None and room < 0:
                job.poster, left_out = None, left_out + 1
    if left_out:
        report.notes.append(f"{left_out} posters are left out, so that this file stays small.")


def _sums(sums: Sums) -> ReportedSums:
    return ReportedSums(**{name: getattr(sums, name) for name in ReportedSums.model_fields})


def _jobs(
    jobs: Sequence[tuple[Snapshot, LedgerEntry]],
    deliveries: Mapping[str, Delivery],
    polls: Mapping[str, int],
    files: MadeFiles,
) -> list[ReportedJob]:
    found = [_job(look, entry, deliveries.get(look.record.id), polls.get(look.record.id, 0)) for look, entry in jobs]
    for job, (look, _) in [*zip(found, jobs, strict=True)][-MOST_POSTERS:]:
        ending = ending_of(look)
        job.poster = poster_of(ending, files) if ending and not look.erased else None
    return found


def _job(look: Snapshot, entry: LedgerEntry, delivery: Delivery | None, polls: int) -> ReportedJob:
    record, ending = look.record, ending_of(look)
    return ReportedJob(
        request_id=record.id,
        key=record.key,
        endpoint_id=record.endpoint_id,
        prompt="" if look.erased else record.prompt,
        submitted_at=record.submitted_at,
        outcome=outcome(ending, look.view.cut) if ending else None,
        status=ending.status if ending else None,
        why=(ending.error or ending.hint) if ending and not ending.ok else "",
        broken=ending.broken if ending else (),
        usd=entry.usd,
        charge=entry.charge,
        maybe_usd=entry.maybe_usd,
        seconds=look.view.run_seconds,
        polls=polls,
        duplicate_of=entry.duplicate_of,
        webhook=_webhook(delivery) if delivery else None,
    )


def _webhook(delivery: Delivery) -> ReportedWebhook:
    tries = [WebhookTry(status=one.status, error=one.error) for one in delivery.attempts]
    return ReportedWebhook(url=without_secrets(delivery.url), fate=delivery.fate, tries=tries)


def _call(event: CallEvent) -> ReportedCall:
    facts: dict[str, Any] = {name: getattr(event, name) for name in ("kind", "call", "status", "hint")}
    return ReportedCall(**facts, effect=event.effect if isinstance(event, EffectFired) else "")


def _finding(event: FindingMade) -> ReportedFinding:
    return ReportedFinding(**{name: getattr(event, name) for name in ReportedFinding.model_fields})
