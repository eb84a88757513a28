"""Ids, paths, applications and keys that do not exist."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http import HTTPStatus

from fakefal.conform.cancelling import ENDPOINT, NOBODYS
from fakefal.conform.claims import Claim, demand, has_keys, is_answer, outcomes
from fakefal.conform.request_life import broken
from fakefal.conform.results import ClaimOutcome, NotRun
from fakefal.conform.service import TargetService
from fakefal.conform.target import Answer
from fakefal_contracts.hosts import Part

APP = ENDPOINT.app
NO_PATH = "no-such-model/text-to-video"
NO_APP = "fal-ai/no-such-application"


class UnknownIds:
    """Calls addresses that do not exist."""

    def __init__(self, service: TargetService) -> None:
        self._service = service
        self._target = service.target

    def outcomes(self) -> Iterator[ClaimOutcome]:
        """Every claim."""
        yield from outcomes(self._target, "unknown", self._claims())

    def _claims(self) -> Iterator[Claim]:
        yield "the status of an unknown id: 404 NOT_FOUND", partial(self._id, "/status")
        yield "the result of an unknown id: 404 NOT_FOUND", partial(self._id, "")
        yield "status by the whole endpoint's path: 405", self._whole_path
        yield "a path that the application does not have: 404 on the result", self._path
        yield "an unknown application: 404 at submit", self._application
        yield "a submit without a key: 401", self._keyless
        yield "a key without a colon: 401", self._malformed

    def _id(self, rest: str) -> None:
        answer = self._target.call("GET", Part.QUEUE, f"/{APP}/requests/{NOBODYS}{rest}")
        is_answer(answer, 404, {"status": "NOT_FOUND"})

    def _whole_path(self) -> None:
        answer = self._target.call("GET", Part.QUEUE, f"/{ENDPOINT.id}/requests/{NOBODYS}/status")
        demand(answer.status == HTTPStatus.METHOD_NOT_ALLOWED, "405", answer)

    def _path(self) -> None:
        answer = self._service.ask(f"{APP}/{NO_PATH}", {})
        is_answer(answer, 404, {"detail": f"Path /{NO_PATH} not found"})
        demand(answer.headers.get("x-fal-billable-units") == "0", "no bill", answer.headers)

    def _application(self) -> None:
        if not self._target.local:
            raise NotRun("it is a submit that no fuse covers")
        answer = self._target.call("POST", Part.QUEUE, f"/{NO_APP}", body={}, again=False)
        is_answer(answer, 404, {"detail": f'Application "{NO_APP.partition("/")[2]}" not found'})

    def _keyless(self) -> None:
        answer = self._submit_with(None)
        is_answer(
            answer,
            401,
            {"detail": f'Cannot access application "{APP}". Authentication is required to access this application.'},
        )

    def _malformed(self) -> None:
        answer = self._submit_with("Key nocolon")
        demand(answer.status == HTTPStatus.UNAUTHORIZED, "401", answer)
        has_keys(answer, ("detail",))

    def _submit_with(self, authorization: str | None) -> Answer:
        """A submit that is refused for two reasons: the key, and the fuse."""
        body, headers = broken(ENDPOINT), {"authorization": authorization} if authorization else {}
        self._service.check(ENDPOINT.id, body)
        return self._target.call(
            "POST", Part.QUEUE, f"/{ENDPOINT.id}", body=body, headers=headers, key=False, again=False
        )
