"""Claims about the answer to a cancellation in each state."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from fakefal.conform.claims import Claim, demand, is_answer, outcomes
from fakefal.conform.request_life import broken, sample
from fakefal.conform.results import ClaimOutcome, Differs, NotRun
from fakefal.conform.service import STATES, TargetService
from fakefal_contracts import FOUNDING, Endpoint
from fakefal_contracts.hosts import Part

ENDPOINT = next(iter(FOUNDING.values()))
NOBODYS = "019e161b-386c-7d33-8106-f2de1a3ff595"
QUEUED, RUNNING, DONE = STATES
ANSWERS = {
    QUEUED: (HTTPStatus.OK, "OK"),
    RUNNING: (HTTPStatus.ACCEPTED, "CANCELLATION_REQUESTED"),
    DONE: (HTTPStatus.BAD_REQUEST, "ALREADY_COMPLETED"),
}
CANCELLED = 499


class Cancelling:
    """Cancels requests of one endpoint."""

    def __init__(self, service: TargetService, endpoint: Endpoint = ENDPOINT) -> None:
        self._service = service
        self._endpoint = endpoint

    def outcomes(self) -> Iterator[ClaimOutcome]:
        """Every claim."""
        yield from outcomes(self._service.target, "cancel", self._claims(), self._endpoint.id)

    def _claims(self) -> Iterator[Claim]:
        yield "while queued: 200 OK, and it ends cancelled", lambda: self._in_state(QUEUED)
        yield "while running: 202 CANCELLATION_REQUESTED, and it ends", lambda: self._in_state(RUNNING)
        yield "after the end: 400 ALREADY_COMPLETED", self._over
        yield "an unknown id: 404 NOT_FOUND", self._unknown

    def _in_state(self, state: str) -> None:
        """Cancel a valid request as soon as it was seen in a state; it may have moved on since."""
        service = self._service
        submitted = service.submit(self._endpoint.id, sample(self._endpoint))
        seen = QUEUED if submitted.answer.json.get("status") == QUEUED else RUNNING
        if seen != state:
            for status in service.states(submitted):
                seen = status.json["status"]
                if seen in (state, DONE):
                    break
        if seen != state:
            raise NotRun(f"the target was never seen {state}")
        answer = service.cancel(submitted)
        legal = [ANSWERS[one] for one in STATES[STATES.index(state) :]]
        found = answer.status, answer.json.get("status") if isinstance(answer.json, dict) else None
        demand(found in legal, f"{' '.join(map(str, ANSWERS[state]))}", answer)
        if found != ANSWERS[state]:
            raise NotRun(f"the request had moved on when it was cancelled: {answer}")
        self._ends(submitted.request_id, list(service.states(submitted))[-1].json["status"])
        result = service.fetch(submitted)
        ended = (CANCELLED,) if state == QUEUED else (CANCELLED, HTTPStatus.OK)  # a runner may ignore a cancellation
        demand(result.status in ended, f"{' or '.join(map(str, ended))} as the result of a cancelled request", result)

    @staticmethod
    def _ends(request_id: str, state: str) -> None:
        if state != DONE:
            raise Differs(f"expected {request_id} to be {DONE}; here {state}")

    def _over(self) -> None:
        submitted = self._service.submit(self._endpoint.id, broken(self._endpoint))
        for _ in self._service.states(submitted):
            pass
        is_answer(self._service.cancel(submitted), 400, {"status": "ALREADY_COMPLETED"})

    def _unknown(self) -> None:
        answer = self._service.target.call("PUT", Part.QUEUE, f"/{self._endpoint.app}/requests/{NOBODYS}/cancel")
        is_answer(answer, 404, {"status": "NOT_FOUND"})
