"""The host names that a server on loopback accepts.

A web page may give its own name the address 127.0.0.1 (DNS rebinding); the browser then takes this server for the
page's own and lets it read everything.  Only the Host header tells.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.wire.answers import HINT, Json, header_text
from fakefal_contracts.addresses import is_loopback
from fakefal_contracts.hosts import LONGEST_NETLOC, host_name, is_fal_host

LONGEST_SHOWN = 100

EXPOSED = "fakefal.exposed"
"""The ASGI extension that tells that the server listens beyond loopback, so other machines can call."""


class OwnHosts:
    """Accepts calls to loopback names, fal's host names and configured names; refuses all others.

    Args:
        app: the application that answers.
        named: the configured names.
    """

    def __init__(self, app: ASGIApp, named: Collection[str]) -> None:
        self._app = app
        self._named = named

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass a call on as it is, without a frame of its own."""
        if scope["type"] == "lifespan":
            return self._app(scope, receive, send)
        for name, value in scope["headers"]:
            if name == b"host":
                host = _host(value[:LONGEST_NETLOC])
                if host in self._named or _is_own(host):
                    return self._app(scope, receive, send)
                return _refusal(host)(scope, receive, send)
        return _refusal("")(scope, receive, send)


@lru_cache(maxsize=256)
def _host(header: bytes) -> str:
    return host_name(header.decode("latin-1"))


@lru_cache(maxsize=256)
def _is_own(host: str) -> bool:
    return is_loopback(host) or is_fal_host(host)


def _refusal(host: str) -> Json:
    """The answer for another host name; it says what to change."""
    text = (
        f"fakefal does not answer to the Host {host[:LONGEST_SHOWN]!r}: "
        "add the name to the setting hosts, or give --public-url, if you reach it by this name"
    )
    return Json({"detail": text}, 403, {HINT: header_text(text)})
