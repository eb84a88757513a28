"""The long way: every call as FastAPI answers and documents it.  `fakefal.server.express` is the short one."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import FastAPI
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from fakefal.control import api as control
from fakefal.control import inspection
from fakefal.engine.emulator import Emulator
from fakefal.platform_api import elsewhere
from fakefal.version import VERSION
from fakefal.wire import cdn, queue, realtime, rest, site, synchronous
from fakefal.wire.answers import add_handlers
from fakefal.wire.cors import Cors
from fakefal.wire.nearmiss import NearMisses

PARTS = (*(part.router for part in (queue, synchronous, rest, realtime, cdn, site)), *elsewhere.PLATFORM)
"""What is fal's; the rest is the developer's, or not emulated."""


def long_way(emulator: Emulator) -> ASGIApp:
    """The application of all routes for one emulator."""
    app = _Application(title="fakefal", version=VERSION, redirect_slashes=False, redoc_url=None, docs_url=None)
    app.state.emulator = emulator
    add_handlers(app, emulator.new_id, _allowed)
    app.router.routes.extend(_routes())
    app.router.default = elsewhere.nowhere
    return Cors(app, emulator.settings.origins)


@cache
def near_misses() -> NearMisses:
    """What finds the address that a wrong one almost names."""
    return NearMisses(route for router in PARTS for route in router.routes)


class _Application(FastAPI):
    """FastAPI with the emulator's own document, which is made when somebody asks for it."""

    def openapi(self) -> dict[str, Any]:
        """The document; made once."""
        if self.openapi_schema is None:
            from fakefal.document.build import document

            self.openapi_schema = document(self.routes, self.state.emulator)
        return self.openapi_schema


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
