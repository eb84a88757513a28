"""Waiting for a store that is away: what was begun must be written down, however long that takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fakefal.core.errors import StoreUnavailable

T = TypeVar("T")
PAUSE_SECONDS = 0.5


async def patiently(step: Callable[[], Awaitable[T]]) -> T:
    """Take a step of a store, again and again until it can be taken."""
    while True:
        try:
            return await step()
        except StoreUnavailable:
            await asyncio.sleep(PAUSE_SECONDS)
