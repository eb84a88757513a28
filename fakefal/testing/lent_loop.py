"""An event loop with a thread of its own; while it has nothing to do, other threads run their calls on it."""

from __future__ import annotations

import asyncio
import selectors
import socket
import sys
import threading
from asyncio.events import _get_running_loop, _set_running_loop
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

from typing_extensions import override

from fakefal.server.loops import SteadyLoop

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
INSIDE = (
    "this thread is running the emulator, so the emulator cannot answer a call from here: do not call fal in a signal "
    "handler, in a finalizer, or in a function that the emulator calls"
)


class LentLoop(SteadyLoop):
    """An event loop on which any thread can start a coroutine and run it until it first waits.

    Most calls never wait, and passing one to another thread takes longer than answering it.  One thread at a time uses
    the loop.  The loop's own thread lets others use it while it waits for something to happen.

    A signal handler may raise an exception in the main thread (Ctrl-C does).  The interpreter runs handlers only after
    a call has returned, when a Python function begins, and at the end of each round of a loop.  So each ``finally``
    here undoes one thing, by one call of a function written in C: an interruption skips none of them.
    """

    _csock: socket.socket  # what wakes up the loop's own thread

    def __init__(self) -> None:
        self._turn = threading.RLock()
        self._lends = threading.Event()
        self._lent = self._left_work = False
        self._first_steps: list[Callable[..., object]] | None = None
        super().__init__(_Lending(self._turn))
        self.set_debug(False)  # the user debugs loops of his own, and this would refuse other threads

    def run_here(self) -> None:
        """Run in the thread that is the loop's own, until it is stopped."""
        self.call_soon(self._begin_to_lend)
        with self._turn:
            self.run_forever()

    def wait_until_it_lends(self) -> None:
        """Wait until other threads may call `begin`."""
        self._lends.wait()

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine in this thread until it first waits; then it goes on in the loop's own thread.

        Raises:
            RuntimeError: this thread is already running something on this loop.
            BaseException: what the coroutine raised before it waited.
        """
        own, hooks = _get_running_loop(), sys.get_asyncgen_hooks()
        if own is self:
            work.close()
            raise RuntimeError(INSIDE)
        task = None if own is None else asyncio.current_task(own)
        try:
            if own is not None and task is not None:
                _leave_task(own, task)
            try:
                _set_running_loop(self)
                try:
                    sys.set_asyncgen_hooks(*self._hooks)
                    return self._begin_in_turn(work)
                finally:
                    sys.set_asyncgen_hooks(*hooks)
            finally:
                _set_running_loop(own)
        finally:
            if own is not None and task is not None:
                _enter_task(own, task)

    def _begin_in_turn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do it while no other thread uses the loop."""
        try:
            self._turn.acquire()
            try:
                self._lent = True
                return self._first_step(work)
            finally:
                self._lent = False
                if self._left_work:
                    self._left_work = False
                    try:  # noqa: SIM105 - suppress() is no C
                        self._csock.send(b"\0")
                    except OSError:  # it is full: the loop's own thread will wake up anyway
                        pass
        finally:
            try:  # noqa: SIM105 - suppress() is no C
                self._turn.release()
            except RuntimeError:  # interrupted while it waited for its turn
                pass

    def _first_step(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        context = Context()
        steps: list[Callable[..., object]] = []
        self._first_steps = steps
        try:
            task = self.create_task(work, context=context)
        finally:
            self._first_steps = None
        try:
            context.run(steps[0])
        finally:
            if task.done():
                task.result()
        return task

    @override
    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if self._first_steps is not None:
            self._first_steps.append(callback)
            return asyncio.Handle(callback, args, self, context)
        self._left_work |= self._lent
        return super().call_soon(callback, *args, context=context)

    @override
    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self._left_work |= self._lent
        return super().call_at(when, callback, *args, context=context)

    def _begin_to_lend(self) -> None:
        self._hooks = sys.get_asyncgen_hooks()
        self._lends.set()


class _Lending(selectors.DefaultSelector):
    """Lets other threads use the loop while it waits."""

    def __init__(self, turn: threading.RLock) -> None:
        super().__init__()
        self._turn = turn

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._turn.release()
        try:
            return super().select(timeout)
        finally:
            self._turn.acquire()
