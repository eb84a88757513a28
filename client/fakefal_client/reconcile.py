"""What became of a job whose answer was lost: looked up at the platform, by body and time.  Never sent again."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fakefal_client.errors import Attempt, FakefalError
from fakefal_client.jobs import Accepted
from fakefal_client.retry import Deadline
from fakefal_client.session import Session
from fakefal_client.steps import Flow
from fakefal_contracts.hosts import Part

MOST_PAGES = 20
WINDOW_SECONDS = 60.0
"""How far this machine's clock and the service's may be apart."""
PAGE = 50


@dataclass(frozen=True)
class Found:
    """The service accepted it: this is the job."""

    job: Accepted


@dataclass(frozen=True)
class NotListed:
    """The service lists no such job: nothing is paid, unless its list is behind."""


@dataclass(frozen=True)
class Unknown:
    """Nobody can say, and why: the list cannot be read, or several jobs look the same."""

    reason: str


Outcome = Found | NotListed | Unknown


def reconcile(session: Session, attempt: Attempt, deadline: Deadline) -> Flow[Outcome]:
    """Look a job up, and put its money where it belongs."""
    try:
        outcome = yield from _look_up(session, attempt, deadline)
    except FakefalError as error:
        return Unknown(f"the list of jobs cannot be read: {error}")
    reservation = session.budget.of(attempt)
    if isinstance(outcome, Found):
        outcome.job.reservation = reservation
        if reservation is not None:
            reservation.request_id = outcome.job.request_id
    elif isinstance(outcome, NotListed) and reservation is not None:
        reservation.refund()
    return outcome


def _look_up(session: Session, attempt: Attempt, deadline: Deadline) -> Flow[Outcome]:
    wanted = _canonical(attempt.arguments)
    found: set[str] = set()
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        url = session.target.url(Part.PLATFORM, f"/v1/models/requests/by-endpoint?{_query(attempt, cursor)}")
        page = (yield from session.read(session.call("GET", url), deadline)).json()
        items = page.get("items") if isinstance(page, dict) else None
        if not isinstance(items, list):
            return Unknown("the list of jobs has another form")
        found.update(_twins(items, wanted, attempt))
        cursor = page.get("next_cursor")
        if not page.get("has_more") or not isinstance(cursor, str):
            break
    else:
        return Unknown(f"more than {MOST_PAGES * PAGE} jobs were made in that time")
    if len(found) > 1:
        return Unknown(f"{len(found)} jobs look the same: {', '.join(sorted(found))}")
    return Found(Accepted(attempt.endpoint_id, found.pop())) if found else NotListed()


def _query(attempt: Attempt, cursor: str | None) -> str:
    asked: dict[str, str] = {
        "endpoint_id": attempt.endpoint_id,
        "start": _moment(attempt.sent_at - WINDOW_SECONDS),
        "end": _moment(attempt.until + WINDOW_SECONDS),
        "expand": "payloads",
        "limit": str(PAGE),
    }
    return urlencode(asked | ({"cursor": cursor} if cursor else {}))


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _twins(items: Iterable[Any], wanted: str, attempt: Attempt) -> Iterable[str]:
    """The ids of the listed jobs that have this body, or the id that the service once said."""
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("request_id"), str):
            continue
        if item["request_id"] == attempt.request_id or _canonical(item.get("json_input")) == wanted:
            yield item["request_id"]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
