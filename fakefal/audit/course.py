"""Runs an audit: the program without failures, then once for each fault; and reports the results."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fakefal.audit.trial import Program, Trial, run_trial
from fakefal.audit.ways import Fault, Point, faults_of
from fakefal.verdict.findings import Finding, Verdict
from fakefal.verdict.mistakes import AT_END, Kind
from fakefal_contracts.price import dollars

HEADINGS = ("call", "failure", "ended", "jobs", "paid", "findings")
AS_IT_IS = "as it is"


@dataclass(frozen=True)
class Audit:
    """The results of all runs; the first run is without failures."""

    trials: Sequence[Trial]
    allowed: Collection[Kind] = ()

    @property
    def proven(self) -> int:
        """The number of runs with a proven finding."""
        return sum(bool(self.verdict(one).proven) for one in self.trials)

    @property
    def reached_nothing(self) -> bool:
        """Whether no run reached its fault, so nothing was audited."""
        faulty = [one for one in self.trials if one.fault is not None]
        return bool(faulty) and not any(one.was_reached for one in faulty)

    def verdict(self, trial: Trial) -> Verdict:
        """The verdict on a run, without allowed findings; None if its fault did not happen.

        If the program was stopped, findings about what it left unfinished do not count.
        """
        if not trial.was_reached:
            return Verdict()
        return trial.verdict.without({*self.allowed, *(AT_END if trial.code is None else ())})

    def summary(self) -> str:
        """The result of the runs with failures in one line, and whether the run without one has proven findings."""
        first, *faulty = self.trials
        ended = Counter(one.ending for one in faulty)
        asides = [f"{ended[name]} {name}" for name in ("did not end", "not reached") if ended[name]]
        if self.verdict(first).proven:
            asides.append("and the run without failures has proven findings, too")
        proven = sum(bool(self.verdict(one).proven) for one in faulty)
        return ", ".join([f"{_counted(len(faulty), 'run')}: {proven} with proven findings", *asides])

    def table(self) -> list[tuple[str, ...]]:
        """A row for each run, under `HEADINGS`."""
        return [self._row(one) for one in self.trials]

    def _row(self, trial: Trial) -> tuple[str, ...]:
        fault, verdict = trial.fault, self.verdict(trial)
        place = (str(fault.point), fault.way.name) if fault is not None else ("", AS_IT_IS)
        if not trial.was_reached:
            return (*place, trial.ending, "", "", "")
        kinds = [
            f"{row.kind}{f' x{row.count}' if row.count > 1 else ''}{'' if row.grade == 'proven' else ' (possible)'}"
            for row in verdict.rows()
        ]
        return (*place, trial.ending, str(trial.jobs), dollars(trial.usd), ", ".join(kinds))

    def plain(self) -> dict[str, Any]:
        """The audit as JSON values."""
        return {
            "runs": [self._plain(one) for one in self.trials],
            "proven": self.proven,
            "summary": self.summary(),
        }

    def _plain(self, trial: Trial) -> dict[str, Any]:
        fault = trial.fault
        return {
            "call": None if fault is None else asdict(fault.point),
            "failure": AS_IT_IS if fault is None else fault.way.name,
            "what": "" if fault is None else fault.way.what,
            "reached": trial.was_reached,
            "ending": trial.ending,
            "code": trial.code,
            "seconds": round(trial.seconds, 3),
            "hits": trial.hits,
            "jobs": trial.jobs,
            "usd": float(trial.usd),
            "said": trial.said,
            "findings": [_finding(one) for one in self.verdict(trial).findings],
        }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "grade": one.grade.value,
        "endpoint_id": one.endpoint_id,
        "usd": None if one.usd is None else float(one.usd),
        "request_ids": list(one.request_ids),
        "evidence": one.evidence,
        "advice": one.kind.advice,
    }


def plan_of(first: Trial, only: Collection[str] = ()) -> list[Fault]:
    """The planned faults, by the points that the program called without failures."""
    return list(faults_of(first.points, only))


def plan_text(first: Trial, faults: Iterable[Fault], run_seconds: float) -> str:
    """The number of planned runs, and the failures of which calls they are for."""
    ways: dict[Point, list[str]] = {point: [] for point in first.points}
    for fault in faults:
        ways[fault.point].append(fault.way.name)
    count = sum(map(len, ways.values()))
    took = f"without failures it took {first.seconds:.1f} s; each run is stopped after {run_seconds:g} s"
    lines = [f"  {point}: {', '.join(names)} ({len(names)})" for point, names in ways.items() if names]
    return "\n".join([f"{_counted(count, 'run')}, for failures of {_counted(len(ways), 'call')} ({took}):", *lines])


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'s' * (number != 1)}"


async def run_all(program: Program, faults: Sequence[Fault], jobs: int, told: Callable[[Trial], None]) -> list[Trial]:
    """Run the program once for each fault, `jobs` at a time; `told` is called with each run after its end."""
    places = asyncio.Semaphore(jobs)

    async def one(fault: Fault) -> Trial:
        async with places:
            trial = await run_trial(program, fault)
        told(trial)
        return trial

    async with asyncio.TaskGroup() as group:  # when one cannot be made, the others end first
        tasks = [group.create_task(one(fault)) for fault in faults]
    return [task.result() for task in tasks]
