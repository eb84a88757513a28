"""Where the emulators of tests run: one event loop for the whole process, with a thread."""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from contextvars import Context
from functools import cache
from queue import SimpleQueue
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
        self.loop.wait_until_it_lends()
        atexit.register(self._stop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it.

        Raises:
            RuntimeError: this is another process, forked from that of the loop.
        """
        begun = self.loop.begin(work) if self._can_begin_here(work) else work
        if isinstance(begun, asyncio.Task) and begun.done():
            return begun.result()
        ended: SimpleQueue[Future[T]] = SimpleQueue()
        self._hand_over(_finish(begun, ended))
        return ended.get().result()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin a coroutine on the loop; one that does not wait is over when this returns.

        Raises:
            RuntimeError: this is another process, forked from that of the loop.
        """
        if self._can_begin_here(work):
            self.loop.begin(work)
        else:
            begun: SimpleQueue[None] = SimpleQueue()
            self._hand_over(_begin(work, begun))
            begun.get()

    def _can_begin_here(self, work: Coroutine[Any, Any, object]) -> bool:
        """Whether this thread can run the emulator's code itself.

        On Trio's loop, the libraries of the emulator would think that they are in a task of Trio's.  While an alarm is
        set, as by pytest-timeout, its handler may raise an exception in the main thread, in the middle of the emulator.
        """
        if os.getpid() != self._process:
            work.close()
            raise RuntimeError(ELSEWHERE)
        return not in_trio() and not _alarm_may_come()

    def _hand_over(self, work: Coroutine[Any, Any, None]) -> None:
        Context().run(asyncio.run_coroutine_threadsafe, work, self.loop)

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


def _alarm_may_come() -> bool:
    """Whether a timer is set whose signal interrupts this thread."""
    return signal.getitimer(signal.ITIMER_REAL)[0] > 0 and threading.current_thread() is threading.main_thread()


# A signal handler may interrupt the thread that waits for these.  A SimpleQueue stays usable then, a Future that the
# other thread is about to set does not.  And no task ends in that thread: asyncio would swallow the interruption.


async def _begin(work: Coroutine[Any, Any, None], begun: SimpleQueue[None]) -> None:
    task = asyncio.create_task(work)
    await asyncio.sleep(0)  # until it waits, or is done
    begun.put(None)
    await task


async def _finish(work: Awaitable[T], ended: SimpleQueue[Future[T]]) -> None:
    outcome: Future[T] = Future()
    try:
        outcome.set_result(await work)
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        outcome.set_exception(error)
    ended.put(outcome)


@contextmanager
def _real_sockets() -> Iterator[None]:
    """The real socket class, without pytest-socket: an event loop needs a pair of sockets to wake itself up."""
    real = next(kind for kind in socket.socket.__mro__ if kind.__module__ == "socket")
    with mock.patch.object(socket, "socket", real):
        yield
