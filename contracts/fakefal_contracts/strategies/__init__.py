"""Hypothesis strategies for the endpoints of fal, made from the contracts; needs the extra ``fakefal[test]``.

Values are built, not filtered, so that nearly every example counts.  A new endpoint, field or limit needs
nothing here; a rule written by hand needs its recipe in `fakefal_contracts.strategies.recipes`.

    @given(valid("fal-ai/kling-video/o1/image-to-video"))
    def test_my_code(arguments): ...
"""

from fakefal_contracts.strategies.arguments import Sample, anything, boundaries, invalid, media, valid
from fakefal_contracts.strategies.broken import Body, Boundary, Broken
from fakefal_contracts.strategies.job_histories import (
    Advance,
    Cancel,
    Fetch,
    Poll,
    RequestTarget,
    Step,
    Submit,
    histories,
    play,
)
from fakefal_contracts.strategies.medium import Medium

__all__ = [
    "Advance",
    "Body",
    "Boundary",
    "Broken",
    "Cancel",
    "Fetch",
    "Medium",
    "Poll",
    "RequestTarget",
    "Sample",
    "Step",
    "Submit",
    "anything",
    "boundaries",
    "histories",
    "invalid",
    "media",
    "play",
    "valid",
]
