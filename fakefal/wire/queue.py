"""fal's queue: submit, status, status stream, result, cancel.

Status codes, bodies and key order as captured in May 2026, unless a comment says otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from time import monotonic

from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

from fakefal.core.errors import RefusedMove, UnknownRequest
from fakefal.core.lifecycle import State
from fakefal.core.plan import Charge, Ending, Quirk
from fakefal.engine.bell import Bell
from fakefal.engine.waker import WATCH_SECONDS
from fakefal.state import jsonio
from fakefal.state.clock import Clock
from fakefal.state.endings import ending_of, is_tried_again, result_body
from fakefal.state.requests import NO_KEY, Record, Snapshot
from fakefal.wire.answers import (
    BILLABLE_UNITS,
    HINT,
    REQUEST_ID,
    Json,
    header_text,
    no_access,
    refusal,
    retry_headers,
)
from fakefal.wire.auth import application_key
from fakefal.wire.call import COUNT, Call
from fakefal.wire.faults import with_fault
from fakefal.wire.incoming import read_submission
from fakefal.wire.webhook_hint import WEBHOOK, webhook_hint
from fakefal_contracts.hosts import BaseUrl, Part

KEEP_ALIVE_SECONDS = WATCH_SECONDS - 0.5
"""fal sends a comment about this often (documentation of the status stream, 2026).  A busy loop looks early."""

LONGEST_REMEMBERED = 100
"""Longer names of applications and log lines are put into JSON anew each time."""

KEEP_ALIVE = b": keep-alive\n\n"

MOVED_BY_READS = (
    "with the profile stepped a job moves on when its status is read: read status_url, or use profile quick"
)

TRUE_WORDS = ("1", "true")

NO_LOGS = "null"


async def submit(call: Call) -> Response:
    """Submit a request to the queue.  Any JSON is accepted: the runner validates the arguments later."""
    submission = await read_submission(
        call,
        low=(call.header(b"x-fal-queue-priority") or "").lower() == "low",
        webhook=call.query.get(WEBHOOK) or None,
        most_waiting=call.read("fal_max_queue_length", COUNT),
    )
    missed = webhook_hint(call.query, submission.body)
    if missed:
        submission = replace(submission, note=f"Warning: {missed}")

    async def accept() -> Response:
        look = await call.emulator.submit(submission)
        call.emulator.witness.accepted(call.state["sending"], look)
        judged = look.plan.ending.hint if look.plan is not None else ""
        said = "; ".join(filter(None, (missed, judged)))
        hint = {HINT: header_text(said)} if said else {}
        return Json(_queued(look, call.base_url), headers={REQUEST_ID: look.record.id} | hint)

    return await with_fault(call.emulator, submission.effect, call.receive, accept)


async def status(call: Call) -> Response:
    """Read the status of a request: 202 until it has ended, then 200."""
    look = await _look(call, read=True)
    return Json(
        status_body(look, call.base_url, logged(look.view.logs, call.emulator.clock) if _wants_logs(call) else NO_LOGS),
        200 if look.view.state is State.COMPLETED else 202,
        {REQUEST_ID: call.request_id},
    )


async def stream(call: Call) -> Response:
    """Stream a status object for each change, as server-sent events.  Each log line is sent once."""
    return _StatusStream(call, (await _look(call)).record)


class _StatusStream(Response):
    """The answer of `stream`, as one coroutine: thousands of them may hear of one change."""

    media_type = "text/event-stream"

    def __init__(self, call: Call, record: Record) -> None:
        self.status_code, self.background = 200, None
        self.init_headers({REQUEST_ID: call.request_id, "cache-control": "no-store"})
        self._emulator, self._record, self._base_url = call.emulator, record, call.base_url
        self._wants_logs = _wants_logs(call)

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        # in a task of its own: a change then runs through none of the layers around this
        await asyncio.create_task(self._tell(receive, send))

    async def _tell(self, receive: Receive, send: Send) -> None:
        """Send what changes until nothing does any more, or nobody listens."""
        bell = Bell()
        gone = asyncio.create_task(_left(receive))
        gone.add_done_callback(lambda _: bell.end())
        shown: tuple[State, int, int] | None = None
        spoken = monotonic()
        try:
            async with aclosing(self._emulator.looks(self._record, bell)) as looks:
                async for look in looks:
                    sent = shown[-1] if shown else 0
                    logs = look.view.logs
                    stands = look.view.state, look.position, len(logs)
                    if stands != shown:
                        shown, spoken = stands, monotonic()
                        # no name for the body: an open stream would keep it
                        await send(_part(event(self._body(look, logs[sent:]))))
                    elif monotonic() - spoken >= KEEP_ALIVE_SECONDS:
                        spoken = monotonic()
                        await send(_part(KEEP_ALIVE))
        except UnknownRequest:
            pass  # it was reset meanwhile
        finally:
            gone.cancel()
        if not bell.over:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _body(self, look: Snapshot, lines: Iterable[tuple[float, str]]) -> bytes:
        logs = logged(lines, self._emulator.clock) if self._wants_logs else NO_LOGS
        return status_body(look, self._base_url, logs)


def _part(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def _left(receive: Receive) -> None:
    """Return once the caller is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def result(call: Call) -> Response:
    """Read the result: the model's own answer.  400 until the request has ended."""
    look = await _look(call)
    ending = ending_of(look)
    if ending is None:
        by_reads = look.plan is not None and look.plan.polls is not None
        raise refusal(400, "Request is still in progress", hint=MOVED_BY_READS if by_reads else "")
    if look.erased or (look.plan is not None and Quirk.RESULT_EXPIRED in look.plan.quirks):
        raise UnknownRequest(call.request_id)
    return ending_answer(ending, look.record, call.base_url)


async def cancel(call: Call) -> Response:
    """Cancel a request: 200 if it was queued, 202 if it was running, 400 if it had ended."""
    key = (await _look(call)).record.key
    try:
        was = await call.emulator.cancel(key, call.request_id)
    except RefusedMove:
        return Json({"status": "ALREADY_COMPLETED"}, 400, {REQUEST_ID: call.request_id})
    if was is State.IN_QUEUE:
        return Json({"status": "OK"}, 200, {REQUEST_ID: call.request_id})
    return Json({"status": "CANCELLATION_REQUESTED"}, 202, {REQUEST_ID: call.request_id})


async def _look(call: Call, *, read: bool = False) -> Snapshot:
    """Look for the caller, who must be the one that submitted the request to this app.

    An unknown request is not found even without a key (probe of September 2026).
    """
    emulator = call.emulator
    key = application_key(call.authorization, call.token, call.app, emulator.settings.keys, emulator.tokens)
    if key == NO_KEY:
        await emulator.find(call.request_id)
        raise no_access(call.app)
    look = await emulator.look(key, call.request_id, read=read)
    if look.record.app != call.app:
        raise UnknownRequest(call.request_id)
    return look


def _wants_logs(call: Call) -> bool:
    return call.query.get("logs", "0").lower() in TRUE_WORDS


# Status objects are put together as texts, since they are asked for in masses: encoding them takes four times as long.


@lru_cache(maxsize=1024)
def _requests(app: str, base_url: BaseUrl) -> str:
    """The address of an application's requests, as it stands in a JSON string."""
    return jsonio.dump(base_url.url(Part.QUEUE, f"/{app}/requests/")).decode()[1:-1]


def _members(state: State, record: Record, base_url: BaseUrl) -> str:
    """The first members of a status object: the state, the id and three addresses, which carry owner and app only."""
    requests = _requests if len(record.app) <= LONGEST_REMEMBERED else _requests.__wrapped__
    address = requests(record.app, base_url) + record.id
    return (
        f'{{"status":"{state.value}","request_id":"{record.id}","response_url":"{address}",'
        f'"status_url":"{address}/status","cancel_url":"{address}/cancel"'
    )


def _queued(look: Snapshot, base_url: BaseUrl, logs: str = NO_LOGS) -> bytes:
    """The status object of a request that waits."""
    start = _members(State.IN_QUEUE, look.record, base_url)
    return f'{start},"logs":{logs},"metrics":{{}},"queue_position":{look.position}}}'.encode()


def status_body(look: Snapshot, base_url: BaseUrl, logs: str = NO_LOGS) -> bytes:
    """The status object.  A refusal by the model does not show in it; platform failures do."""
    view = look.view
    if view.state is State.IN_QUEUE:
        return _queued(look, base_url, logs)
    start, metrics, error = _members(view.state, look.record, base_url), "", ""
    if view.state is State.COMPLETED and view.started_at is not None:
        metrics = f'"inference_time":{view.run_seconds}'
    ending = ending_of(look)
    if ending is not None and ending.error:
        error = "," + jsonio.dump({"error": ending.error, "error_type": ending.error_type}).decode()[1:-1]
    return f'{start},"logs":{logs},"metrics":{{{metrics}}}{error}}}'.encode()


def event(data: bytes) -> bytes:
    """A server-sent event."""
    return b"data: " + data + b"\n\n"


def logged(lines: Iterable[tuple[float, str]], clock: Clock) -> str:
    """The lines of a log, each with its moment, as they stand in a status object."""
    return f"[{','.join([_line(clock.shown(moment), text) for moment, text in lines])}]"


def _line(moment: float, text: str) -> str:
    stamp = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    message = (_quoted if len(text) <= LONGEST_REMEMBERED else _quoted.__wrapped__)(text)
    return f'{{"timestamp":"{stamp}","level":"INFO","message":{message},"labels":{{}}}}'


@lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    """A text as it stands in JSON."""
    return jsonio.dump(text).decode()


def ending_answer(ending: Ending, record: Record, base_url: BaseUrl) -> Response:
    """The model's answer with the headers that fal adds to it."""
    headers = {REQUEST_ID: record.id}
    if ending.hint:
        headers |= hint_header(ending)
    if ending.charge is not Charge.MAYBE:  # 0 would say that it is not charged
        headers[BILLABLE_UNITS] = _units(ending)
    if not ending.ok:
        headers |= retry_headers(retry=is_tried_again(ending))
    if ending.error_type:
        headers["x-fal-error-type"] = ending.error_type
    if ending.timeout_type:
        headers["x-fal-request-timeout-type"] = ending.timeout_type
    answer = PlainTextResponse if ending.text else Json
    return answer(result_body(ending, base_url), ending.status, headers)


def hint_header(ending: Ending) -> dict[str, str]:
    """What to change in the request, for the developer: fal sends nothing of the kind."""
    return {HINT: header_text(ending.hint)} if ending.hint else {}


def _units(ending: Ending) -> str:
    """``0`` on refusals and ``8.0`` for eight seconds (captures of September 2026)."""
    return str(ending.billable_units) if ending.billable_units else "0"
