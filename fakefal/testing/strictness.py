"""Calls that a test should not make: they are noted, whatever the program makes of their answers."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fakefal.state.journal import APP_SEGMENTS, JournalEntry
from fakefal.wire.answers import HINT
from fakefal.wire.nearmiss import APPS
from fakefal_contracts.hosts import host_name

ADVICE = "(with strict=False, in the marker or for Fakefal, no test fails for it; names stay unknown all the same)"


class UnexpectedCall(AssertionError):
    """The program called what the emulator does not have."""


class Watch:
    """Passes calls on to an application, and complains of those that it has no answer for.

    Args:
        app: who answers.
        complain: is told of every such call, in words.
        failed: is told of what the application raised.
    """

    def __init__(self, app: ASGIApp, complain: Callable[[str], None], failed: Callable[[Exception], None]) -> None:
        self._app = app
        self._complain = complain
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and (why := _unknown(scope, message)):
                self._complain(f"{_shown(scope)} was answered {message['status']}: {why}")
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as error:
            self._failed(error)
            raise


def outlive(app: ASGIApp) -> ASGIApp:
    """An application that is not told of a server's start and end: it lives longer."""

    async def alive(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})

    return alive


def _unknown(scope: Scope, message: Message) -> str:
    """Which host, part, endpoint, application or effect there is none of; empty where nothing is unknown."""
    status = message["status"]
    call: JournalEntry | None = scope.get("state", {}).get("call")
    if status >= HTTPStatus.BAD_REQUEST and call is not None and _is_of_another_app(call):
        return f"fakefal emulates {', '.join(sorted(APPS))}"
    unknown = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_IMPLEMENTED)
    if status in unknown or (status == HTTPStatus.NOT_FOUND and scope["method"] == "POST"):
        hints = (value.decode("latin-1") for name, value in message["headers"] if name == HINT.encode())
        return next(hints, "")
    return ""


def _is_of_another_app(call: JournalEntry) -> bool:
    """Whether the address names an application that is not emulated, whatever is asked of it."""
    app = "/".join(call.endpoint.split("/")[:APP_SEGMENTS])
    return bool(app) and app not in APPS


def _shown(scope: Scope) -> str:
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return f"{scope['method']} {scope['scheme']}://{host_name(hosts[0]) if hosts else ''}{scope['path']}"
