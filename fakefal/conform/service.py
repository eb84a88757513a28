"""A target as a queue: submit once, follow, fetch the result; and uploads of media that are too large for a body."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fakefal.conform.cases import replaced
from fakefal.conform.results import Differs, NotRun
from fakefal.conform.spend_guard import Admitted, SpendGuard
from fakefal.conform.target import Answer, ProbedTarget, SlowDown
from fakefal.state import jsonio
from fakefal_contracts.hosts import Part
from fakefal_contracts.strategies import Body, Medium
from fakefal_contracts.strategies.medium import LARGE

STATES = ("IN_QUEUE", "IN_PROGRESS", "COMPLETED")
FIRST_POLL, LAST_POLL = 0.002, 1.0
POLL_AT_FAL = 0.5
"""The poll interval of fal's JavaScript client, in seconds."""


@dataclass(frozen=True)
class Submitted:
    """An accepted submit: the address of the request, and the answer."""

    endpoint_id: str
    request_id: str
    answer: Answer

    @property
    def path(self) -> str:
        """The path of the request, which contains owner and app only."""
        return f"/{'/'.join(self.endpoint_id.split('/')[:2])}/requests/{self.request_id}"


class TargetService:
    """Calls a target as its users' programs do.

    Args:
        target: receives the calls.
        purse: limits the cost.
        patience_seconds: how long a request may take from its submit to its end.
    """

    def __init__(self, target: ProbedTarget, purse: SpendGuard, *, patience_seconds: float = 60.0) -> None:
        self.target = target
        self.purse = purse
        self._patience_seconds = patience_seconds
        self._laid: dict[Medium, str] = {}
        self._admitted: dict[str, Admitted | None] = {}

    @property
    def fused(self) -> bool:
        """See `SpendGuard.fused`."""
        return self.purse.fused

    def check(self, endpoint_id: str, arguments: Any) -> None:
        """See `SpendGuard.check`."""
        self.purse.check(endpoint_id, arguments)

    def lay(self, body: Body) -> Body:
        """The body with its large media uploaded, so that the target can read them.

        Raises:
            NotRun: they are too large to send to the real service.
        """
        moved = {address: self._address(medium) for address, medium in body.media.items()}
        arguments = replaced(jsonio.load(jsonio.dump(body.arguments)), moved)
        return Body(arguments, {moved[address]: medium for address, medium in body.media.items()})

    def ask(self, endpoint_id: str, arguments: Any) -> Answer:
        """Submit, follow to the end and fetch the result: the final answer to a caller.

        Raises:
            NotRun, Differs: as for `submit` and `states`.
        """
        submitted = self.submit(endpoint_id, arguments)
        for _ in self.states(submitted):
            pass
        return self.fetch(submitted)

    def submit(self, endpoint_id: str, arguments: Any, query: Mapping[str, str] | None = None) -> Submitted:
        """Submit, once.

        Raises:
            NotRun: its cost may exceed the limit, or the target is too busy.
            Differs: it was not accepted, or no answer came.
        """
        admitted = self.purse.admit(endpoint_id, arguments)
        path = f"/{endpoint_id}?{urlencode(query)}" if query else f"/{endpoint_id}"
        try:
            answer = self.target.call("POST", Part.QUEUE, path, body=arguments, again=False)
        except SlowDown:
            self.purse.refund(admitted)
            raise
        request_id = answer.json.get("request_id") if isinstance(answer.json, dict) else None
        if answer.status != HTTPStatus.OK or not isinstance(request_id, str):
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:  # after a server error the outcome is unknown
                self.purse.refund(admitted)
            raise Differs(f"expected 200 with a request_id, whatever the body; here {answer}")
        self._admitted[request_id] = admitted
        return Submitted(endpoint_id, request_id, answer)

    def status(self, submitted: Submitted, *, logs: bool = False) -> Answer:
        """One status call."""
        return self.target.call("GET", Part.QUEUE, f"{submitted.path}/status{'?logs=1' if logs else ''}")

    def states(self, submitted: Submitted) -> Iterator[Answer]:
        """Every status until the end, the last one with COMPLETED.

        Raises:
            NotRun: it took too long.
            Differs: the answer is not a status.
        """
        pause = POLL_AT_FAL if self.target.is_fal else FIRST_POLL
        give_up = time.monotonic() + self._patience_seconds
        while True:
            answer = self.status(submitted)
            state = answer.json.get("status") if isinstance(answer.json, dict) else None
            if state not in STATES:
                raise Differs(f"expected a status of {', '.join(STATES)}; here {answer}")
            yield answer
            if state == STATES[-1]:
                return
            if time.monotonic() > give_up:
                raise NotRun(f"{submitted.request_id} did not end within {self._patience_seconds:g} s")
            time.sleep(pause)
            pause = min(pause * 2, LAST_POLL)

    def fetch(self, submitted: Submitted) -> Answer:
        """The result, and its bill."""
        answer = self.target.call("GET", Part.QUEUE, submitted.path)
        self.purse.settle(self._admitted.get(submitted.request_id), answer)
        return answer

    def cancel(self, submitted: Submitted) -> Answer:
        """Cancel a request."""
        return self.target.call("PUT", Part.QUEUE, f"{submitted.path}/cancel")

    def upload(self, medium: Medium) -> str:
        """Upload as fal's Python client does; returns the URL."""
        token = self.target.call("POST", Part.REST, "/storage/auth/token?storage_type=fal-cdn-v3", body={})
        if token.status != HTTPStatus.OK or not isinstance(token.json, dict) or "token" not in token.json:
            raise Differs(f"expected 200 with an upload token; here {token}")
        headers = {
            "authorization": f"{token.json.get('token_type')} {token.json['token']}",
            "content-type": medium.content_type,
            "x-fal-file-name": "conform",
        }
        sent = self.target.call("POST", Part.CDN, "/files/upload", content=medium.content, headers=headers, key=False)
        if (
            sent.status != HTTPStatus.OK
            or not isinstance(sent.json, dict)
            or not isinstance(sent.json.get("access_url"), str)
        ):
            raise Differs(f"expected 200 with an access_url; here {sent}")
        return str(sent.json["access_url"])

    def _address(self, medium: Medium) -> str:
        if not self.target.local and medium.size > LARGE:
            raise NotRun(f"it needs an upload of {medium.size:,} bytes, which is not sent to the real service")
        if medium not in self._laid:
            self._laid[medium] = self.upload(medium)
        return self._laid[medium]
