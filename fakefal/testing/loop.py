"""The thread that runs the emulators of tests: one event loop for the whole process."""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from contextvars import Context
from functools import cache
from typing import Any, TypeVar
from unittest import mock

from fakefal.server.loops import SteadyLoop

T = TypeVar("T")
ELSEWHERE = "the emulator lives in the parent of this process: use the fixture fakefal_server"


class LoopThread:
    """An event loop that runs in its own thread, for callers in other threads."""

    def __init__(self) -> None:
        with _real_sockets():
            self.loop = SteadyLoop()
        self.stack = AsyncExitStack()
        """Context managers that end with the process."""
        self._process = os.getpid()
        self._thread = threading.Thread(target=self.loop.run_forever, name="fakefal", daemon=True)
        self._thread.start()
        atexit.register(self._stop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it."""
        # in a context of its own: the caller's may say that Trio is running
        return Context().run(asyncio.run_coroutine_threadsafe, work, self.loop).result()

    def call(self, work: Callable[..., object], *arguments: Any) -> None:
        """Schedule a function on the loop."""
        self.loop.call_soon_threadsafe(work, *arguments, context=Context())

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


@contextmanager
def _real_sockets() -> Iterator[None]:
    """The real socket class, without pytest-socket: an event loop needs a pair of sockets to wake itself up."""
    real = next(kind for kind in socket.socket.__mro__ if kind.__module__ == "socket")
    with mock.patch.object(socket, "socket", real):
        yield
