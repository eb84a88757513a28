"""Ends calls whose bodies stall while the server stops."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fakefal.engine.emulator import Emulator
from fakefal.wire.faults import ARRIVED

BODILESS = ("GET", "HEAD")


class Stoppable:
    """Passes calls on; a call that waits for its body while the emulator stops gets `Stopping`.

    Args:
        emulator: the emulator.
        app: the application that answers.
    """

    def __init__(self, emulator: Emulator, app: ASGIApp) -> None:
        self._emulator = emulator
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass a call on; one whose body has come, or that has none, as it is and without a frame of its own."""
        arrived = scope.get("extensions", {}).get(ARRIVED, False)
        if arrived or scope["type"] != "http" or scope["method"] in BODILESS:
            return self._app(scope, receive, send)
        whole = False

        async def part() -> Message:
            nonlocal whole
            if whole:
                return await receive()
            message = await self._emulator.unless_stopping(receive())
            whole = not message.get("more_body", False)
            return message

        return self._app(scope, part, send)
