"""The life of a request as a caller sees it: order of states, status codes, headers, and where an error shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fakefal.conform import fuse
from fakefal.conform.claims import Claim, demand, has_keys, is_answer, outcomes
from fakefal.conform.results import ClaimOutcome, Differs, NotRun
from fakefal.conform.service import STATES, Submitted, TargetService
from fakefal.conform.spend_guard import UNITS
from fakefal.conform.target import Answer
from fakefal_contracts import Depth, Endpoint
from fakefal_contracts.example import example_input
from fakefal_contracts.hosts import Part

REQUEST_ID = "x-fal-request-id"
RETRY = ("x-fal-needs-retry", "x-fal-retryable")
IN_PROGRESS_STILL = {"detail": "Request is still in progress"}
ADDRESSES = ("request_id", "response_url", "status_url", "cancel_url")
STATUS_KEYS = ("status", *ADDRESSES, "logs", "metrics")
KINDS = ((False, "a refused request"), (True, "an accepted request"))
ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def sample(endpoint: Endpoint) -> dict[str, Any]:
    """Arguments that every revision accepts: those that fal's documents require; in depth, with a short clip."""
    arguments = example_input(endpoint)
    if endpoint.depth is not Depth.IN_DEPTH:
        return arguments
    return {"prompt": "A cat walks through the rain", **arguments, "duration": "5"}


def broken(endpoint: Endpoint) -> Any:
    """Arguments that every revision refuses, because of the fuse alone; without a fuse, not an object."""
    return fuse.armed(endpoint, sample(endpoint)) if fuse.fuse_of(endpoint) else []


@dataclass
class Trace:
    """One request from submit to result: every status, and the result call before and after the end."""

    submitted: Submitted
    statuses: list[Answer]
    early: tuple[str, Answer] | None
    result: Answer

    @property
    def states(self) -> list[str]:
        """The states in order, without repetitions in a row."""
        found = [str(one.json["status"]) for one in self.statuses]
        return [one for place, one in enumerate(found) if place == 0 or one != found[place - 1]]


def trace(service: TargetService, endpoint_id: str, arguments: Any) -> Trace:
    """Run one request through its life.

    Raises:
        NotRun, Differs: as for `TargetService`.
    """
    submitted = service.submit(endpoint_id, arguments)
    statuses: list[Answer] = []
    early = None
    for status in service.states(submitted):
        statuses.append(status)
        state = str(status.json["status"])
        if state != STATES[-1] and early is None:
            early = state, service.fetch(submitted)
    return Trace(submitted, statuses, early, service.fetch(submitted))


class LifecycleTraces:
    """The lives of two requests of one endpoint: a refused one and an accepted one."""

    def __init__(self, service: TargetService, endpoint: Endpoint) -> None:
        self._service = service
        self._endpoint = endpoint
        self._traces: dict[bool, Trace | NotRun | Differs] = {}

    def outcomes(self) -> Iterator[ClaimOutcome]:
        """Every claim about both."""
        yield from outcomes(self._service.target, "lifecycle", self._life(), self._endpoint.id)
        yield from outcomes(self._service.target, "headers", self._headers(), self._endpoint.id)

    def _life(self) -> Iterator[Claim]:
        for good, kind in KINDS:
            yield f"{kind}: the answer to the submit", self._of(self._submit, good=good)
            yield f"{kind}: the order of its states", self._of(self._order, good=good)
            yield f"{kind}: each status", self._of(self._statuses, good=good)
            yield f"{kind}: its result before the end", self._of(self._early, good=good)
            yield f"{kind}: it ends without an error in its status", self._of(self._end, good=good)
        yield "a refused request: its result", self._of(self._refusal, good=False)
        yield "an accepted request: its result", self._of(self._made, good=True)
        yield "an accepted request: its log lines", self._of(self._logs, good=True)

    def _headers(self) -> Iterator[Claim]:
        for good, kind in KINDS:
            yield f"{kind}: {REQUEST_ID} everywhere", self._of(self._ids, good=good)
            yield f"{kind}: {UNITS} on the result only", self._of(self._units, good=good)
        yield "a refused request: both retry headers say false", self._of(self._retry, good=False)
        yield "an accepted request: no retry header", self._of(self._no_retry, good=True)

    def _of(self, check: Callable[[Trace], None], *, good: bool) -> Callable[[], None]:
        return lambda: check(self._trace(good=good))

    def _trace(self, *, good: bool) -> Trace:
        """The trace, made once; if it cannot be made, every claim gets the reason."""
        if good not in self._traces:
            arguments = sample(self._endpoint) if good else broken(self._endpoint)
            try:
                self._traces[good] = trace(self._service, self._endpoint.id, arguments)
            except (NotRun, Differs) as error:
                self._traces[good] = error
        found = self._traces[good]
        if isinstance(found, Exception):
            raise found
        return found

    def _submit(self, one: Trace) -> None:
        answer = one.submitted.answer
        has_keys(answer, STATUS_KEYS, maybe=("queue_position",))
        demand(answer.json["status"] in STATES[:2], "IN_QUEUE, or IN_PROGRESS", answer)
        demand(bool(ID.fullmatch(one.submitted.request_id)), "a UUID", one.submitted.request_id)
        self._addresses(one.submitted, answer)

    def _addresses(self, submitted: Submitted, answer: Answer) -> None:
        """The three URLs contain owner and app only, and use the caller's own host."""
        base = self._service.target.url(Part.QUEUE, submitted.path)
        expected = {"response_url": base, "status_url": f"{base}/status", "cancel_url": f"{base}/cancel"}
        found = {name: answer.json.get(name) for name in expected}
        demand(found == expected, str(expected), found)

    @staticmethod
    def _order(one: Trace) -> None:
        expected = [state for state in STATES if state in one.states]
        demand(one.states == expected, f"states in the order {' '.join(STATES)}", " ".join(one.states))

    def _statuses(self, one: Trace) -> None:
        for status in one.statuses:
            state = status.json["status"]
            wanted = HTTPStatus.OK if state == STATES[-1] else HTTPStatus.ACCEPTED
            demand(status.status == wanted, f"{wanted} with {state}", status)
            has_keys(status, STATUS_KEYS, maybe=("queue_position", "error", "error_type"))
            demand(
                ("queue_position" in status.json) == (state == STATES[0]), "queue_position while queued only", status
            )
            demand(status.json["logs"] is None, "null for logs that were not asked for", status)
            demand(isinstance(status.json["metrics"], dict), "an object of metrics", status)
            self._addresses(one.submitted, status)

    @staticmethod
    def _early(one: Trace) -> None:
        if one.early is None:
            raise NotRun("the request was over before its result could be asked for")
        is_answer(one.early[1], 400, IN_PROGRESS_STILL)

    @staticmethod
    def _end(one: Trace) -> None:
        last = one.statuses[-1]
        demand(not {"error", "error_type"} & set(last.json), "no error in the status: the result shows it", last)

    @staticmethod
    def _refusal(one: Trace) -> None:
        demand(one.result.status == HTTPStatus.UNPROCESSABLE_ENTITY, "422", one.result)
        has_keys(one.result, ("detail",))

    def _made(self, one: Trace) -> None:
        demand(one.result.status == HTTPStatus.OK, "200", one.result)
        try:
            self._endpoint.output.model_validate(one.result.json)
        except ValueError as error:
            demand(holds=False, expected=f"a {self._endpoint.output.__name__}", found=f"{one.result}: {error}")

    def _logs(self, one: Trace) -> None:
        status = self._service.status(one.submitted, logs=True)
        lines = status.json.get("logs") if isinstance(status.json, dict) else None
        demand(isinstance(lines, list), "a list of logs with logs=1", status)
        for line in lines or ():
            demand(isinstance(line, dict) and {"timestamp", "message"} <= set(line), "timestamp and message", line)

    @staticmethod
    def _ids(one: Trace) -> None:
        for answer in (one.submitted.answer, *one.statuses, one.result):
            found = answer.headers.get(REQUEST_ID)
            demand(found == one.submitted.request_id, f"{REQUEST_ID}: {one.submitted.request_id}", found)

    def _units(self, one: Trace) -> None:
        for answer in (one.submitted.answer, *one.statuses):
            demand(UNITS not in answer.headers, f"no {UNITS} before the result", answer.headers.get(UNITS))
        found = one.result.headers.get(UNITS)
        demand(found is not None, f"{UNITS} on the result", found)
        if one.result.status != HTTPStatus.OK:
            demand(found == "0", f"{UNITS}: 0 on a refusal", found)

    @staticmethod
    def _retry(one: Trace) -> None:
        found = {name: one.result.headers.get(name) for name in RETRY}
        demand(set(found.values()) == {"false"}, f"{' and '.join(RETRY)}: false", found)

    @staticmethod
    def _no_retry(one: Trace) -> None:
        found = {name: one.result.headers[name] for name in RETRY if name in one.result.headers}
        demand(not found, "no word about retries", found)
