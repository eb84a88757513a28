"""Flows for a job in the queue: status, wait, result, cancel, and the bill."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from fakefal_client.budget import Reservation
from fakefal_client.endpoint_call import EndpointCall
from fakefal_client.errors import FakefalError, NetworkError, NotAllowed, ServiceError, TooManyRequests
from fakefal_client.events import Events
from fakefal_client.parsing import (
    Completed,
    LogLine,
    Status,
    error_of,
    read_status,
    unexpected,
)
from fakefal_client.preflight import Checked
from fakefal_client.retry import Deadline
from fakefal_client.session import SUCCESS, Session
from fakefal_client.steps import Emit, Flow, Pause, ReadPiece, Reply
from fakefal_contracts.failures import MAY_BE_BILLED
from fakefal_contracts.hosts import Part

T = TypeVar("T")
APP_SEGMENTS = 2
NAMESPACES = ("workflows", "comfy")
BILLED = "x-fal-billable-units"
UNCLEAR = ("client_cancelled",)
"""Error types of jobs that may have been billed, unless the answer says that they were not."""


@dataclass
class Accepted:
    """An accepted job: its request, id, check, reserved money, and its output after it was read."""

    endpoint_call: EndpointCall
    request_id: str
    checked: Checked | None = None
    reservation: Reservation | None = None
    output: Any = None

    @property
    def path(self) -> str:
        """Its path in the queue: owner, app and id."""
        return f"/{app_of(self.endpoint_call.endpoint_id)}/requests/{self.request_id}"

    def parse(self) -> Any:
        """Parse the output; see `EndpointCall.parse`."""
        return self.endpoint_call.parse(self.output, self.request_id or None)


def app_of(endpoint_id: str) -> str:
    """The part of an endpoint id that is in the URLs of fal's queue."""
    segments = endpoint_id.strip("/").split("/")
    return "/".join(segments[: APP_SEGMENTS + (segments[0] in NAMESPACES)])


def about(job: Accepted, flow: Flow[T]) -> Flow[T]:
    """Run a flow for a job.  Errors without a request id get the id of the job, and `maybe_paid`."""
    try:
        return (yield from flow)
    except FakefalError as error:
        if error.request_id is None:
            error.request_id, error.maybe_paid = job.request_id, True
        raise


def status(session: Session, job: Accepted, deadline: Deadline, *, logs: bool = True) -> Flow[Status]:
    """Read the status of a job."""
    url = session.target.url(Part.QUEUE, f"{job.path}/status?logs={int(logs)}")
    reply = yield from session.read(session.call("GET", url), deadline, job.request_id)
    found = read_status(reply.json(), job.request_id)
    if found is None:
        raise unexpected(reply, "status", job.request_id, maybe_paid=True)
    return found


def follow(
    session: Session, job: Accepted, deadline: Deadline, *, stream: bool = False, quiet: bool = False
) -> Flow[Completed]:
    """Wait until a job has ended.  Unless `quiet`, emit its state at each change, with new log lines."""
    seen = _Seen(quiet=quiet)
    if stream:
        try:
            done = yield from _streamed(session, job, deadline, seen)
        except (NetworkError, ServiceError):
            done = None  # polling takes over if the stream ended or failed, and reports errors
        if done is not None:
            return done
    while True:
        now = yield from status(session, job, deadline, logs=not quiet)
        yield from seen.tell(now)
        if isinstance(now, Completed):
            return now
        if not deadline.allows(session.poll_seconds):
            raise deadline.exceeded(job.request_id)
        yield Pause(session.poll_seconds)


def _streamed(session: Session, job: Accepted, deadline: Deadline, seen: _Seen) -> Flow[Completed | None]:
    """Follow the server-sent events; None if the stream ended before the job."""
    url = session.target.url(Part.QUEUE, f"{job.path}/status/stream?logs=1")
    call = session.call("GET", url, headers={"accept": "text/event-stream"})
    events = Events()
    last: list[Status] = []

    def read(_: Reply) -> Flow[None]:
        while piece := (yield ReadPiece()):
            for data in events.feed(piece):
                if (now := read_status(data, job.request_id)) is not None:
                    last[:] = [now]
                    yield from seen.tell(now)

    yield from session.pieces(call, deadline, read, job.request_id)
    return last[0] if last and isinstance(last[0], Completed) else None


class _Seen:
    """The states and log lines that the caller already got."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._lines: set[LogLine] = set()
        self._state: Status | None = None

    def tell(self, now: Status) -> Flow[None]:
        """Emit only what is new: status calls repeat log lines, streams do not."""
        lines = tuple(line for line in now.logs if line not in self._lines)
        self._lines.update(lines)
        state = replace(now, logs=())
        if not self._quiet and (lines or state != self._state):
            yield Emit(replace(now, logs=lines))
        self._state = state


def result(session: Session, job: Accepted, deadline: Deadline) -> Flow[None]:
    """Wait for the end of a job and read its output, unless it was read before."""
    if job.output is None:
        yield from follow(session, job, deadline, quiet=True)
        yield from read_result(session, job, deadline)


def read_result(session: Session, job: Accepted, deadline: Deadline) -> Flow[None]:
    """Read the output of a job that has ended, and settle its money."""
    call = session.call("GET", session.target.url(Part.QUEUE, job.path))
    reply = yield from session.send(call, deadline, job.request_id)
    settle(job, reply)


def settle(job: Accepted, reply: Reply) -> None:
    """Settle the money by the billed units in the answer, and keep the output.

    Raises:
        ServiceError: the answer is an error.
    """
    if reply.status not in SUCCESS:
        raise _failed(job, reply)
    output = reply.json()
    if not isinstance(output, dict | list):
        raise unexpected(reply, "result", job.request_id or None, maybe_paid=True)
    if job.reservation is not None:
        job.reservation.settle(_billed_usd(job, reply))
    job.output = output


def _failed(job: Accepted, reply: Reply) -> ServiceError:
    """The error of an answer; the money is refunded only if the job was certainly not billed.

    That is certain if the answer says so, or if the model or the platform refused the job.  Exception: fal may charge
    for some refusals because a runner worked on them (`MAY_BE_BILLED`).  All other answers leave it open.
    """
    error = error_of(reply, job.request_id or None)
    units = _units(reply)
    explained = not isinstance(error, NotAllowed | TooManyRequests) and error.error_type not in UNCLEAR
    worked = any(field.type in MAY_BE_BILLED for field in error.fields)
    refused = explained and not worked and bool(error.fields or error.error_type)
    error.maybe_paid = bool(units) if units is not None else not refused
    if job.reservation is not None and units:
        job.reservation.settle(_billed_usd(job, reply))
    elif job.reservation is not None and not error.maybe_paid:
        job.reservation.refund()
    return error


def _units(reply: Reply) -> Decimal | None:
    """The billed units, from the headers of the answer."""
    try:
        units = Decimal(reply.headers.get(BILLED, ""))
    except InvalidOperation:
        return None
    return units if units.is_finite() else None


def _billed_usd(job: Accepted, reply: Reply) -> Decimal | None:
    """The billed amount in US dollars; the estimate if the answer has none, and None if both are unknown."""
    units, reserved = _units(reply), job.reservation
    unit_usd = reserved.unit_usd if reserved is not None else None
    if units is not None and unit_usd is not None:
        return units * unit_usd
    return reserved.usd if reserved is not None and reserved.usd else None


def cancel(session: Session, job: Accepted, deadline: Deadline) -> Flow[bool]:
    """Cancel a job; returns False if it had ended already."""
    call = session.call("PUT", session.target.url(Part.QUEUE, f"{job.path}/cancel"))
    reply = yield from session.send(call, deadline, job.request_id)
    said = reply.json()
    word = said.get("status") if isinstance(said, dict) else None
    if word == "ALREADY_COMPLETED":
        return False
    if reply.status not in SUCCESS:
        raise error_of(reply, job.request_id, maybe_paid=True)
    if word == "OK" and job.reservation is not None:  # it was still queued (fal's documentation, 2026)
        job.reservation.refund()
    return True
