"""Sees the calls of a program as they come, and finds what would cost money.

It asks no clock: calls bring their times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus

from fakefal.core.webhook import DeliveryAttempt
from fakefal.state.bounded import MOST_KEYS, Bounded
from fakefal.state.endings import CDN_MARK, ending_of
from fakefal.state.journal import USED_UP, JournalEntry
from fakefal.state.ledger import DUPLICATE_SECONDS
from fakefal.state.requests import Record, Snapshot
from fakefal.verdict.findings import Finding, Verdict, is_refusal
from fakefal.verdict.mistakes import SHORTEST_PAUSE, FindingGrade, Kind
from fakefal.verdict.sendings import INJECTED, Passage, Sending, Sign, costs_nothing, usd_of
from fakefal_contracts.hosts import Part

MOST_SENT = 10_000
"""So many of the newest sendings and jobs are remembered, and so many downloads."""

MOST_FINDINGS = 10_000
"""So many of the first findings of each grade are kept; later ones are counted."""

LONGEST_RUN = 1e9
"""A job that would run longer is stuck: no patience helps."""

OK, REFUSED = int(HTTPStatus.OK), int(HTTPStatus.BAD_REQUEST)
"""Plain numbers: comparing with those of an enumeration takes several times as long."""

OF_A_REQUEST = "/requests/"
REQUEST_LIST = "/models/requests"
LOCKED = frozenset({"locked_account", USED_UP})
"""What the journal notes as the effect of a call that found its account locked."""

_FILES = re.compile(re.escape(CDN_MARK.encode()) + rb'(/files/[^"\\]+)')
_STATUS, _CANCEL = "/status", "/cancel"
_LOOKS = (_STATUS, f"{_STATUS}/stream")

_COST = frozenset({Kind.PAID_TWICE, Kind.RESUBMITTED_UNKNOWN})
_PROVEN, _POSSIBLE = FindingGrade

Call = tuple[str, str, str, int]
"""What makes two calls the same: key, method, path, and a checksum of the body where it asks for a job."""


class Witness:
    """Sees calls, jobs and webhooks.

    What it knows is bounded, and apart from the journal.  Where replicas share a store, each sees its own calls.

    Args:
        on_finding: is told of each proven finding that is made while calls come.
    """

    def __init__(self, on_finding: Callable[[Finding], None] = lambda _: None) -> None:
        self._on_finding = on_finding
        self._sent: Bounded[Sign, Sending] = Bounded(MOST_SENT)
        self._jobs: Bounded[str, Sending] = Bounded(MOST_SENT)
        self._downloads: Bounded[str, None] = Bounded(MOST_SENT)
        self._troubled: Bounded[Call, tuple[JournalEntry, Passage]] = Bounded(MOST_KEYS)
        self._locked: Bounded[str, tuple[JournalEntry, float]] = Bounded(MOST_KEYS)
        self._listed: Bounded[str, float] = Bounded(MOST_KEYS)
        self._proven: list[Finding] = []
        self._possible: list[Finding] = []
        self._more = 0

    # -- while calls come -----------------------------------------------------------------------

    def sent(
        self, call: JournalEntry, sign: Sign, gone: Callable[[], bool] | None, *, by_page: bool = False
    ) -> Sending:
        """A call that asks for a job was read; `gone` tells whether its caller has hung up.

        What somebody tries `by_page` is no program's, and neither judged nor held against a later call.
        """
        if by_page:
            return Sending(call, sign, gone)
        before = self._sent.pop(sign, None)
        sending = self._sent[sign] = Sending(call, sign, gone, before)
        if before is None:
            return sending
        before.before = None  # else each would keep all that came before it
        if before.is_lost:
            sending.earlier = before if before.request_id else before.earlier
        elif before.call.effect not in LOCKED and before.whole and is_refusal(before.call.status):
            self._find(Kind.RETRIED_REFUSAL, sending, before.call)
        elif before.refused is not None:
            self._find(Kind.RETRIED_REFUSAL, sending, before.call, before.refused)
        return sending

    def accepted(self, sending: Sending, look: Snapshot) -> None:
        """A sending became a job."""
        sending.accepted(look)
        self._jobs[sending.request_id] = sending
        before, earlier = sending.before, sending.earlier
        sending.earlier = None  # else each would keep all that were lost before it
        if before is None or not sending.is_paid:
            return
        if before.is_lost:
            first, grade = earlier, _PROVEN
        else:
            first, grade = before, _POSSIBLE
            if sending.call.at - before.call.at > DUPLICATE_SECONDS:
                return
        if first is not None and first.is_paid:
            first.repeated = sending.judged = grade is _PROVEN
            self._find(Kind.PAID_TWICE, sending, first.call, grade=grade, first=first)

    def saw(self, call: JournalEntry, sending: Sending | None, passage: Passage) -> None:
        """A call is over."""
        if not passage.by_page:
            self._saw(call, sending, passage)
        elif sending is not None:
            sending.gone = None  # which would keep its connection
            sending.read = True  # somebody tried a model: no program is to fetch it

    def _saw(self, call: JournalEntry, sending: Sending | None, passage: Passage) -> None:
        if self._troubled:
            self._check_pace(call, _same(call, sending), passage.began)
        if sending is not None:
            sending.whole, sending.ended = passage.whole, passage.ended
            sending.gone = None  # which would keep its connection
            self._answered(sending, passage)
        elif call.part == Part.PLATFORM and REQUEST_LIST in call.path:
            self._listed[call.key] = passage.began
        elif call.request_id:
            job = self._jobs.get(call.request_id)
            if job is not None:
                _looked(job, call, whole=passage.whole)
        elif _is_download(call, passage):
            self._downloads[call.path.removeprefix(f"/{Part.CDN}")] = None
        status = call.status
        if status is None or status < REFUSED:
            return
        if status == HTTPStatus.METHOD_NOT_ALLOWED and OF_A_REQUEST in call.path and call.part == Part.QUEUE:
            self._keep(Finding(Kind.WRONG_ADDRESS, _PROVEN, call.key, call.endpoint, (call,)))
        elif passage.whole and (status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR):
            self._troubled.renew(_same(call, sending), (call, passage))

    def delivered(self, request_id: str, attempt: DeliveryAttempt) -> None:
        """A webhook was sent."""
        job = self._jobs.get(request_id)
        if job is not None and attempt.acknowledged:
            job.read = True

    def forged(self, record: Record, status: int) -> None:
        """A webhook with a wrong signature was answered."""
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            job = self._jobs.get(record.id)
            calls = () if job is None else (job.call,)
            if job is not None:
                job.read = True  # as its program sees it
            found = Finding(Kind.UNVERIFIED_WEBHOOK, _PROVEN, record.key, record.endpoint_id, calls)
            self._keep(replace(found, request_ids=(record.id,), webhook_status=status))

    def _check_pace(self, call: JournalEntry, sign: Call, began: float) -> None:
        """Whether a call came too early after one of the same sign that was refused for a while."""
        troubled = self._troubled.get(sign)
        if troubled is None or began < troubled[1].ended:
            return  # or it was sent before that answer came
        before, passage = self._troubled.pop(sign)
        job = self._jobs.get(before.request_id)
        if job is not None and before.status == job.status:
            return  # that is how the job ended, and reading it again does no harm
        waited = began - passage.ended
        for kind, least in ((Kind.NO_BACKOFF, SHORTEST_PAUSE), (Kind.IGNORED_RETRY_AFTER, passage.retry_after)):
            if waited < least:
                self._keep(Finding(kind, _PROVEN, call.key, call.endpoint, (before, call), seconds=waited))

    def _answered(self, sending: Sending, passage: Passage) -> None:
        """What a sending's own answer tells, and what it tells of the one before."""
        call, before = sending.call, sending.before
        if sending.request_id and call.part == Part.RUN and sending.whole:
            sending.over = True
            sending.read = _is_success(call.status)
            sending.refused = call if is_refusal(call.status) else None
        if before is not None and not sending.judged and (before.is_lost or before.is_unclear):
            sending.judged = True
            before.repeated = True
            if self._listed.get(call.key, 0.0) > before.ended:
                return  # it looked for the job before it sent again
            grade = _PROVEN if before.is_lost else _POSSIBLE
            self._find(Kind.RESUBMITTED_UNKNOWN, sending, before.call, grade=grade)
        if call.status == HTTPStatus.FORBIDDEN and call.effect in LOCKED:
            first = self._locked.get(call.key)
            if first is None:
                self._locked[call.key] = call, passage.ended
            elif passage.began >= first[1]:
                self._find(Kind.WENT_ON_WHEN_LOCKED, sending, first[0])
        elif _is_success(call.status):
            self._locked.pop(call.key, None)

    def _find(
        self,
        kind: Kind,
        sending: Sending,
        *before: JournalEntry,
        grade: FindingGrade = _PROVEN,
        first: Sending | None = None,
    ) -> None:
        """Keep a finding about a sending, with the calls before it that prove it."""
        key, endpoint_id, _ = sending.sign
        jobs: tuple[str, ...] = ()
        usd = None
        if sending.request_id:
            jobs = (sending.request_id,) if first is None else (first.request_id, sending.request_id)
            usd = sending.usd if kind in _COST else None
        self._keep(Finding(kind, grade, key, endpoint_id, (*before, sending.call), usd, request_ids=jobs))

    def _keep(self, finding: Finding) -> None:
        proven = finding.grade is _PROVEN
        kept = self._proven if proven else self._possible
        if len(kept) < MOST_FINDINGS:
            kept.append(finding)
        else:
            self._more += 1
        if proven:  # equal jobs may come in masses, and are no fault by themselves
            self._on_finding(finding)

    # -- when somebody asks ---------------------------------------------------------------------

    @property
    def told(self) -> bool:
        """Whether a proven finding was told while calls came."""
        return bool(self._proven)

    def verdict(self, looks: Mapping[str, Snapshot], key: str | None) -> Verdict:
        """The verdict on a key, or on all, as if their programs ended now; `looks` are the stored jobs by their ids."""
        made = sorted([*self._proven, *self._possible], key=lambda one: one.calls[-1].wall if one.calls else 0.0)
        found = [*_as_it_ended(made, looks), *self._left(looks)]
        return Verdict(tuple(one for one in found if key in (None, one.key)), self._more)

    def _left(self, looks: Mapping[str, Snapshot]) -> Iterator[Finding]:
        """What programs left behind: results that nobody fetched, and jobs that nobody waits for."""
        for job in self._jobs.values():
            look = looks.get(job.request_id)
            if look is not None and not (job.read or job.cancelled or job.repeated):
                yield from self._left_of(job, look)

    def _left_of(self, job: Sending, look: Snapshot) -> Iterator[Finding]:
        planned, ending, usd = look.plan, ending_of(look), usd_of(look)
        key, endpoint_id, _ = job.sign
        ends_well = planned is not None and planned.ending.ok and planned.run_seconds < LONGEST_RUN
        if ending is not None and (not ending.ok or self._was_downloaded(ending.body)):
            return
        proof = (job.call, job.looked) if job.looked is not None else (job.call,)
        found = Finding(Kind.SHORT_TIMEOUT, _PROVEN, key, endpoint_id, proof, request_ids=(job.request_id,))
        if job.is_lost and job.looked is None:
            if job.call.effect in INJECTED:
                if ending is not None:
                    yield replace(found, kind=Kind.RESULT_NEVER_FETCHED, grade=_POSSIBLE, usd=usd)
            elif ends_well:
                yield replace(found, usd=usd)
        elif job.looked is not None and not job.over:
            yield replace(found, kind=Kind.NEVER_CANCELLED, usd=usd)
            if ends_well:
                yield found
        elif ending is not None:
            unacknowledged = look.record.webhook is not None
            yield replace(found, kind=Kind.RESULT_NEVER_FETCHED, usd=usd, unacknowledged=unacknowledged)

    def _was_downloaded(self, body: bytes) -> bool:
        return any(path.decode() in self._downloads for path in _FILES.findall(body))

    def reset(self, key: str | None) -> None:
        """Forget what was seen of a key, or everything."""
        for sign in [one for one in self._sent if key in (None, one[0])]:
            del self._sent[sign]
        for same in [one for one in self._troubled if key in (None, one[0])]:
            del self._troubled[same]
        for request_id in [name for name, job in self._jobs.items() if key in (None, job.sign[0])]:
            del self._jobs[request_id]
        for kept in (self._proven, self._possible):
            kept[:] = [one for one in kept if key not in (None, one.key)]
        for one in (*self._locked, *self._listed) if key is None else (key,):
            self._locked.pop(one, None)
            self._listed.pop(one, None)
        if key is None:
            self._downloads.clear()
            self._more = 0


def _looked(job: Sending, call: JournalEntry, *, whole: bool) -> None:
    """A call about a job that is not the one which made it."""
    path = call.path
    if path.endswith(_LOOKS):
        job.looked = call
        job.over = call.status == OK and (whole or path.endswith(_STATUS))
    elif path.endswith(_CANCEL):
        job.cancelled = _is_success(call.status)
    elif path.endswith(job.request_id) and whole:
        if _is_success(call.status) or call.status == HTTPStatus.NOT_FOUND:  # what is gone cannot be read
            job.read = True
        elif call.status == job.status and is_refusal(call.status):
            job.refused = call


def _same(call: JournalEntry, sending: Sending | None) -> Call:
    return call.key, call.method, call.path, sending.sign[2] if sending is not None else 0


def _as_it_ended(findings: list[Finding], looks: Mapping[str, Snapshot]) -> Iterator[Finding]:
    """The findings; what was paid twice was not where one of both jobs was cancelled or failed meanwhile."""
    for one in findings:
        known = [looks[name] for name in one.request_ids if name in looks]
        if one.kind is not Kind.PAID_TWICE or not any(map(costs_nothing, known)):
            yield one
        elif one.grade is _PROVEN:
            yield replace(one, kind=Kind.RESUBMITTED_UNKNOWN)


def _is_download(call: JournalEntry, passage: Passage) -> bool:
    """Whether a program got a file."""
    return call.part == Part.CDN and passage.whole and call.method == "GET" and _is_success(call.status)


def _is_success(status: int | None) -> bool:
    return status is not None and OK <= status < REFUSED
