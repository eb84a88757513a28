"""The report of a run, as JSON and as text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakefal.proxy.paid_jobs import OPEN, ForwardedJob, Jobs
from fakefal.proxy.preflight import CONTRACT
from fakefal.recording.folder import ExchangeWriter
from fakefal_contracts.price import dollars

TITLES = {
    "accepted": "accepted, though a refusal was predicted",
    "refused": "refused, though it was predicted to be accepted",
    "refusal": "refused with another message or at another place",
    "units": "billed differently",
}


@dataclass(frozen=True)
class RunReport:
    """The report on one run.  `upstream` is ``fal`` or the URL of another server."""

    upstream: str
    began_at: dt.datetime
    jobs: Jobs
    recorder: ExchangeWriter

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        budget = self.jobs.budget
        return {
            "upstream": self.upstream,
            "contract": CONTRACT,
            "began_at": self.began_at.isoformat(timespec="seconds"),
            "limit_usd": float(budget.limit),
            "spent_usd": float(budget.spent),
            "reserved_usd": float(budget.reserved),
            "recordings": _folder(self.recorder.folder),
            "exchanges": self.recorder.written,
            "recording_ended": self.recorder.ended,
            "sent": [job.as_dict() for job in self.jobs.sent],
            "not_sent": [vars(one) for one in self.jobs.not_sent],
            "differences": [
                {"request_id": job.request_id, "endpoint_id": job.endpoint_id, **vars(difference)}
                for job in self.jobs.sent
                for difference in job.differences
            ],
        }

    def text(self) -> str:
        """The report as text; the first line has the cost."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        jobs, budget = self.jobs, self.jobs.budget
        money = f"{dollars(budget.spent)} spent"
        if budget.reserved:
            money += f" and up to {dollars(budget.reserved)} more"
        yield f"{len(jobs.sent)} sent, {len(jobs.not_sent)} not sent, {money}, of {dollars(budget.limit)}"
        for refused in jobs.not_sent:
            yield f"  not sent ({refused.reason}): {refused.endpoint_id}: {refused.detail}"
        for job in jobs.sent:
            yield from self._differences(job)
        if left := sum(job.outcome == OPEN for job in jobs.sent):
            yield f"  {left} of those sent have an unknown end: their results were never read"
        if self.recorder.written:
            yield f"  {self.recorder.written} exchanges recorded in {self.recorder.folder}"
        if self.recorder.ended:
            yield f"  the recording ended early: {self.recorder.ended}"

    @staticmethod
    def _differences(job: ForwardedJob) -> Iterator[str]:
        for one in job.differences:
            yield f"  differs ({TITLES[one.kind]}): {job.endpoint_id} {job.request_id}".rstrip()
            yield f"    predicted  {one.predicted}"
            yield f"    answered   {one.answered}"
        if job.outcome not in (OPEN, "accepted", "refused", "cancelled"):
            why = job.ending.error_type if job.ending else ""
            yield f"  {job.outcome}: {job.endpoint_id} {job.request_id} {why}".rstrip()


def _folder(path: Path) -> str:
    return path.as_posix()
