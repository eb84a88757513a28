"""A running emulator on the loop thread, and all ways for calls to reach it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from typing import Any, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.engine.emulator import Emulator
from fakefal.server.app import build_app
from fakefal.server.child import child_environment
from fakefal.server.child_server import serving_child
from fakefal.server.redirection import Redirection, install, uninstall
from fakefal.server.serving import bind, hosting
from fakefal.testing.blocked import explained, explained_connections
from fakefal.testing.in_process import InProcessCall, InProcessExchange
from fakefal.testing.listener import listener
from fakefal.testing.loop import loop_thread
from fakefal.testing.strictness import Watch, outlive
from fakefal.testing.surroundings import HOST
from fakefal.wire.faults import ABORT, abort
from fakefal_contracts.hosts import is_fal_host

T = TypeVar("T")


class Engine:
    """One emulator from `start` to `stop`.

    Args:
        emulator: the emulator.
        complain: gets a message for each call that is not emulated.
        failed: gets each exception of the emulator.
    """

    def __init__(
        self, emulator: Emulator, complain: Callable[[str], None], failed: Callable[[Exception], None]
    ) -> None:
        self.emulator = emulator
        self.app: ASGIApp = Watch(build_app(emulator), complain, failed, emulator.knows_app)
        self._thread = loop_thread()
        self._stack = AsyncExitStack()
        self._calls: dict[asyncio.Future[None], InProcessExchange | None] = {}
        self._connections: set[Callable[[], None]] = set()  # what kills each

    def start(self) -> None:
        """Start the emulator."""
        self.open(self.emulator.running())

    def stop(self) -> None:
        """Stop the emulator and all unfinished calls."""
        self.do(self._stop())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop of the emulator, and wait for it."""
        return self._thread.run(work)

    def open(self, context: AbstractAsyncContextManager[T]) -> T:
        """Enter a context manager on that loop; it is left when the engine stops."""
        return self.do(self._stack.enter_async_context(context))

    def listen(self) -> str:
        """Listen on a free port until `stop`; returns the base URL."""
        with explained():
            hosts = self.emulator.settings.own_hosts
            served = hosting(outlive(self.app), bind("127.0.0.1", 0), hosts=hosts, closing=self.emulator.close)
            return self.open(served).url

    def child_environment(self, key: str) -> dict[str, str]:
        """Listen for other programs until `stop`; returns the environment that redirects them here."""
        with explained():
            addresses = self.open(serving_child(outlive(self.app), closing=self.emulator.close))
        return child_environment(os.environ, addresses, key=key)

    def answers(self, host: str) -> bool:
        """Whether the emulator answers calls to this host."""
        return is_fal_host(host) or host == HOST

    def begin(self, call: InProcessCall) -> InProcessExchange:
        """Start answering a call; can be called from any thread."""
        exchange = InProcessExchange(self.app, self._thread.loop, call)
        self._thread.begin(self._answering(exchange))
        return exchange

    @contextmanager
    def leading(self, complain: Callable[[str], None]) -> Iterator[None]:
        """Redirect the socket connections of this process here while the block lasts, for any library.

        `complain` gets a message for each connection that another plugin refuses.
        """
        redirection = Redirection(self.answers, listener().destination)
        listener().add(self)
        install(redirection)
        try:
            with explained_connections(self.answers, complain):
                yield
        finally:
            uninstall(redirection)
            listener().remove(self)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call that came by a socket; its connection is dropped if the emulator stops meanwhile."""
        self._connections.add(scope["extensions"][ABORT])
        call = asyncio.ensure_future(self.app(scope, receive, send))
        self._calls[call] = None
        call.add_done_callback(self._calls.pop)
        try:
            await asyncio.wait((call,))
        except asyncio.CancelledError:
            call.cancel()
            raise
        if call.cancelled():
            abort(scope)
        else:
            call.result()

    async def _answering(self, exchange: InProcessExchange) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._calls[task] = exchange
        try:
            await exchange.run()
        finally:
            del self._calls[task]

    async def _stop(self) -> None:
        for task, exchange in self._calls.items():
            if exchange is None or not exchange.over:  # else it has answered, and only cleans up: it closes its file
                task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        for kill in self._connections:  # else a program would use it again, outside of the fake
            kill()
        if self._connections:
            await asyncio.sleep(0)  # they die at the loop's next turn
        await self._stack.aclose()
