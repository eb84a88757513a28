"""The details of one job: timeline, errors, media, and the HTTP messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from http.client import responses
from typing import Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.responses import Response

from fakefal.control.api import Key, RequestInfo, WebhookInfo, info, webhook_info
from fakefal.control.gallery import MediaInfo, media_of_arguments, media_of_result
from fakefal.control.guard import guard
from fakefal.control.inspection import CallInfo, call_info
from fakefal.control.job_list import JobState, state_of
from fakefal.core.plan import NOTHING, BrokenRule, Quirk
from fakefal.core.webhook import Delivery, Fate
from fakefal.files.datauris import with_addresses
from fakefal.state import jsonio
from fakefal.state.endings import ending_of
from fakefal.state.journal import HIDDEN
from fakefal.state.ledger import Dollars, bill
from fakefal.state.requests import Record, Snapshot
from fakefal.wire.answers import REQUEST_ID, Json
from fakefal.wire.context import TheEmulator
from fakefal.wire.json_route import JsonRoute
from fakefal.wire.queue import ending_answer, status_body
from fakefal.wire.webhook_hint import WEBHOOK
from fakefal_contracts.hosts import Part

router = APIRouter(prefix="/_fakefal", tags=["control"], dependencies=[Depends(guard)], route_class=JsonRoute)

MOST_CALLS = 50


class TimeSpan(BaseModel):
    """A part of a job's timeline.  `begin` and `end` are emulated seconds since 1970; `end` is null while it lasts.

    A delivery attempt of a webhook has equal `begin` and `end`.  A future attempt has the outcome `due`.
    """

    kind: Literal["queue", "attempt", "webhook"]
    number: int
    begin: float
    end: float | None
    outcome: str


class LoggedLine(BaseModel):
    """A log line.  `at` is in emulated seconds since 1970."""

    at: float
    text: str


class FieldProblem(BaseModel):
    """An error in the arguments: `loc`, `type` and `msg` as fal sends them, the `rule`, and a `hint` what to change."""

    loc: list[str | int]
    type: str
    msg: str
    rule: str
    hint: str


class WireMessage(BaseModel):
    """An HTTP request or answer.  Secrets are hidden, and `data:` URIs are replaced by URLs."""

    line: str
    headers: dict[str, str]
    body: Any


class JobDetails(BaseModel):
    """One job.  `now` is emulated seconds since 1970; amounts are US dollars.

    `calls` are the newest of the `calls_kept` calls about it that the journal has.
    """

    now: float
    request: RequestInfo
    state: JobState
    usd: Dollars | None
    maybe_usd: Dollars | None
    spans: list[TimeSpan]
    log: list[LoggedLine]
    problems: list[FieldProblem]
    media: list[MediaInfo]
    exchange: list[WireMessage]
    calls: list[CallInfo]
    calls_kept: int
    webhook: WebhookInfo | None


@router.get("/requests/{request_id}/details", response_model=JobDetails)
async def details(request_id: str, emulator: TheEmulator, key: Key = None) -> Json:
    """Read everything that the page shows of one job."""
    look = await emulator.find(request_id, key)
    record = look.record
    billed = bill(look)
    webhook = await emulator.queue.webhook(record.id)
    arguments = with_addresses(jsonio.load(record.arguments), record.base_url)
    journal = await emulator.journal.newest(record.key, emulator.settings.max_journal)
    calls = [call for call in journal if call.request_id == record.id]
    shown = JobDetails(
        now=emulator.clock.now(record.key),
        request=info(look),
        state=state_of(look),
        usd=billed.usd if billed else NOTHING,
        maybe_usd=billed.maybe_usd if billed else NOTHING,
        spans=[*_spans(look), *_tries(webhook)],
        log=[LoggedLine(at=at, text=text) for at, text in look.view.logs],
        problems=_problems(look),
        media=[*media_of_result(emulator, look), *media_of_arguments(emulator, look, arguments)],
        exchange=[_submission(record, arguments), *_answers(look)],
        calls=[call_info(one) for one in calls[:MOST_CALLS]],
        calls_kept=len(calls),
        webhook=webhook_info(webhook) if webhook else None,
    )
    return Json(shown.model_dump())


@router.post("/requests/{request_id}/cancel", response_model=RequestInfo)
async def cancel(request_id: str, emulator: TheEmulator, key: Key = None) -> Json:
    """Cancel a request, as its caller could.  409 if it has ended already."""
    record = (await emulator.find(request_id, key)).record
    await emulator.cancel(record.key, record.id)
    return Json(info(await emulator.find(record.id)).model_dump())


def _spans(look: Snapshot) -> Iterator[TimeSpan]:
    """The time in the queue, and every attempt to run."""
    view, begin = look.view, look.record.submitted_at
    state = state_of(look)
    if view.started_at is None:
        yield TimeSpan(kind="queue", number=1, begin=begin, end=view.ended_at, outcome=state)
        return
    yield TimeSpan(kind="queue", number=1, begin=begin, end=view.started_at, outcome="started")
    begin, number = view.started_at, 0
    for number, moment in enumerate(_retries(look), 1):
        yield TimeSpan(kind="attempt", number=number, begin=begin, end=moment, outcome=JobState.FAILED)
        begin = moment
    yield TimeSpan(kind="attempt", number=number + 1, begin=begin, end=view.ended_at, outcome=state)


def _retries(look: Snapshot) -> list[float]:
    """When further attempts began so far.  The log tells: only it knows what was advanced meanwhile."""
    retries = set(look.plan.retries) if look.plan is not None else set()
    planned = look.plan.logs if look.plan is not None else ()
    moments = {
        offset: moment for (offset, _), (moment, _) in zip(planned, look.view.logs, strict=False) if offset in retries
    }
    return sorted(moments.values())


def _tries(webhook: Delivery | None) -> Iterator[TimeSpan]:
    if webhook is None:
        return
    for number, one in enumerate(webhook.attempts, 1):
        outcome = "delivered" if one.acknowledged else one.error or f"answered {one.status}"
        yield TimeSpan(kind="webhook", number=number, begin=one.at, end=one.at, outcome=outcome)
    if webhook.fate is Fate.PENDING:
        due = webhook.due_at
        yield TimeSpan(kind="webhook", number=len(webhook.attempts) + 1, begin=due, end=due, outcome="due")


def _problems(look: Snapshot) -> list[FieldProblem]:
    """The items of a refusal, each with the rule that it broke and what to write instead, where a rule says so."""
    ending = ending_of(look)
    if ending is None or ending.ok or ending.status != HTTPStatus.UNPROCESSABLE_ENTITY or ending.text:
        return []
    body = jsonio.load(ending.body)
    items = body.get("detail") if isinstance(body, dict) else None
    known = {(one.loc, one.type): one for one in ending.broken}
    return [_problem(item, known) for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _problem(item: dict[str, Any], known: Mapping[tuple[tuple[str | int, ...], str], BrokenRule]) -> FieldProblem:
    given, kind = item.get("loc"), str(item.get("type", ""))
    loc = [one for one in given if isinstance(one, str | int)] if isinstance(given, list) else []
    broken = known.get((tuple(loc), kind))
    rule, hint = (broken.rule, broken.hint) if broken else ("", "")
    return FieldProblem(loc=loc, type=kind, msg=str(item.get("msg", "")), rule=rule, hint=hint)


def _submission(record: Record, arguments: Any) -> WireMessage:
    """The call by which a job was submitted."""
    headers = {"Authorization": f"Key {record.key}:{HIDDEN}", "Content-Type": "application/json"}
    if record.low:
        headers["X-Fal-Queue-Priority"] = "low"
    if record.start_seconds is not None:
        headers["X-Fal-Request-Start-Timeout"] = f"{record.start_seconds:g}"
    query = f"?{WEBHOOK}={quote(record.webhook, safe='')}" if record.webhook else ""
    address = record.base_url.url(Part.QUEUE, f"/{record.endpoint_id}")
    return WireMessage(line=f"POST {address}{query}", headers=headers, body=arguments)


def _answers(look: Snapshot) -> Sequence[WireMessage]:
    """What status and result answer now."""
    record, ending = look.record, ending_of(look)
    status = HTTPStatus.ACCEPTED if ending is None else HTTPStatus.OK
    told = Json(status_body(look, record.base_url), status, {REQUEST_ID: record.id})
    shown = [_answer("status", told)]
    expired = look.plan is not None and Quirk.RESULT_EXPIRED in look.plan.quirks
    if ending is not None and not (look.erased or expired):
        shown.append(_answer("result", ending_answer(ending, record, record.base_url)))
    return shown


def _answer(call: str, answer: Response) -> WireMessage:
    text = bytes(answer.body)
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    body = jsonio.load(text) if is_json else text.decode("utf-8", "replace")
    line = f"{call}: {answer.status_code} {responses.get(answer.status_code, '')}"
    return WireMessage(line=line.strip(), headers=dict(answer.headers), body=body)
