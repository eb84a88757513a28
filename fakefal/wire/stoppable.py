"""Bodies that stall while the server stops are given up, so that nobody has to wait for them."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fakefal.emulator import Emulator


class Stoppable:
    """Passes calls on; who still waits for a part of a body when the emulator stops gets `Stopping` instead.

    Args:
        emulator: whose stop counts.
        app: what answers.
    """

    def __init__(self, emulator: Emulator, app: ASGIApp) -> None:
        self._emulator = emulator
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on."""
        whole = scope["type"] != "http"

        async def part() -> Message:
            nonlocal whole
            if whole:
                return await receive()
            message = await self._emulator.unless_stopping(receive())
            whole = not message.get("more_body", False)
            return message

        await self._app(scope, part, send)
