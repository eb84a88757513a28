"""What a request's end looks like as JSON: shared by the result call and the webhook."""

from __future__ import annotations

from dataclasses import replace

from fakefal import jsonio
from fakefal.core.lifecycle import State
from fakefal.core.plan import Cut, Ending
from fakefal.record import Look
from fakefal_contracts.failures import PLATFORM_ERRORS, PlatformError
from fakefal_contracts.hosts import Part, Way

CDN_MARK = "fakefal-cdn:"
"""Stands in a stored result for the CDN's address, which depends on how the reader comes in."""


def result_body(ending: Ending, way: Way) -> bytes:
    """The JSON of an ending, with addresses that lead back the reader's way."""
    if not ending.ok:
        return ending.body
    return ending.body.replace(CDN_MARK.encode(), way.url(Part.CDN, "").encode())


def ending_of(look: Look) -> Ending | None:
    """How a request ended: as planned, or cut short by its caller; None while it has not.

    What the result of a cut request says is inferred: no capture shows one.
    """
    if look.view.state is not State.COMPLETED:
        return None
    if look.view.cut is not None:
        return _CUT[look.view.cut]
    return look.plan.ending if look.plan is not None else None


def platform_ending(error: PlatformError) -> Ending:
    """The end that a failure of the platform makes."""
    return Ending(error.status, jsonio.dump(error.body()), 0.0, error=error.sentence, error_type=error.error_type)


_CUT = {
    Cut.CANCELLED: platform_ending(PLATFORM_ERRORS["client_cancelled"]),
    Cut.TIMED_OUT: replace(platform_ending(PLATFORM_ERRORS["request_timeout"]), timeout_type="user"),
}
