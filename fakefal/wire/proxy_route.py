"""``/proxy``: fal's proxy protocol, which the JavaScript client uses with `proxyUrl`.

The header ``x-fal-target-url`` has the target.  Like @fal-ai/server-proxy 1.2.1, it answers 400 if the target is
missing or not at fal, and adds its own key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from urllib.parse import unquote, urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.wire.answers import HINT, Json, header_text
from fakefal.wire.own_hosts import EXPOSED
from fakefal.wire.recorder import PROXY, TARGET, Headers, record_target
from fakefal_contracts.hosts import host_name, is_fal_host, part_of

NO_KEY = (
    "fakefal: beyond loopback /proxy does not lend its key: send an Authorization header of your own, or set open_proxy"
)
PROXY_KEY = ("fakefal-proxy", "not-a-real-key")


class ProxyRoute:
    """Turns a call of ``/proxy`` into the call of its target header.

    Args:
        app: the application that answers.
        keys: the configured keys; the first is the key of the proxy.
        lends_key: whether callers without a key get the proxy's key even if the server listens beyond loopback.
    """

    def __init__(self, app: ASGIApp, keys: Mapping[str, str], *, lends_key: bool = False) -> None:
        self._app = app
        self._asks_key = bool(keys) and not lends_key
        key_id, secret = next(iter(keys.items()), PROXY_KEY)
        self._key = f"Key {key_id}:{secret}".encode()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the call on under its real path; other calls as they are, without a frame of its own."""
        proxied = scope["type"] == "http" and scope["path"] == PROXY and scope["method"] != "OPTIONS"
        return (self._proxied if proxied else self._app)(scope, receive, send)

    async def _proxied(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = scope["state"]["headers"]
        try:
            target = urlsplit(headers.get(TARGET, b"").decode("ascii"))
        except (UnicodeDecodeError, ValueError):
            target = urlsplit("")
        name = host_name(target.netloc)
        part = part_of(name) if is_fal_host(name) else None
        if part is None:
            await PlainTextResponse("Invalid request", 400)(scope, receive, send)
            return
        if self._asks_key and b"authorization" not in headers and EXPOSED in scope.get("extensions", {}):
            await Json({"detail": NO_KEY}, 401, {HINT: header_text(NO_KEY)})(scope, receive, send)
            return
        path = f"/{part}{unquote(target.path)}".rstrip("/")
        authorization = headers.get(b"authorization", self._key)
        record_target(scope, part, path, authorization)
        kept = [(key, value) for key, value in scope["headers"] if key not in (TARGET, b"authorization")]
        scope["state"]["headers"] = {**headers, b"authorization": authorization}
        inner = {
            **scope,
            "path": path,
            "raw_path": f"/{part}{target.path}".encode("ascii"),
            "query_string": target.query.encode("ascii"),
            "headers": [*kept, (b"authorization", authorization)],
        }
        await self._app(inner, receive, send)
