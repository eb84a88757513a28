"""CORS: which web pages may call, and the headers for their browsers."""

from __future__ import annotations

from collections.abc import Awaitable, Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.settings import ANY_ORIGIN
from fakefal.wire.origins import is_allowed, refuse_page
from fakefal.wire.router import CONTROL

EXPOSED_HEADERS = ("*", "x-fal-request-id", "x-fal-billable-units", "x-fal-error-type", "x-fakefal-hint", "etag")


class Cors:
    """Web pages may call the emulated hosts of fal, but not the control API or the page.

    Args:
        app: the application that answers.
        origins: further origins that may call.
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

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Add CORS headers, or not; refuse pages that may not call."""
        if b"origin" not in scope.get("state", {}).get("headers", ()):
            return self._app(scope, receive, send)
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        if scope["path"] == "/" or scope["path"].startswith(f"/{CONTROL}"):
            inner: ASGIApp = self._app
        elif all(is_allowed(origin, self._origins) for origin in origins):
            inner = self._open
        else:
            inner = refuse_page
        return inner(scope, receive, send)
