"""Reading request bodies, with a limit and without losing the caller."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import Request

from fakefal.wire.answers import WireError, refusal

DRAIN_FACTOR = 16
"""How many times the limit is still read and thrown away, so that the caller gets the answer."""


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body.

    Raises:
        WireError: 413, it has more bytes than the limit (the body of the answer is inferred).
    """
    return b"".join([part async for part in limited(request, limit)])


async def limited(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body part by part; what exceeds the limit is read to its end and refused.

    Raises:
        WireError: 413, it has more bytes than the limit.
    """
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= limit:
            yield part
        elif size > limit * DRAIN_FACTOR:
            break
    if size > limit:
        raise too_large(f"at most {limit} bytes are accepted: upload files instead")


def too_large(hint: str = "") -> WireError:
    """The 413 answer."""
    return refusal(413, "Request body is too large", hint=hint)
