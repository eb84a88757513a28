"""The end of a request as JSON, for the result call and the webhook."""

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
"""The placeholder of the CDN's URL in a stored result; the URL depends on the reader."""
_MARK = CDN_MARK.encode()


def result_body(ending: Ending, base_url: BaseUrl) -> bytes:
    """The body of an ending, with URLs for this reader; a text stays unchanged."""
    if ending.text or not ending.ok:
        return ending.body
    return ending.body.replace(_MARK, base_url.url(Part.CDN, "").encode())


def result_value(ending: Ending, base_url: BaseUrl) -> Any:
    """The body of an ending as a JSON value; a text is one, too."""
    body = result_body(ending, base_url)
    return body.decode() if ending.text else jsonio.load(body)


def is_tried_again(ending: Ending) -> bool:
    """Whether fal's headers advise a retry: for 503 and 504, except the caller's own timeout."""
    return ending.status in RETRIED_STATUSES and not ending.timeout_type


def ending_of(look: Snapshot) -> Ending | None:
    """How a request ended: as planned, or early by its caller; None if it has not ended.

    The result of a request that was ended early is inferred: no capture shows one.
    """
    if look.view.state is not State.COMPLETED:
        return None
    if look.view.cut is not None:
        return CUT_ENDINGS[look.view.cut]
    return look.plan.ending if look.plan is not None else None


def platform_ending(error: PlatformError) -> Ending:
    """The ending for a failure of the platform."""
    return Ending(
        error.status, jsonio.dump(error.body()), 0.0, ok=False, error=error.sentence, error_type=error.error_type
    )


USER_TIMEOUT = replace(platform_ending(PLATFORM_ERRORS["request_timeout"]), timeout_type="user")
"""The ending of a request that exceeded its start timeout."""

CUT_ENDINGS = {Cut.CANCELLED: platform_ending(PLATFORM_ERRORS["client_cancelled"]), Cut.TIMED_OUT: USER_TIMEOUT}
"""The endings of requests that their callers ended early."""
