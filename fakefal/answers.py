"""What a request's end looks like as JSON: shared by the result call and the webhook."""

from __future__ import annotations

from fakefal.core.plan import Ending
from fakefal.hosts import Part, Way

CDN_MARK = "fakefal-cdn:"
"""Stands in a stored result for the CDN's address, which depends on how the reader comes in."""

CANCELLED = "Request cancelled by the client."  # the runner's own text (fal 1.83.0)


def result_body(ending: Ending, way: Way) -> bytes:
    """The JSON of an ending, with addresses that lead back the reader's way."""
    if not ending.ok:
        return ending.body
    return ending.body.replace(CDN_MARK.encode(), way.url(Part.CDN, "").encode())


def cancelled_body() -> dict[str, str]:
    """What the result of a cancelled request says (inferred: no capture shows one)."""
    return {"detail": CANCELLED, "error_type": "client_cancelled"}
