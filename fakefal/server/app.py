"""The ASGI application of one emulator: all layers between the socket and the function that answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from starlette.routing import BaseRoute
from starlette.routing import Router as Lifespan
from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.engine.emulator import Emulator
from fakefal.server.table import OF_APPLICATIONS, PlainCalls
from fakefal.wire.cors import Cors
from fakefal.wire.nearmiss import NearMisses
from fakefal.wire.proxy_route import ProxyRoute
from fakefal.wire.recorder import JournalRecorder
from fakefal.wire.router import Router
from fakefal.wire.stoppable import Stoppable


def build_app(emulator: Emulator, layer: Callable[[ASGIApp], ASGIApp] = lambda app: app) -> ASGIApp:
    """The application for one emulator; its lifespan runs the emulator.

    `layer` is one more layer, placed where it knows which part a call is for and where the journal sees its answers.

    A call passes these layers, in this order:

    1. `Router` turns host or prefix into a part and a path, so that the other layers know one form of address.
    2. `JournalRecorder` records the call under that address, with its outcome.
    3. `Stoppable` aborts request bodies that stall while the server stops.
    4. `ProxyRoute` turns ``/proxy`` into the call that it names, which is then handled like any other.
    5. `Cors` refuses foreign web pages before anything changes.
    6. `PlainCalls` answers the calls in its table with plain functions.
    7. `Documented` answers all other calls with FastAPI.

    A layer that changes a header must change it twice: in the call's list, and by name in the result of `Router`.
    """
    app: ASGIApp = PlainCalls(emulator, Documented(emulator))
    app = layer(Cors(app, emulator.settings.origins))
    app = Stoppable(emulator, ProxyRoute(app, emulator.settings.keys, lends_key=emulator.settings.open_proxy))
    return Router(
        app,
        JournalRecorder(emulator, NearMisses(OF_APPLICATIONS, _documented_routes, emulator.catalogue)),
        public_url=emulator.settings.public_url,
        media_base=lambda: emulator.media_base,
    )


class Documented:
    """The calls that FastAPI answers. FastAPI takes long to import, so a thread imports it at the first such call.

    Args:
        emulator: answers, and runs during the lifespan.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._lifespan = Lifespan(lifespan=self._running)
        self._made: asyncio.Future[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, once the application is loaded."""
        app = self._lifespan if scope["type"] == "lifespan" else await asyncio.shield(self._making())
        await app(scope, receive, send)

    @asynccontextmanager
    async def _running(self, _: object) -> AsyncIterator[None]:
        async with self._emulator.running():
            yield
            if self._made is not None:
                await asyncio.wait((self._made,))

    def _making(self) -> asyncio.Future[ASGIApp]:
        """The application, made once; after a failure the next call tries again."""
        made = self._made
        if made is None or (made.done() and (made.cancelled() or made.exception() is not None)):
            made = self._made = asyncio.ensure_future(asyncio.to_thread(_documented, self._emulator))
        return made


def _documented(emulator: Emulator) -> ASGIApp:
    from fakefal.server.documented import documented

    return documented(emulator)


def _documented_routes() -> Iterable[BaseRoute]:
    from fakefal.server.documented import OF_FAL

    return OF_FAL
