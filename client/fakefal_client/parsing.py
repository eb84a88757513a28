"""Parses answers: states of a job, and errors.

Facts: fal's status and error bodies as of 2026 (its documentation and both official clients).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

from fakefal_client.errors import (
    FieldError,
    ModelFailed,
    NotAllowed,
    NotFound,
    PlatformFailed,
    RequestRefused,
    ServiceError,
    TooManyRequests,
    UnexpectedAnswer,
)
from fakefal_client.steps import Reply

INGRESS_ERRORS = (502, 503, 504)
REQUEST_ID = "x-fal-request-id"


@dataclass(frozen=True)
class LogLine:
    """One line of the log of a job."""

    timestamp: str
    message: str


@dataclass(frozen=True)
class Status:
    """The state of a job; `logs` has the lines that are new."""

    request_id: str
    logs: tuple[LogLine, ...] = ()
    word: ClassVar[str] = ""


@dataclass(frozen=True)
class Queued(Status):
    """The job waits in the queue; `position` is the number of jobs before it."""

    position: int = 0
    word: ClassVar[str] = "IN_QUEUE"


@dataclass(frozen=True)
class InProgress(Status):
    """The job runs."""

    word: ClassVar[str] = "IN_PROGRESS"


@dataclass(frozen=True)
class Completed(Status):
    """The job has ended: it succeeded, was refused, failed or was cancelled.

    `inference_seconds` is how long it ran; `error` and `error_type` describe a failure of the platform.
    """

    inference_seconds: float | None = None
    error: str | None = None
    error_type: str | None = None
    word: ClassVar[str] = "COMPLETED"


def read_status(body: Any, request_id: str) -> Status | None:
    """The state in a status answer or an event of the stream; None if there is none."""
    if not isinstance(body, dict):
        return None
    logs = tuple(_log_lines(body.get("logs")))
    match body.get("status"):
        case Queued.word:
            position = body.get("queue_position")
            return Queued(request_id, logs, position if isinstance(position, int) else 0)
        case InProgress.word:
            return InProgress(request_id, logs)
        case Completed.word:
            metrics = body.get("metrics")
            seconds = metrics.get("inference_time") if isinstance(metrics, dict) else None
            seconds = seconds if isinstance(seconds, int | float) else None
            return Completed(request_id, logs, seconds, body.get("error"), body.get("error_type"))
        case _:
            return None


def _log_lines(given: Any) -> Iterable[LogLine]:
    for line in given if isinstance(given, list) else ():
        if isinstance(line, dict):
            yield LogLine(str(line.get("timestamp", "")), str(line.get("message", "")))


def error_of(reply: Reply, request_id: str | None, *, maybe_paid: bool = False) -> ServiceError:
    """The error for an answer."""
    body = reply.json()
    detail = body.get("detail") if isinstance(body, dict) else None
    fields = tuple(_field_errors(detail))
    said = body.get("error_type") if isinstance(body, dict) else None
    error_type = said or reply.headers.get("x-fal-error-type")
    kind = _kind(reply.status, fields, error_type)
    text = "; ".join(f"{'.'.join(map(str, one.loc))}: {one.msg}" for one in fields) or _sentence(body)
    hint = reply.headers.get("x-fakefal-hint")
    return kind(
        f"{reply.status}: {text}" + (f" ({hint})" if hint else ""),
        status=reply.status,
        body=body,
        headers=dict(reply.headers),
        fields=fields,
        error_type=error_type,
        request_id=request_id or reply.headers.get(REQUEST_ID),
        maybe_paid=maybe_paid,
    )


def unexpected(reply: Reply, what: str, request_id: str | None = None, *, maybe_paid: bool = False) -> UnexpectedAnswer:
    """The error for an answer that does not look like a `what`."""
    return UnexpectedAnswer(
        f"{reply.status}: the answer is not a {what}",
        status=reply.status,
        body=reply.json(),
        headers=dict(reply.headers),
        request_id=request_id,
        maybe_paid=maybe_paid,
    )


def _field_errors(detail: Any) -> Iterable[FieldError]:
    for item in detail if isinstance(detail, list) else ():
        if isinstance(item, dict):
            loc, ctx = item.get("loc"), item.get("ctx")
            yield FieldError(
                tuple(loc) if isinstance(loc, list) else (),
                str(item.get("msg", "")),
                str(item.get("type", "")),
                ctx if isinstance(ctx, dict) else {},
                item.get("url"),
            )


def _kind(status: int, fields: tuple[FieldError, ...], error_type: str | None) -> type[ServiceError]:
    of_the_caller: dict[int, type[ServiceError]] = {401: NotAllowed, 403: NotAllowed, 429: TooManyRequests}
    if status in of_the_caller:
        return of_the_caller[status]
    if error_type:
        return PlatformFailed
    if fields:
        return ModelFailed if status >= HTTPStatus.INTERNAL_SERVER_ERROR else RequestRefused
    if status == HTTPStatus.NOT_FOUND:
        return NotFound
    return RequestRefused if status in (400, 413, 422) else UnexpectedAnswer


def _sentence(body: Any) -> str:
    if isinstance(body, dict):
        said = body.get("detail") or body.get("message") or body.get("status") or body.get("error")
        return str(said.get("message", said) if isinstance(said, dict) else said)
    return str(body)[:200]
