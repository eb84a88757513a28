"""Routes whose JSON bodies FastAPI validates, with the same limits as in the queue."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from typing_extensions import override

from fakefal.engine.emulator import Emulator
from fakefal.state import jsonio
from fakefal.wire.answers import WireError
from fakefal.wire.body import decoded, read_body


class JsonRoute(APIRoute):
    """A route with limits for its body, which FastAPI does not have."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, with another way to read bodies."""
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            return await answer(_JsonRequest(request.scope, request.receive))

        return handler


class _JsonRequest(Request):
    """Reads a body once; refusals are in the classes that FastAPI lets pass."""

    _body: bytes

    @override
    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            emulator: Emulator = self.app.state.emulator
            try:
                self._body = await read_body(self.receive, emulator.settings.max_body_bytes)
            except WireError as error:
                raise _passing(error) from error
        return self._body

    @override
    async def json(self) -> Any:
        emulator: Emulator = self.app.state.emulator
        raw = await self.body()
        try:
            return await decoded(raw, emulator.settings.max_json_bytes)
        except jsonio.InvalidJson as error:
            raise json.JSONDecodeError(error.reason, "", error.position) from error
        except WireError as error:
            raise _passing(error) from error


def _passing(error: WireError) -> HTTPException:
    return HTTPException(error.status, error.body["detail"], error.headers)
