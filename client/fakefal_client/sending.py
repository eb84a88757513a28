"""Sends jobs: check, reserve money, upload media, and send at most one paid job for each call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from http import HTTPStatus
from typing import Any, TypedDict
from urllib.parse import urlencode

from fakefal_client.budget import Reservation, amount
from fakefal_client.endpoint_call import EndpointCall, check_options, is_request_id
from fakefal_client.errors import Attempt, FakefalError, MaybeAccepted, UsageError
from fakefal_client.jobs import BILLED, Accepted, about, follow, read_result, settle
from fakefal_client.local_media import local_media
from fakefal_client.parsing import REQUEST_ID, error_of
from fakefal_client.preflight import Checked, encode
from fakefal_client.retry import Deadline
from fakefal_client.session import SUCCESS, Session
from fakefal_client.steps import Flow, HttpCall, Reply, WireFailure
from fakefal_client.uploads import upload_all
from fakefal_client.warning import warn
from fakefal_contracts.hosts import Part

REFUSALS = range(400, 500)
OF_THE_QUEUE = {"webhook_url", "max_queue_length"}


class SubmitOptions(TypedDict, total=False):
    """Options of one call.

    webhook_url: the URL for the webhook at the end (not for `run`).
    priority: ``normal`` or ``low``.
    start_timeout_seconds: fail the job unless it starts within this time.
    max_queue_length: refuse the job if more jobs are waiting (not for `run`).
    headers: further headers, such as ``X-Fal-No-Retry``.
    deadline_seconds: the time limit for everything that this call does, including pauses.
    reserve_usd: the most it may cost, if its price is unknown or you know better.
    preflight: whether to raise errors before sending; default: the client's option.
    """

    webhook_url: str
    priority: str
    start_timeout_seconds: float
    max_queue_length: int
    headers: Mapping[str, str]
    deadline_seconds: float
    reserve_usd: Decimal | float | str
    preflight: bool


@dataclass(frozen=True)
class _Ready:
    """A checked job: its HTTP call, arguments, reserved money and deadline."""

    call: HttpCall
    arguments: Any
    checked: Checked
    reservation: Reservation
    deadline: Deadline


def submit(session: Session, endpoint_call: EndpointCall, options: SubmitOptions) -> Flow[Accepted]:
    """Submit to the queue.

    Raises:
        MaybeAccepted: it was sent, and its outcome is unknown.
        FakefalError: it was not accepted, and nothing is paid.
    """
    named = {"fal_webhook": options.get("webhook_url"), "fal_max_queue_length": options.get("max_queue_length")}
    query = urlencode({name: value for name, value in named.items() if value is not None})
    url = session.target.url(Part.QUEUE, f"/{endpoint_call.endpoint_id}") + (f"?{query}" if query else "")
    ready, reply = yield from _sent(session, url, endpoint_call, options)
    said = reply.json()
    request_id = said.get("request_id") if isinstance(said, dict) else None
    if not is_request_id(request_id):
        raise _unknown(ready.reservation, "the answer names no request id", reply)
    ready.reservation.accept(request_id)
    return Accepted(endpoint_call, request_id, ready.checked, ready.reservation)


def subscribe(session: Session, endpoint_call: EndpointCall, options: SubmitOptions, *, stream: bool) -> Flow[Any]:
    """Submit, emit each change, and return the result; one deadline covers it all."""
    deadline = Deadline(options.get("deadline_seconds"), session.clock)
    job = yield from submit(session, endpoint_call, options)
    yield from about(job, follow(session, job, deadline, stream=stream))
    yield from about(job, read_result(session, job, deadline))
    return job.parse()


def run(session: Session, endpoint_call: EndpointCall, options: SubmitOptions) -> Flow[Any]:
    """Run a model without the queue, wait for its output, and return the result.

    Raises:
        MaybeAccepted: it was sent, and the answer was lost.
        FakefalError: it was refused, or failed.
    """
    url = session.target.url(Part.RUN, f"/{endpoint_call.endpoint_id}")
    ready, reply = yield from _sent(session, url, endpoint_call, options, direct=True)
    job = Accepted(endpoint_call, reply.headers.get(REQUEST_ID, ""), ready.checked, ready.reservation)
    if job.request_id:
        ready.reservation.accept(job.request_id)
    settle(job, reply)
    return job.parse()


def _sent(
    session: Session, url: str, endpoint_call: EndpointCall, options: SubmitOptions, *, direct: bool = False
) -> Flow[tuple[_Ready, Reply]]:
    """Check, warn, reserve, upload and send.  `direct` sends to fal.run, whose answer has the output."""
    check_options(options, SubmitOptions.__annotations__, "a call")
    if direct and (queued := OF_THE_QUEUE & options.keys()):
        raise UsageError(f"run does not use the queue, and has no option {min(queued)!r}")
    deadline = Deadline(options.get("deadline_seconds"), session.clock)
    media = yield from local_media(endpoint_call.arguments)
    opener = media.opener(session.preflight.opener)
    strict = options.get("preflight", session.strict)
    until = deadline.until
    checked = yield from session.preflight.check(
        endpoint_call.endpoint_id, media.arguments, opener, strict=strict, until=until
    )
    media.check_places(checked.report)
    encode(media.arguments)
    warn(endpoint_call.endpoint_id, checked.warnings)
    most = options.get("reserve_usd")
    usd = checked.most_usd if most is None else amount(most)
    with session.budget.reserve(endpoint_call.endpoint_id, usd, checked.unit_usd, checked.unmeasured) as reservation:
        addresses = yield from upload_all(session, media.files, deadline)
        sent = media.with_addresses(addresses)
        call = session.call("POST", url, encode(sent), _headers(options))
        if direct:
            call = replace(call, timeout_seconds=None)
        ready = _Ready(call, sent, checked, reservation, deadline)
        return ready, (yield from _send_once(session, ready, direct=direct))


def _headers(options: SubmitOptions) -> dict[str, str]:
    headers = {"x-fal-queue-priority": options.get("priority", "normal")}
    if (seconds := options.get("start_timeout_seconds")) is not None:
        # the newer name wins, and older gateways know only the other (fal's documentation, 2026)
        headers |= dict.fromkeys(("x-fal-request-start-timeout", "x-fal-request-timeout"), f"{float(seconds)}")
    return headers | {name.lower(): value for name, value in options.get("headers", {}).items()}


def _send_once(session: Session, ready: _Ready, *, direct: bool) -> Flow[Reply]:
    """Send; send again only if the service has certainly not accepted it."""
    reservation, deadline = ready.reservation, ready.deadline
    number = 0
    while True:
        deadline.check()
        number += 1
        now = session.clock.wall()
        reservation.attempt = Attempt(reservation.endpoint_id, ready.arguments, now, now)
        try:
            reply, failure = yield from session.once(ready.call, deadline)
        except UsageError:
            reservation.attempt = None  # it could not be sent at all
            raise
        reservation.attempt = replace(reservation.attempt, until=session.clock.wall())
        if not _certainly_not_taken(reply, failure):
            return _taken(reply, failure, reservation, direct=direct)
        reservation.attempt = None
        if not (yield from session.pause(number, reply.headers if reply is not None else {}, deadline)):
            raise _refusal(session, reply, failure)


def _certainly_not_taken(reply: Reply | None, failure: WireFailure | None) -> bool:
    """Whether nothing was sent, or the service is too busy: the two cases in which sending again is safe."""
    if failure is not None:
        return not failure.sent
    return reply is not None and reply.status == HTTPStatus.TOO_MANY_REQUESTS


def _refusal(session: Session, reply: Reply | None, failure: WireFailure | None) -> FakefalError:
    if reply is not None:
        return error_of(reply, None)
    assert failure is not None
    return session.lost(failure)


def _taken(reply: Reply | None, failure: WireFailure | None, reservation: Reservation, *, direct: bool) -> Reply:
    """Check the answer to a submit.

    Raises:
        MaybeAccepted: the outcome is unknown.
        ServiceError: it was refused.
    """
    if reply is None:
        raise _unknown(reservation, f"the connection failed once sending had begun ({failure})")
    if reply.status in SUCCESS or (direct and BILLED in reply.headers):
        return reply
    if reply.status in REFUSALS and reply.status != HTTPStatus.REQUEST_TIMEOUT:
        if refused := reply.headers.get(REQUEST_ID):
            reservation.accept(refused)  # the platform lists it, too
        reservation.attempt = None  # nothing is paid
        raise error_of(reply, None)
    raise _unknown(reservation, f"the answer was {reply.status}: {reply.body[:100]!r}", reply)


def _unknown(reservation: Reservation, reason: str, reply: Reply | None = None) -> MaybeAccepted:
    """The error for a job whose outcome is unknown; its money stays pending."""
    assert reservation.attempt is not None
    request_id = reply.headers.get(REQUEST_ID) if reply is not None else None
    reservation.attempt = replace(reservation.attempt, request_id=request_id)
    return MaybeAccepted(reason, reservation.attempt)
