"""Reports calls that a test should not make, even if the program ignores their answers."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fakefal.state.journal import APP_SEGMENTS, JournalEntry
from fakefal.wire.answers import HINT
from fakefal_contracts.hosts import host_name

ADVICE = (
    "(to allow such calls, mark the test with @pytest.mark.fakefal(strict=False), or create Fakefal(strict=False); "
    "names of fal's hosts still do not resolve)"
)


class UnexpectedCall(AssertionError):
    """The program called something that is not emulated."""


class Watch:
    """Passes calls to an application, and reports those that it does not emulate.

    Args:
        app: the application that answers.
        complain: gets a message for every such call.
        failed: gets each exception of the application.
        knows_app: whether an application of fal exists, by owner and name.
    """

    def __init__(
        self,
        app: ASGIApp,
        complain: Callable[[str], None],
        failed: Callable[[Exception], None],
        knows_app: Callable[[str], bool],
    ) -> None:
        self._app = app
        self._complain = complain
        self._failed = failed
        self._knows_app = knows_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and (why := self._unknown(scope, message)):
                self._complain(f"{_shown(scope)} was answered {message['status']}: {why}")
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as error:
            self._failed(error)
            raise

    def _unknown(self, scope: Scope, message: Message) -> str:
        """The unknown host, part, model, application or effect of a call; empty if everything is known."""
        status = message["status"]
        call: JournalEntry | None = scope.get("state", {}).get("call")
        app = "/".join(call.endpoint.split("/")[:APP_SEGMENTS]) if call is not None else ""
        unknown = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_IMPLEMENTED)
        if status in unknown or (status == HTTPStatus.NOT_FOUND and scope["method"] == "POST"):
            hints = (value.decode("latin-1") for name, value in message["headers"] if name == HINT.encode())
            if hint := next(hints, ""):
                return hint
        if status >= HTTPStatus.BAD_REQUEST and app and not self._knows_app(app):
            return f"fakefal knows no model of {app}"
        return ""


def outlive(app: ASGIApp) -> ASGIApp:
    """An application without a lifespan: it lives longer than the server."""

    async def alive(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})

    return alive


def _shown(scope: Scope) -> str:
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return f"{scope['method']} {scope['scheme']}://{host_name(hosts[0]) if hosts else ''}{scope['path']}"
