"""The state that all flows of a client share.  Sends calls with key, retries and deadline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

from fakefal_client.budget import Budget
from fakefal_client.errors import ConnectionLost, Unreachable
from fakefal_client.parsing import INGRESS_ERRORS, REQUEST_ID, error_of
from fakefal_client.preflight import Preflight
from fakefal_client.retry import Deadline, Retry, TimeSource
from fakefal_client.steps import Flow, HttpCall, OpenStream, Pause, ReadPiece, Reply, WireFailure
from fakefal_client.target import Target

SUCCESS = range(200, 300)
LONGEST_PAUSE_SECONDS = 600.0
"""If the service asks for a longer pause, the call ends with its answer."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """The state of a client that its flows share.

    Attributes:
        target: the emulator or fal.
        preflight: checks requests before sending.
        budget: limits the cost.
        retry: how calls that cost nothing are repeated.
        clock: the source of time.
        poll_seconds: the pause between two status calls.
        timeout_seconds: the longest time without data within one call.
        strict: whether errors of the check are raised.
        user_agent: the User-Agent header.
    """

    target: Target
    preflight: Preflight
    budget: Budget
    retry: Retry
    clock: TimeSource
    poll_seconds: float
    timeout_seconds: float
    strict: bool
    user_agent: str

    def call(
        self, method: str, url: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpCall:
        """A call with the API key; `content` is JSON."""
        given = {"authorization": f"Key {self.target.key}", "user-agent": self.user_agent, "accept": "application/json"}
        if content is not None:
            given["content-type"] = "application/json"
        return HttpCall(method, url, given | dict(headers or {}), content or b"", self.timeout_seconds)

    def bare_call(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> HttpCall:
        """A call without the API key, for URLs that contain their own token or need none."""
        return HttpCall(
            method, url, {"user-agent": self.user_agent} | dict(headers or {}), content, self.timeout_seconds
        )

    def send(self, call: HttpCall, deadline: Deadline, request_id: str | None = None) -> Flow[Reply]:
        """Send a call that can be repeated without cost; repeat it while that may help.

        Raises:
            Unreachable, ConnectionLost: the network failed in every try.
            DeadlineExceeded: the deadline has passed.
        """
        number = 0
        while True:
            deadline.check(request_id)
            number += 1
            reply, failure = yield from self.once(call, deadline)
            if reply is not None and not may_help(reply.status, reply.headers):
                return reply
            if not (yield from self.pause(number, reply.headers if reply is not None else {}, deadline, request_id)):
                break
        if reply is not None:
            return reply
        assert failure is not None
        deadline.check(request_id)
        raise self.lost(failure, request_id)

    def pause(
        self, number: int, headers: Mapping[str, str], deadline: Deadline, request_id: str | None = None
    ) -> Flow[bool]:
        """Wait before the `number`-th retry, as the answer's headers ask; False if there are no more retries.

        Raises:
            DeadlineExceeded: the deadline has passed.
        """
        if number > self.retry.times:
            return False
        seconds = self.retry.pause(number, headers, self.clock.wall())
        if not deadline.allows(seconds):
            raise deadline.exceeded(request_id)
        if seconds > LONGEST_PAUSE_SECONDS:
            return False
        yield Pause(seconds)
        return True

    def once(self, call: HttpCall, deadline: Deadline) -> Flow[tuple[Reply | None, WireFailure | None]]:
        """Send a call once; returns the answer or the failure."""
        self.target.check_allowed()
        try:
            reply: Reply = yield replace(call, until=deadline.until)
        except WireFailure as failure:
            return None, failure
        return reply, None

    def lost(self, failure: WireFailure, request_id: str | None = None) -> Unreachable | ConnectionLost:
        """The error for a network failure of a call that cannot be paid twice."""
        kind = ConnectionLost if failure.sent else Unreachable
        message = f"{self.target}: {failure}"
        return kind(message, request_id=request_id, maybe_paid=request_id is not None)

    def read(self, call: HttpCall, deadline: Deadline, request_id: str | None = None) -> Flow[Reply]:
        """Send a call that costs nothing, and return only a successful answer.

        Raises:
            ServiceError: the answer is an error; also what `send` raises.
        """
        reply = yield from self.send(call, deadline, request_id)
        if reply.status not in SUCCESS:
            raise error_of(reply, request_id, maybe_paid=request_id is not None)
        return reply

    def pieces(
        self,
        call: HttpCall,
        deadline: Deadline,
        onto: Callable[[Reply], Flow[None]],
        request_id: str | None = None,
    ) -> Flow[Reply]:
        """Send a call, and pass the body of its answer piece by piece to the flow ``onto(reply)``.

        Raises:
            ServiceError: the answer is an error.
            ConnectionLost, Unreachable: the network failed; nothing is repeated.
        """
        self.target.check_allowed()
        try:
            reply: Reply = yield OpenStream(replace(call, until=deadline.until))
            if reply.status not in SUCCESS:
                body = b""
                while piece := (yield ReadPiece()):
                    body += piece
                raise error_of(replace(reply, body=body), request_id, maybe_paid=request_id is not None)
            yield from onto(reply)
        except WireFailure as failure:
            deadline.check(request_id)
            raise self.lost(failure, request_id) from failure
        return reply


def may_help(status: int, headers: Mapping[str, str]) -> bool:
    """Whether sending again may help: for 429, and for errors of the ingress, which have no request id."""
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT):
        return True
    return status in INGRESS_ERRORS and REQUEST_ID not in headers
