"""Waiting: until what was begun is written down, until what works with it has ended, and for others' turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from fakefal.core.errors import StoreUnavailable

T = TypeVar("T")
PAUSE_SECONDS = 0.5
CANCEL_SECONDS = 0.1
A_TURN = 1000
"""So many things are dealt with at once before others get their turn: some take 20 µs each."""


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


async def in_turns(things: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Very many things, some at a time: in between, others get their turn, so what was seen before may have changed."""
    for first in range(0, len(things), A_TURN):
        if first:
            await asyncio.sleep(0)
        yield things[first : first + A_TURN]
