"""The calls that FastAPI answers and documents: control API, Platform API, files, and the document of all calls."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.control import api as control
from fakefal.control import details, gallery, inspection, job_list, page, spending, workbench
from fakefal.engine.emulator import Emulator
from fakefal.platform_api import elsewhere
from fakefal.platform_api.forms import platform_refusal
from fakefal.server.table import ROUTES
from fakefal.version import VERSION
from fakefal.wire import cdn, realtime, rest, site
from fakefal.wire.answers import (
    ANSWERS,
    WireError,
    known_answer,
    no_access,
    refusal,
    wire_answer,
)
from fakefal_contracts.hosts import Part

CONTROLS = tuple(part.router for part in (control, inspection, spending, job_list, details, gallery, workbench, page))
"""The calls for the developer that FastAPI answers."""

PARTS = (*(part.router for part in (rest, realtime, cdn, site)), *elsewhere.PLATFORM)
"""The calls of fal's that FastAPI answers."""

OF_FAL = [one for part in PARTS for one in part.routes]
_EVERY = [*ROUTES, *(one for part in (*PARTS, *CONTROLS) for one in part.routes)]


def documented(emulator: Emulator) -> ASGIApp:
    """The application of these calls for one emulator."""
    app = _Application(title="fakefal", version=VERSION, redirect_slashes=False, redoc_url=None, docs_url=None)
    app.state.emulator = emulator
    _add_handlers(app, emulator)
    app.router.routes.extend(routes())
    app.router.default = _nowhere
    return app


class _Application(FastAPI):
    """FastAPI with the emulator's own document, built on demand."""

    def openapi(self) -> dict[str, Any]:
        """The document; built once."""
        if self.openapi_schema is None:
            from fakefal.document.build import document

            self.openapi_schema = document(self.routes, self.state.emulator)
        return self.openapi_schema


@cache
def routes() -> list[BaseRoute]:
    """All routes. They do not depend on an emulator, so applications share them: FastAPI takes long to build them."""
    app = FastAPI(redirect_slashes=False, openapi_url=None)

    for router in (*PARTS, *CONTROLS):
        app.include_router(router)
    return app.router.routes


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a call without a route: 405 if the table has the address, otherwise "not emulated".

    Raises:
        WireError: 405 or 501, in the form of its host.
    """
    if _allowed(scope["path"]):
        raise _wrong_method(Request(scope))
    await elsewhere.nowhere(scope, receive, send)


def _allowed(path: str) -> list[str]:
    """The methods of an address, from its most specific routes."""
    found = [route for route in _EVERY if isinstance(route, Route) and route.path_regex.match(path)]
    said = max((_words(route) for route in found), default=0)
    return sorted({method for route in found if _words(route) == said for method in route.methods or ()})


def _words(route: Route) -> int:
    """The number of literal segments in a route's address."""
    return sum("{" not in segment for segment in route.path.split("/"))


def _wrong_method(request: Request) -> WireError:
    """405 in the form of its host, with all methods of the address; starlette names those of one route only."""
    part, *rest = request.url.path.strip("/").split("/")
    if part in (Part.QUEUE, Part.RUN) and not request.headers.get("authorization"):
        return no_access("/".join(rest[:2]))  # the key is checked before the method (probe of September 2026)
    make = platform_refusal if part == Part.PLATFORM else refusal
    error = make(HTTPStatus.METHOD_NOT_ALLOWED, "Method Not Allowed")
    error.headers["allow"] = ", ".join(_allowed(request.url.path))
    return error


def _add_handlers(app: FastAPI, emulator: Emulator) -> None:
    """Answer every error of the table, and those of FastAPI, in fal's form."""

    def answer(request: Request, error: WireError) -> Response:
        return wire_answer(error, request.path_params.get("request_id") or emulator.new_id())

    async def known(request: Request, error: Exception) -> Response:
        return await known_answer(emulator, error, request.scope)

    async def framework(request: Request, error: Exception) -> Response:
        http = cast("HTTPException", error)
        if http.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            return answer(request, _wrong_method(request))
        return answer(request, refusal(http.status_code, str(http.detail), headers=http.headers))

    async def unforeseen(request: Request, error: Exception) -> Response:  # noqa: ARG001 - starlette logs it
        return answer(request, refusal(500, "Internal Server Error"))

    async def invalid(request: Request, error: Exception) -> Response:
        """FastAPI's own form without the input, which may hold values that JSON cannot."""
        errors = cast("RequestValidationError", error).errors()
        items = [{name: item[name] for name in ("type", "loc", "msg")} for item in errors]
        return answer(request, WireError(422, {"detail": items}))

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unforeseen)
    for kind in ANSWERS:
        app.add_exception_handler(kind, known)
    app.add_exception_handler(HTTPException, framework)
