"""Waits for the result of another thread, in asyncio and Trio."""

from __future__ import annotations

import asyncio
import importlib
import sys
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_coroutine() -> bool:
    """Whether the caller runs on an event loop of asyncio or Trio."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return in_trio()
    return True


def in_trio() -> bool:
    """Whether the caller runs on Trio's loop."""
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


async def arrival(future: Future[T], seconds: float | None) -> T:
    """Wait for the result of a future without blocking the event loop.

    Raises:
        TimeoutError: it took longer than that.
    """
    if future.done():
        return future.result()
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return await _arrival_in_trio(future, seconds)
    async with asyncio.timeout(seconds):
        return await asyncio.wrap_future(future)


async def _arrival_in_trio(future: Future[T], seconds: float | None) -> T:
    trio = importlib.import_module("trio")
    come = trio.Event()
    token = trio.lowlevel.current_trio_token()
    future.add_done_callback(lambda _: token.run_sync_soon(come.set))
    try:
        with trio.fail_after(float("inf") if seconds is None else seconds):
            await come.wait()
    except trio.TooSlowError:
        raise TimeoutError from None
    finally:
        future.cancel()
    return future.result()
