"""Calls that a test should not make: they are noted, whatever the program makes of their answers."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from fakefal.wire.answers import HINT
from fakefal_contracts.hosts import host_name

BAD_REQUEST, NOT_FOUND, NOT_EMULATED = 400, 404, 501
ADVICE = "(strict=False, in the marker or for Fakefal, allows such calls)"


class UnexpectedCall(AssertionError):
    """The program called what the emulator does not have."""


class Watch:
    """Passes calls on to an application, and complains of those that it has no answer for.

    Args:
        app: who answers.
        complain: is told of every such call, in words.
    """

    def __init__(self, app: ASGIApp, complain: Callable[[str], None]) -> None:
        self._app = app
        self._complain = complain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call.  Of a server's start and end the application is not told: it lives longer."""
        if scope["type"] == "lifespan":
            for phase in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{phase}.complete"})
            return
        await self._app(scope, receive, _Sent(scope, send, self._complain).send)


class _Sent:
    """What is sent on one connection.  It knows the transport, as the server's own object does."""

    def __init__(self, scope: Scope, send: Send, complain: Callable[[str], None]) -> None:
        self.transport = getattr(getattr(send, "__self__", None), "transport", None)
        self._scope = scope
        self._send = send
        self._complain = complain

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and _is_unknown(self._scope["method"], message["status"]):
            hints = [value.decode("latin-1") for name, value in message["headers"] if name == HINT.encode()]
            if hints:
                self._complain(f"{_shown(self._scope)} was answered {message['status']}: {hints[0]}")
        await self._send(message)


def _is_unknown(method: str, status: int) -> bool:
    """An unknown host, part, endpoint or application, or an effect that does not exist; with a hint, each of them."""
    return status in (BAD_REQUEST, NOT_EMULATED) or (status == NOT_FOUND and method == "POST")


def _shown(scope: Scope) -> str:
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return f"{scope['method']} {scope['scheme']}://{host_name(hosts[0]) if hosts else ''}{scope['path']}"
