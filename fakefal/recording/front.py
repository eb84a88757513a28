"""The routing that proxy and replay share with the emulator: fal's hosts, the base URL, and ``/proxy``."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.core.ids import RANDOM_BITS, uuid7
from fakefal.version import VERSION
from fakefal.wire.answers import REQUEST_ID, Json, WireError
from fakefal.wire.cors import Cors
from fakefal.wire.proxy_route import ProxyRoute
from fakefal.wire.router import CONTROL, Router

Answer = Callable[[Request], Awaitable[Response]]


class _Endpoint:
    """Accepts any method and path; a class, because Starlette allows only GET for a function."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except WireError as error:
            response = Json(error.body, error.status, {REQUEST_ID: new_id()} | error.headers)
        await response(scope, receive, send)


def new_id() -> str:
    """A new request id in the format that fal has used since 2025."""
    return uuid7(time.time(), secrets.randbits(RANDOM_BITS))


def front(
    answer: Answer,
    what: str,
    *,
    living: Callable[[], AbstractAsyncContextManager[None]],
    public_url: str | None = None,
    cors: bool = False,
) -> ASGIApp:
    """An application that answers every call to a part of fal with `answer`.

    The base URL shows `what`.  The context `living` lasts as long as the application is served.  `cors` says whether
    web pages may call it, as at fal.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with living():
            yield

    async def ready(_: Request) -> Response:
        return Json({"ready": True, "fakefal": VERSION, "serves": what})

    about = [Route(path, ready) for path in ("/", f"/{CONTROL}/ready", f"/{CONTROL}/health")]
    app = Starlette(routes=[*about, Route("/{path:path}", _Endpoint(answer))], lifespan=lifespan)
    app.router.redirect_slashes = False
    return Router(ProxyRoute(Cors(app) if cors else app, {}), public_url=public_url)
