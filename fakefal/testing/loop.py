"""Where the emulators of tests run: one event loop for the whole process, with a thread."""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from contextvars import Context
from functools import cache
from typing import Any, TypeVar
from unittest import mock

from fakefal.testing.lent_loop import LentLoop
from fakefal.testing.waiting import in_trio

T = TypeVar("T")
ELSEWHERE = "the emulator lives in the parent of this process: use the fixture fakefal_server"


class LoopThread:
    """An event loop that runs in its own thread, for callers in other threads."""

    def __init__(self) -> None:
        with _real_sockets():
            self.loop = LentLoop()
        self.stack = AsyncExitStack()
        """Context managers that end with the process."""
        self._process = os.getpid()
        self._thread = threading.Thread(target=self.loop.run_here, name="fakefal", daemon=True)
        self._thread.start()
        atexit.register(self._stop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it."""
        if in_trio():  # the libraries of the emulator would take it for a task of Trio's
            return self._handed_over(work).result()
        task = self.loop.begin(work)
        return task.result() if task.done() else self._handed_over(_outcome(task)).result()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin a coroutine on the loop; one that does not wait is over when this returns."""
        if in_trio():
            self._handed_over(work)
        else:
            self.loop.begin(work)

    def _handed_over(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return Context().run(asyncio.run_coroutine_threadsafe, work, self.loop)

    def _stop(self) -> None:
        if os.getpid() != self._process:  # forked from that of the thread
            return
        self.run(self.stack.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


def loop_thread() -> LoopThread:
    """The thread of this process; it starts with the first emulator and ends with the process."""
    return _thread_of(os.getpid())


@cache
def _thread_of(_process: int) -> LoopThread:
    return LoopThread()


async def _outcome(task: asyncio.Task[T]) -> T:
    return await task


@contextmanager
def _real_sockets() -> Iterator[None]:
    """The real socket class, without pytest-socket: an event loop needs a pair of sockets to wake itself up."""
    real = next(kind for kind in socket.socket.__mro__ if kind.__module__ == "socket")
    with mock.patch.object(socket, "socket", real):
        yield
