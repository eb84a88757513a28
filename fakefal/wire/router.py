"""The router: which part of the emulator a call is for, by host name or by path prefix.

After this, every call has a path that starts with the part's prefix and no slash at its end, and
`request.state` says how addresses in its answer must lead back (`base_url`), and has its headers by name (`headers`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.wire.answers import HINT, Json, header_text
from fakefal.wire.recorder import Headers, JournalRecorder
from fakefal_contracts.hosts import HOSTS, LONGEST_NETLOC, BaseUrl, Part, host_name, is_fal_host, part_of

CONTROL = "_fakefal"
OWN = frozenset({CONTROL, "openapi.json", ""})
"""What is the developer's, not fal's: it is not journalled.  The empty one is the page's."""

PREFIXES = frozenset(Part) | OWN | {"proxy"}


class Router:
    """Maps fal's hosts to parts.  Bare paths on an own host stand for fal.run, or the queue.

    Args:
        app: what answers.
        recorder: keeps the journal, where there is one.
        public_url: the base of addresses in answers, for those who came by an own host.
        media_base: tells where those find files who came by a host of fal's; None stands for fal's CDN.
    """

    def __init__(
        self,
        app: ASGIApp,
        recorder: JournalRecorder | None = None,
        *,
        public_url: str | None = None,
        media_base: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._media_base = media_base
        self._app = app
        self._recorder = recorder
        self._public_url = public_url.rstrip("/") if public_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the call and pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers: Headers = dict(reversed(scope["headers"]))  # of two with one name the first counts
        netloc, name, of_fal = _host(headers.get(b"host", b"")[:LONGEST_NETLOC])
        state = scope.setdefault("state", {})
        state["headers"] = headers
        app = self._app
        part: str | None
        given = scope["path"]
        if not given.startswith("/"):  # "*" and whole addresses may stand there, too
            given = f"/{given}"
        if of_fal:
            state["base_url"] = _base_url(None, self._media_base())
            part = part_of(name)
            path = given
            if part is None:
                app = _unknown_host(name)
            else:
                path = f"/{part}{given}"
        else:
            state["base_url"] = _base_url(self._public_url or f"{scope['scheme']}://{netloc}")
            path, part = _own_place(given, name)
            state["bare"] = part == Part.RUN and path != given
        if b"transfer-encoding" in headers or len(headers) < len(scope["headers"]):
            app = _refused(headers, scope) or app
        path = path.rstrip("/") or "/"
        if part not in OWN and _is_socket(headers):
            app = _no_socket(path)
            state["socket"] = True
        if path != scope["path"]:
            scope = {**scope, "path": path, "raw_path": path.encode("utf-8", "surrogateescape")}
        if self._recorder is not None and scope["type"] == "http" and part not in OWN:
            await self._recorder.record(app, scope, receive, send, part or "", headers)
        else:
            await app(scope, receive, send)


@lru_cache(maxsize=256)
def _host(header: bytes) -> tuple[str, str, bool]:
    """A Host header as a text, the name in it, and whether that is one of fal's."""
    netloc = header.decode("latin-1")
    name = host_name(netloc)
    return netloc, name, is_fal_host(name)


@lru_cache(maxsize=256)
def _base_url(base: str | None, media_base: str | None = None) -> BaseUrl:
    """The way of callers: one object for all who come so, since each request keeps its own's."""
    return BaseUrl(base, media_base)


def _own_place(path: str, name: str) -> tuple[str, str]:
    """A path on an own host, and its part; what has no known prefix is what `FAL_RUN_HOST` leads here."""
    first = path.lstrip("/").partition("/")[0]
    if first in PREFIXES:
        return path, first
    part = Part.QUEUE if name.startswith("queue.") else Part.RUN
    return f"/{part}{path}", part


def _refused(headers: Headers, scope: Scope) -> ASGIApp | None:
    """What refuses a call that two servers in a row could read as two different ones (RFC 9112, sections 3.2 and 6).

    h11 refuses most of them itself, httptools does not.
    """
    encoding = headers.get(b"transfer-encoding")
    if encoding is not None and b"content-length" in headers:
        return _closing("a call has Content-Length or Transfer-Encoding, not both", HTTPStatus.BAD_REQUEST)
    if encoding is not None and encoding.strip().lower() != b"chunked":
        return _closing("the only Transfer-Encoding is chunked", HTTPStatus.NOT_IMPLEMENTED)
    if sum(name == b"host" for name, _ in scope["headers"]) > 1:
        return _closing("a call has one Host", HTTPStatus.BAD_REQUEST)
    return None


def _closing(detail: str, status: HTTPStatus) -> ASGIApp:
    return Json({"detail": f"fakefal: {detail}"}, status, {"connection": "close"})


def _is_socket(headers: Headers) -> bool:
    wanted = headers.get(b"upgrade")
    if wanted is None:
        return False
    wanted = wanted.lower()
    return b"websocket" in wanted and b"websocket" in (one.strip() for one in wanted.split(b","))


def no_socket(path: str) -> str:
    """What is said to who wants a websocket, by the path behind its part."""
    return f"fakefal does not emulate the realtime socket of {path}; use the queue or fal.run"


def _no_socket(path: str) -> Json:
    """The answer to every websocket, before anything else: 401 or 405 would send people after their keys."""
    detail = no_socket(path.lstrip("/").partition("/")[2].removesuffix("/realtime"))
    return Json({"detail": detail}, 501, {HINT: header_text(detail)})


def _unknown_host(name: str) -> Json:
    hint = f"fakefal does not emulate {name}, and sent nothing to it"
    return Json({"detail": f"{hint}; emulated are: {', '.join(HOSTS)}"}, 501, {HINT: header_text(hint)})
