"""A loop with a thread of its own, which lends itself to other threads while there is nothing to do."""

from __future__ import annotations

import asyncio
import selectors
import sys
import threading
from asyncio.events import _get_running_loop, _set_running_loop
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

from typing_extensions import override

from fakefal.server.loops import SteadyLoop

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
INSIDE = (
    "this call to fal interrupts the emulator, which cannot answer before it went on: do not make it in a signal "
    "handler, a finalizer, or a function that the emulator calls on its loop"
)


class LentLoop(SteadyLoop):
    """Whoever calls `begin` does the work himself, as far as it never waits: handing it over costs more than most work.

    At any time one thread has its turn.  The loop's own gives it away while it waits for something to happen.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._holder: int | None = None
        self._lends = threading.Event()
        self._lent = self._left_work = False
        self._first_steps: list[Callable[..., object]] | None = None
        super().__init__(_Lending(self))
        self.set_debug(False)  # the user debugs loops of his own, and this would refuse other threads

    def run_here(self) -> None:
        """Run in the thread that is the loop's own, until it is stopped."""
        self.call_soon(self._begin_to_lend)
        self.take_turn()
        try:
            self.run_forever()
        finally:
            self.give_turn()

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do something in this thread up to where it waits, if it does; the loop's own goes on from there.

        Raises:
            RuntimeError: this thread is in the middle of something on this loop.
        """
        if self._holder == threading.get_ident():
            work.close()
            raise RuntimeError(INSIDE)
        with self._borrowed():
            context = Context()
            steps: list[Callable[..., object]] = []
            self._first_steps = steps
            task = self.create_task(work, context=context)
            self._first_steps = None
            context.run(steps[0])
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

    def take_turn(self) -> None:
        """Wait until no other thread uses the loop."""
        self._turn.acquire()
        self._holder = threading.get_ident()

    def give_turn(self) -> None:
        """Let other threads use the loop."""
        self._holder = None
        self._turn.release()

    def _begin_to_lend(self) -> None:
        self._hooks = sys.get_asyncgen_hooks()
        self._lends.set()

    @contextmanager
    def _borrowed(self) -> Iterator[None]:
        """Let this thread run the loop while the block lasts, whatever loop it runs otherwise."""
        self._lends.wait()
        own, hooks = _get_running_loop(), sys.get_asyncgen_hooks()
        task = None if own is None else asyncio.current_task(own)
        self.take_turn()
        try:
            if own is not None and task is not None:
                _leave_task(own, task)
            _set_running_loop(self)
            sys.set_asyncgen_hooks(*self._hooks)
            self._lent = True
            yield
        finally:
            self._lent = False
            sys.set_asyncgen_hooks(*hooks)
            _set_running_loop(own)
            if own is not None and task is not None:
                _enter_task(own, task)
            if self._left_work:
                self._left_work = False
                self.call_soon_threadsafe(_nothing)  # its own thread sleeps until something happens
            self.give_turn()


class _Lending(selectors.DefaultSelector):
    """Gives the loop's turn away while it waits."""

    def __init__(self, loop: LentLoop) -> None:
        super().__init__()
        self._loop = loop

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.give_turn()
        try:
            return super().select(timeout)
        finally:
            self._loop.take_turn()


def _nothing() -> None:
    pass
