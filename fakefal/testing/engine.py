"""An emulator that is alive on the loop thread, and every way to it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, TypeVar

from starlette.types import ASGIApp

from fakefal.engine.emulator import Emulator
from fakefal.server.app import build_app
from fakefal.server.child import child_environment
from fakefal.server.child_server import serving_child
from fakefal.server.serving import bind, hosting
from fakefal.testing.in_process import InProcessCall, InProcessExchange
from fakefal.testing.loop import loop_thread
from fakefal.testing.strictness import Watch
from fakefal.testing.surroundings import HOST
from fakefal_contracts.hosts import is_fal_host

T = TypeVar("T")


class Engine:
    """One emulator from `start` to `stop`.

    Args:
        emulator: the emulator.
        complain: is told of calls that it has no answer for.
        failed: is told of what the emulator raised.
    """

    def __init__(
        self, emulator: Emulator, complain: Callable[[str], None], failed: Callable[[Exception], None]
    ) -> None:
        self.emulator = emulator
        self.app: ASGIApp = Watch(build_app(emulator), complain, failed)
        self._thread = loop_thread()
        self._process = os.getpid()
        self._stack = AsyncExitStack()
        self._calls: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Let the emulator's time run."""
        self.open(self.emulator.running())

    def stop(self) -> None:
        """End it, with every call that is still on its way."""
        self.do(self._stop())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something where the emulator lives, and wait for it."""
        return self._thread.run(work)

    def open(self, context: AbstractAsyncContextManager[T]) -> T:
        """Enter a context there that is left at the end."""
        return self.do(self._stack.enter_async_context(context))

    def listen(self) -> str:
        """Listen on a free port until the end; returns the base URL."""
        return self.open(hosting(self.app, bind("127.0.0.1", 0), closing=self.emulator.close)).url

    def child_environment(self, key: str) -> dict[str, str]:
        """Open every road for other programs until the end; returns the environment that leads them here."""
        addresses = self.open(serving_child(self.app, closing=self.emulator.close))
        return child_environment(os.environ, addresses, key=key)

    def answers(self, host: str) -> bool:
        """Whether calls of this host are answered here."""
        return is_fal_host(host) or host == HOST

    def begin(self, call: InProcessCall) -> InProcessExchange:
        """Start answering a call; safe from every thread.

        Raises:
            RuntimeError: this is another process, forked from the emulator's.
        """
        if os.getpid() != self._process:
            raise RuntimeError("the emulator lives in the parent of this process: use the fixture fakefal_server")
        exchange = InProcessExchange(self.app, self._thread.loop, call)
        self._thread.call(self._run, exchange)
        return exchange

    def _run(self, exchange: InProcessExchange) -> None:
        task = self._thread.loop.create_task(exchange.run())
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _stop(self) -> None:
        for task in tuple(self._calls):
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._stack.aclose()
