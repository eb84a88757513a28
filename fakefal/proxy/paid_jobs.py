"""The paid jobs of one run: what was reserved for each, how it ended, and what was never sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fakefal.proxy.differences import CANCELLED, Difference, ServiceEnding, compare, predicted_items, read_ending
from fakefal.proxy.preflight import ProxyPreflight
from fakefal.recording.spend_limit import SpendLimit, SpendReservation
from fakefal.state import jsonio
from fakefal_contracts.failures import MAY_BE_BILLED
from fakefal_contracts.price import billed

OPEN = "open"
CLIENT_CANCELLED = "client_cancelled"


@dataclass(eq=False)
class ForwardedJob:
    """One request that was sent.  `outcome` stays ``open`` if its result was not read."""

    endpoint_id: str
    before: ProxyPreflight
    reservation: SpendReservation
    sent_at: dt.datetime
    request_id: str = ""
    outcome: str = OPEN
    ending: ServiceEnding | None = None
    differences: list[Difference] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As the report has it; dollars as JSON numbers."""
        assert self.before.cost is not None
        ending = self.ending
        return {
            "request_id": self.request_id,
            "endpoint_id": self.endpoint_id,
            "sent_at": self.sent_at.isoformat(timespec="seconds"),
            "outcome": self.outcome,
            "usd": float(self.reservation.usd),
            "settled": self.reservation.settled,
            "predicted": {
                "ok": self.before.predicted.ok,
                "units": float(self.before.cost.units),
                "usd": float(self.before.cost.usd),
                "errors": [item.as_dict() for item in predicted_items(self.before)],
            },
            "answered": ending
            and {
                "status": ending.status,
                "units": None if ending.units is None else float(ending.units),
                "error_type": ending.error_type or None,
                "errors": [item.as_dict() for item in ending.items],
            },
            "differences": [vars(one) for one in self.differences],
        }


@dataclass(frozen=True)
class NotSent:
    """A paid request that was refused here, and why."""

    endpoint_id: str
    reason: str
    detail: str


class Jobs:
    """Tracks jobs and their money.

    Args:
        budget: the spend limit.
    """

    def __init__(self, budget: SpendLimit) -> None:
        self.budget = budget
        self.sent: list[ForwardedJob] = []
        self.not_sent: list[NotSent] = []
        self._by_id: dict[str, ForwardedJob] = {}

    def begin(self, before: ProxyPreflight, now: dt.datetime) -> ForwardedJob:
        """Reserve the price of a request before it is sent.

        Raises:
            OverSpendLimit: the limit would be exceeded.
        """
        assert before.most is not None
        job = ForwardedJob(before.endpoint.id, before, self.budget.reserve(before.most.usd), now)
        self.sent.append(job)
        return job

    def never_sent(self, job: ForwardedJob, why: str) -> None:
        """Refund a request that could not be sent."""
        self.budget.refund(job.reservation)
        self.sent.remove(job)
        self.not_sent.append(NotSent(job.endpoint_id, "no connection", why))

    def submitted(self, job: ForwardedJob, status: int, raw: bytes) -> None:
        """Record the answer to a submit.  After a 5xx the outcome is unknown, so the money stays reserved."""
        body = _object(raw)
        if status < HTTPStatus.BAD_REQUEST and isinstance(body.get("request_id"), str):
            job.request_id = body["request_id"]
            self._by_id[job.request_id] = job
        elif HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.budget.refund(job.reservation)
            job.outcome = f"not accepted: {status}"
        else:
            job.outcome = f"unknown: the submit was answered with {status}"

    def looked(self, request_id: str, raw: bytes) -> None:
        """Record a status.  It shows failures of the platform, which are not billed.

        Only the result says whether a job is billed that was cancelled while it ran.
        """
        body, job = _object(raw), self._by_id.get(request_id)
        error_type = str(body.get("error_type") or "") if body.get("status") == "COMPLETED" else ""
        if job is not None and error_type and error_type != CLIENT_CANCELLED:
            self._end(job, ServiceEnding(HTTPStatus.INTERNAL_SERVER_ERROR, (), None, error_type))

    def cancelled(self, request_id: str, status: int) -> None:
        """Record the answer to a cancel: 200 means that the job had not started."""
        if status == HTTPStatus.OK and (job := self._by_id.get(request_id)):
            self.budget.refund(job.reservation)
            job.outcome = "cancelled"

    def read(self, request_id: str, status: int, headers: Mapping[str, str], raw: bytes) -> None:
        """Record the answer to a result call."""
        if job := self._by_id.get(request_id):
            self.answered(job, status, headers, raw)

    def answered(self, job: ForwardedJob, status: int, headers: Mapping[str, str], raw: bytes) -> None:
        """Record the end of a job, or that it has not ended."""
        if ending := read_ending(status, headers, raw):
            self._end(job, ending)

    def _end(self, job: ForwardedJob, ending: ServiceEnding) -> None:
        """Settle by the bill.  Without one, failures and refusals cost nothing, and others what was reserved.

        A refusal that fal may charge stays reserved.
        """
        if job.ending is not None:
            return
        job.ending = ending
        assert job.before.cost is not None
        if ending.units is not None:
            self.budget.settle(job.reservation, billed(ending.units, job.before.cost.unit_usd))
        elif ending.status in (HTTPStatus.OK, CANCELLED):
            self.budget.settle(job.reservation, job.reservation.usd)
        elif not any(item.type in MAY_BE_BILLED for item in ending.items):
            self.budget.refund(job.reservation)
        if job.outcome == OPEN:
            job.outcome = _outcome(ending)
        job.differences = compare(job.before, ending)


def _outcome(ending: ServiceEnding) -> str:
    if ending.status == HTTPStatus.OK:
        return "accepted"
    if ending.status == CANCELLED or ending.error_type == CLIENT_CANCELLED:
        return "cancelled"
    return "refused" if ending.refused else "failed"


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = jsonio.parse(raw)
    except jsonio.InvalidJson:
        return {}
    return body if isinstance(body, dict) else {}
