"""The short way to the calls that come in masses: submit, status, its stream, result and cancel.

They are declared in `fakefal.wire.queue`, where FastAPI documents them and answers them in every form that
they may take.  Here the same functions are called with the same arguments, without a search through all routes
and without dependencies, which cost several times as much as the answer itself.  What is not plain (a web
page's call, an argument that has to be checked) takes the long way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.engine.emulator import Emulator
from fakefal.wire import queue
from fakefal.wire.answers import ANSWERS, known_answer, refusal, wire_answer
from fakefal.wire.auth import TOKEN
from fakefal_contracts.hosts import Part

QUEUE = f"/{Part.QUEUE}/"
REQUESTS = "requests"
CHECKED = b"fal_max_queue_length"
"""The one argument of these calls whose form FastAPI checks."""

INSTEAD = TOKEN.encode()
"""What a web page sends instead of a key."""

VARY = (b"vary", b"Origin")
"""What the long way says to callers without an origin: another answer would have other CORS headers."""

KNOWN = tuple(ANSWERS)

ABOUT_ONE: dict[tuple[str, ...], tuple[Callable[..., Awaitable[Response]], tuple[str, ...]]] = {
    ("GET", "status"): (queue.status, ("base_url", "logs")),
    ("GET", "status", "stream"): (queue.stream, ("base_url", "logs")),
    ("GET",): (queue.result, ("base_url",)),
    ("PUT", "cancel"): (queue.cancel, ()),
}
"""Calls about one request: what answers them, and what that wants to know."""


class Express:
    """Answers plain calls itself and passes all others on.

    Args:
        emulator: what answers.
        app: the long way.
    """

    def __init__(self, emulator: Emulator, app: ASGIApp) -> None:
        self._emulator = emulator
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, or have it answered."""
        call = self._call(scope, receive)
        if call is None:
            await self._app(scope, receive, send)
            return
        failed: Exception | None = None
        try:
            answer = await call
        except KNOWN as error:
            answer = await known_answer(self._emulator, error, scope)
        except Exception as error:  # noqa: BLE001 - raised again below, for the server's log
            answer, failed = wire_answer(refusal(500, "Internal Server Error"), self._emulator.new_id()), error
        answer.raw_headers.append(VARY)
        await answer(scope, receive, send)
        if failed is not None:
            raise failed

    def _call(self, scope: Scope, receive: Receive) -> Awaitable[Response] | None:
        """The call of a route's function that a plain call comes to."""
        if scope["type"] != "http" or not scope["path"].startswith(QUEUE):
            return None
        _, _, *segments = scope["path"].split("/")
        headers = dict(reversed(scope["headers"]))  # of two with one name the first counts
        if b"origin" in headers or "" in segments or INSTEAD in scope["query_string"]:
            return None
        match scope["method"], segments:
            case "POST", [owner, app, *rest] if REQUESTS not in rest and CHECKED not in scope["query_string"]:
                return self._submit(Request(scope, receive), headers, owner, app, "/".join(rest))
            case method, [owner, app, "requests", request_id, *rest] if (method, *rest) in ABOUT_ONE:
                route, wanted = ABOUT_ONE[method, *rest]
                scope["path_params"] = {"request_id": request_id}  # where errors look for it
                named = {name: _given(name, scope) for name in wanted}
                authorization = _text(headers, b"authorization")
                return route(
                    owner=owner,
                    app=app,
                    request_id=request_id,
                    emulator=self._emulator,
                    authorization=authorization,
                    **named,
                )
        return None

    def _submit(
        self, request: Request, headers: dict[bytes, bytes], owner: str, app: str, path: str
    ) -> Awaitable[Response]:
        return queue.submit(
            request,
            owner,
            app,
            self._emulator,
            request.scope["state"]["base_url"],
            path,
            authorization=_text(headers, b"authorization"),
            priority=_text(headers, b"x-fal-queue-priority") or "",
            webhook=request.query_params.get("fal_webhook") if request.scope["query_string"] else None,
        )


def _given(name: str, scope: Scope) -> Any:
    """What a route wants to know beside the request and its caller."""
    return scope["state"]["base_url"] if name == "base_url" else QueryParams(scope["query_string"]).get("logs", "0")


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")
