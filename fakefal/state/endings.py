"""What a request's end looks like as JSON: shared by the result call and the webhook."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fakefal.core.lifecycle import State
from fakefal.core.plan import Cut, Ending
from fakefal.state import jsonio
from fakefal.state.requests import Snapshot
from fakefal_contracts.failures import PLATFORM_ERRORS, RETRIED_STATUSES, PlatformError
from fakefal_contracts.hosts import BaseUrl, Part

CDN_MARK = "fakefal-cdn:"
"""Stands in a stored result for the CDN's address, which depends on how the reader comes in."""
_MARK = CDN_MARK.encode()


def result_body(ending: Ending, base_url: BaseUrl) -> bytes:
    """The body of an ending, with addresses that lead back the reader's way; a text stays as it is."""
    if ending.text or not ending.ok:
        return ending.body
    return ending.body.replace(_MARK, base_url.url(Part.CDN, "").encode())


def result_value(ending: Ending, base_url: BaseUrl) -> Any:
    """The body of an ending as a JSON value; a text is one, too."""
    body = result_body(ending, base_url)
    return body.decode() if ending.text else jsonio.load(body)


def is_tried_again(ending: Ending) -> bool:
    """Whether fal calls such an ending worth another try: a 503 or 504 that is not the caller's own timeout."""
    return ending.status in RETRIED_STATUSES and not ending.timeout_type


def ending_of(look: Snapshot) -> Ending | None:
    """How a request ended: as planned, or cut short by its caller; None while it has not.

    What the result of a cut request says is inferred: no capture shows one.
    """
    if look.view.state is not State.COMPLETED:
        return None
    if look.view.cut is not None:
        return CUT_ENDINGS[look.view.cut]
    return look.plan.ending if look.plan is not None else None


def platform_ending(error: PlatformError) -> Ending:
    """The end that a failure of the platform makes."""
    return Ending(
        error.status, jsonio.dump(error.body()), 0.0, ok=False, error=error.sentence, error_type=error.error_type
    )


USER_TIMEOUT = replace(platform_ending(PLATFORM_ERRORS["request_timeout"]), timeout_type="user")
"""The end of a request that did not start in the time that its caller gave it."""

CUT_ENDINGS = {Cut.CANCELLED: platform_ending(PLATFORM_ERRORS["client_cancelled"]), Cut.TIMED_OUT: USER_TIMEOUT}
"""How requests end that their callers cut short."""
