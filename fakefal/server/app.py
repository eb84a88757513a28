"""The ASGI application: fal's hosts and the control API in front of one emulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.routing import Router as Lifespan
from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.engine.emulator import Emulator
from fakefal.server.express import Express
from fakefal.wire.proxy_route import ProxyRoute
from fakefal.wire.recorder import JournalRecorder
from fakefal.wire.router import Router
from fakefal.wire.stoppable import Stoppable

if TYPE_CHECKING:
    from fakefal.wire.nearmiss import NearMisses


def build_app(emulator: Emulator) -> ASGIApp:
    """The application for one emulator; its lifespan keeps the emulator running."""
    return Router(
        Stoppable(emulator, ProxyRoute(Express(emulator, LongWay(emulator)), emulator.settings.keys)),
        JournalRecorder(emulator, _near_misses),
        public_url=emulator.settings.public_url,
    )


class LongWay:
    """The long way.  It is made while the server listens already, or by the first call of it: FastAPI takes long.

    Args:
        emulator: what answers, and runs while the lifespan lasts.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._lifespan = Lifespan(lifespan=self._running)
        self._made: asyncio.Future[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, once there is something that can."""
        app = self._lifespan if scope["type"] == "lifespan" else await asyncio.shield(self._making())
        await app(scope, receive, send)

    @asynccontextmanager
    async def _running(self, _: object) -> AsyncIterator[None]:
        async with self._emulator.running():
            making = self._making()
            yield
            await asyncio.wait((making,))

    def _making(self) -> asyncio.Future[ASGIApp]:
        made = self._made
        if made is None or (made.done() and (made.cancelled() or made.exception() is not None)):
            self._made = asyncio.ensure_future(asyncio.to_thread(_long_way, self._emulator))
            return self._made
        return made


def _long_way(emulator: Emulator) -> ASGIApp:
    from fakefal.server.longway import long_way

    return long_way(emulator)


def _near_misses() -> NearMisses:
    from fakefal.server.longway import near_misses

    return near_misses()
