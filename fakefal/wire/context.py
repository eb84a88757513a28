"""What route functions ask for: the emulator, the way the caller came, its key."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Header, Query, Request

from fakefal.engine.emulator import Emulator
from fakefal.wire.auth import TOKEN
from fakefal_contracts.hosts import BaseUrl


async def _emulator(request: Request) -> Emulator:
    return cast("Emulator", request.app.state.emulator)


async def _base_url(request: Request) -> BaseUrl:
    return cast("BaseUrl", request.state.base_url)


TheEmulator = Annotated[Emulator, Depends(_emulator)]
"""The emulator behind this server."""

TheBaseUrl = Annotated[BaseUrl, Depends(_base_url)]
"""How the caller came in."""

Authorization = Annotated[str | None, Header(include_in_schema=False)]
"""The Authorization header, as it was sent; the document has it as a security scheme."""

Token = Annotated[str | None, Query(alias=TOKEN, include_in_schema=False)]
"""The token that a browser sends instead of a key."""


async def _sub_path(request: Request) -> str:
    return str(request.path_params.get("path", ""))


SubPath = Annotated[str, Depends(_sub_path)]
"""What follows the application in the address; nothing, or the model."""
