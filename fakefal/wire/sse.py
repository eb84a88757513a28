"""Server-sent events: comments that keep a quiet stream alive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

KEEP_ALIVE_SECONDS = 15.0
"""fal sends a comment about this often (documentation of the status stream, 2026)."""

KEEP_ALIVE = b": keep-alive\n\n"


async def with_keep_alive(events: AsyncIterator[bytes], seconds: float) -> AsyncIterator[bytes]:
    """The events, with a comment whenever none came for so many seconds."""
    following = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=seconds)
            if not done:
                yield KEEP_ALIVE
                continue
            event = following.result()
            if event is None:
                return
            yield event
            following = asyncio.ensure_future(anext(events, None))
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
