"""The ASGI application: fal's hosts and the control API in front of one emulator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.control import api as control
from fakefal.control import inspection
from fakefal.emulator import Emulator
from fakefal.settings import ANY_ORIGIN
from fakefal.version import VERSION
from fakefal.wire import cdn, elsewhere, queue, realtime, rest, run, site
from fakefal.wire.answers import add_handlers
from fakefal.wire.express import Express
from fakefal.wire.nearmiss import NearMisses
from fakefal.wire.origins import is_allowed, refuse_page
from fakefal.wire.proxy import ProxyRoute
from fakefal.wire.recorder import Recorder
from fakefal.wire.router import CONTROL, Router
from fakefal.wire.stoppable import Stoppable

PARTS = (*(part.router for part in (queue, run, rest, realtime, cdn, site)), *elsewhere.PLATFORM)
"""What is fal's; the rest is the developer's, or not emulated."""

EXPOSED_HEADERS = ("*", "x-fal-request-id", "x-fal-billable-units", "x-fal-error-type", "x-fakefal-hint", "etag")


def build_app(emulator: Emulator) -> ASGIApp:
    """The application for one emulator; its lifespan keeps the emulator running."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with emulator.running():
            yield

    app = _Application(
        title="fakefal", version=VERSION, lifespan=lifespan, redirect_slashes=False, redoc_url=None, docs_url=None
    )
    app.state.emulator = emulator
    add_handlers(app, emulator.new_id, _allowed)

    app.router.routes.extend(_routes())
    app.router.default = elsewhere.nowhere
    return Router(
        Stoppable(
            emulator, ProxyRoute(Express(emulator, Cors(app, emulator.settings.origins)), emulator.settings.keys)
        ),
        Recorder(emulator, _near_misses()),
        public_url=emulator.settings.public_url,
    )


class _Application(FastAPI):
    """FastAPI with the emulator's own document, which is made when somebody asks for it."""

    def openapi(self) -> dict[str, Any]:
        """The document; made once."""
        if self.openapi_schema is None:
            from fakefal.document.build import document

            self.openapi_schema = document(self.routes, self.state.emulator)
        return self.openapi_schema


@cache
def _near_misses() -> NearMisses:
    return NearMisses(route for router in PARTS for route in router.routes)


def _allowed(path: str) -> list[str]:
    """The methods of an address, by the routes that say most of it."""
    every = (route for router in (*PARTS, control.router, inspection.router) for route in router.routes)
    found = [route for route in every if isinstance(route, Route) and route.path_regex.match(path)]
    said = max((_words(route) for route in found), default=0)
    return sorted({method for route in found if _words(route) == said for method in route.methods or ()})


def _words(route: Route) -> int:
    """How many segments of its address a route names."""
    return sum("{" not in segment for segment in route.path.split("/"))


@cache
def _routes() -> list[BaseRoute]:
    """All routes.  They know no emulator, so that applications share them: FastAPI takes long to build them."""
    app = FastAPI(redirect_slashes=False, openapi_url=None)

    @app.get("/", include_in_schema=False)
    async def front() -> dict[str, str]:
        """What a browser sees at the base URL."""
        return {
            "fakefal": VERSION,
            "parts": "/queue /run /rest /cdn /platform /site /proxy",
            "document": "/openapi.json",
        }

    for router in (*PARTS, control.router, inspection.router):
        app.include_router(router)
    return app.router.routes


class Cors:
    """Web pages may call what fal's hosts serve, none may call the control API.

    Args:
        app: what answers.
        origins: the pages beyond this machine that may call.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str] = (ANY_ORIGIN,)) -> None:
        self._app = app
        self._origins = origins
        self._open = CORSMiddleware(
            app,
            allow_origin_regex=".*",
            allow_methods=["*"],
            allow_headers=["*"],
            allow_credentials=True,
            expose_headers=EXPOSED_HEADERS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add CORS headers, or not; refuse pages that may not call."""
        if scope.get("path", "").startswith(f"/{CONTROL}"):
            inner = self._app
        elif all(is_allowed(origin, self._origins) for origin in _origins(scope)):
            inner = self._open
        else:
            inner = refuse_page
        await inner(scope, receive, send)


def _origins(scope: Scope) -> Iterator[str]:
    """The origins that a call names: one, where it comes from a web page."""
    return (value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"origin")
