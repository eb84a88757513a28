"""Finds the job of a call whose answer was lost, in the request list of the Platform API.  Nothing is sent again."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fakefal_client.errors import Attempt, FakefalError
from fakefal_client.retry import Deadline
from fakefal_client.session import Session
from fakefal_client.steps import Flow
from fakefal_contracts.hosts import Part

MOST_PAGES = 20
WINDOW_SECONDS = 60.0
"""The assumed greatest difference between the clocks of this machine and the service, in seconds."""
PAGE = 50
LISTED_SECONDS = 60.0
"""How long fal may take to list an accepted job, in seconds (inferred)."""


@dataclass(frozen=True)
class Found:
    """The service accepted the call: continue with ``resume(request_id)``."""

    request_id: str


@dataclass(frozen=True)
class NotListed:
    """The service does not list the job.  In the first minute its list may be late, so the money stays pending."""


@dataclass(frozen=True)
class Unknown:
    """The outcome is unknown, and why: the list cannot be read or compared, or several jobs look the same."""

    reason: str


Outcome = Found | NotListed | Unknown
"""The result of `reconcile`."""


def reconcile(session: Session, attempt: Attempt, deadline: Deadline) -> Flow[Outcome]:
    """Look up a job, and settle its money.  A job that was found before is not looked up again."""
    budget = session.budget
    if (known := budget.id_of(attempt)) is not None:
        return Found(known)
    while True:
        try:
            outcome = yield from _look_up(session, attempt, deadline)
        except FakefalError as error:
            return Unknown(f"the list of jobs cannot be read: {error}")
        if not isinstance(outcome, Found) or budget.claim(outcome.request_id, attempt):
            break  # else another call was quicker, and counts as that one's from now on
    if isinstance(outcome, NotListed):
        listed_by_now = session.clock.wall() - attempt.until >= LISTED_SECONDS
        known = budget.give_up(attempt) if listed_by_now or not session.target.is_fal else budget.id_of(attempt)
        return outcome if known is None else Found(known)
    return outcome


def _look_up(session: Session, attempt: Attempt, deadline: Deadline) -> Flow[Outcome]:
    listed: list[Any] = []
    query = _query(attempt, ends=session.target.is_fal)
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page_query = urlencode(query | ({"cursor": cursor} if cursor else {}))
        url = session.target.url(Part.PLATFORM, f"/v1/models/requests/by-endpoint?{page_query}")
        page = (yield from session.read(session.call("GET", url), deadline)).json()
        items = page.get("items") if isinstance(page, dict) else None
        if not isinstance(items, list):
            return Unknown("the list of jobs has an unknown format")
        listed += items
        cursor = page.get("next_cursor")
        if not page.get("has_more") or not isinstance(cursor, str):
            return _judged([item for item in listed if isinstance(item, dict)], attempt, session.budget.knows)
    return Unknown(f"more than {MOST_PAGES * PAGE} jobs were made in that time")


def _query(attempt: Attempt, *, ends: bool) -> dict[str, str]:
    """The query.  It has no end for an emulator, whose clock may be ahead of this machine's."""
    query = {
        "endpoint_id": attempt.endpoint_id,
        "start": _moment(attempt.sent_at - WINDOW_SECONDS),
        "expand": "payloads",
        "limit": str(PAGE),
    }
    return query | ({"end": _moment(attempt.until + WINDOW_SECONDS)} if ends else {})


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _judged(listed: list[dict[str, Any]], attempt: Attempt, known: Callable[[str], bool]) -> Outcome:
    """The listed job of the attempt: by its request id if that is known, otherwise by its body."""
    if attempt.request_id is not None and any(item.get("request_id") == attempt.request_id for item in listed):
        return Found(attempt.request_id)
    wanted = json.loads(json.dumps(attempt.arguments, default=str))
    others = [item for item in listed if not known(str(item.get("request_id")))]  # not those of other calls
    twins = {str(item.get("request_id")) for item in others if _within(wanted, item.get("json_input"))}
    if len(twins) == 1:
        return Found(twins.pop())
    if twins:
        return Unknown(f"{len(twins)} jobs look the same: {', '.join(sorted(twins))}")
    if others and (any(item.get("json_input") is None for item in others) or "data:" in json.dumps(wanted)):
        return Unknown(f"the bodies of the {len(others)} jobs of that time cannot be compared with this one")
    return NotListed()


def _within(sent: Any, listed: Any) -> bool:
    """Whether a listed body is the one that was sent; the service may have added defaults."""
    if isinstance(sent, dict) and isinstance(listed, dict):
        return all(name in listed and _within(value, listed[name]) for name, value in sent.items())
    if isinstance(sent, list) and isinstance(listed, list):
        return len(sent) == len(listed) and all(map(_within, sent, listed))
    if isinstance(sent, str) and isinstance(listed, str):
        return sent.encode("utf-8", "replace") == listed.encode("utf-8", "replace")
    return bool(sent == listed)
