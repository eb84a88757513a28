"""Waiting for a store: until what was begun is written down, and until what works with it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from fakefal.core.errors import StoreUnavailable

T = TypeVar("T")
PAUSE_SECONDS = 0.5
CANCEL_SECONDS = 0.1


async def until_written(step: Callable[[], Awaitable[T]]) -> T:
    """Take a step of a store, again and again until it can be taken."""
    while True:
        try:
            return await step()
        except StoreUnavailable:
            await asyncio.sleep(PAUSE_SECONDS)


async def cancel_and_wait(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they are over: redis-py loses a cancellation that comes at a bad moment."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_SECONDS)
