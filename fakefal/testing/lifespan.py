"""Runs the lifespan of an ASGI application, as a server does, on asyncio and Trio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@asynccontextmanager
async def started(app: ASGIApp) -> AsyncIterator[ASGIApp]:
    """Start an application for a block; the returned application has the state of the lifespan.

    An application without a lifespan is used as it is: it raises or returns before it reports that it has started.

    Raises:
        Exception: the error of an application that failed to start.
    """
    run = _Run(app)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run.run)
            await run.answered.wait()
            if run.failure is not None:
                raise run.failure
            try:
                yield run.with_state
            finally:
                run.ending.set()
    except BaseExceptionGroup as group:  # the task group packs up what the block or the application raised
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise


class _Run:
    """One run of a lifespan."""

    def __init__(self, app: ASGIApp) -> None:
        self.answered, self.ending = anyio.Event(), anyio.Event()
        self.failure: Exception | None = None
        self._app = app
        self._state: dict[str, Any] = {}
        self._asked = self._started = False

    async def run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        try:
            await self._app(scope, self._receive, self._send)
        except Exception as error:
            if self._started:
                raise
            if self.failure is not None:  # else it knows no start
                self.failure = error
        finally:
            self.answered.set()

    async def with_state(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "state": self._state.copy()}, receive, send)

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "lifespan.startup"}
        await self.ending.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            self.failure = RuntimeError(f"the application did not start: {message.get('message', '')}")
        if message["type"] == "lifespan.startup.complete":
            self._started = True
            self.answered.set()
