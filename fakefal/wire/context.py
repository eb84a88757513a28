"""Dependencies of route functions: the emulator, the base URL for answers, the caller's key."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Header, Request

from fakefal.engine.emulator import Emulator
from fakefal_contracts.hosts import BaseUrl


async def _emulator(request: Request) -> Emulator:
    return cast("Emulator", request.app.state.emulator)


async def _base_url(request: Request) -> BaseUrl:
    return cast("BaseUrl", request.state.base_url)


TheEmulator = Annotated[Emulator, Depends(_emulator)]
"""The emulator behind this server."""

TheBaseUrl = Annotated[BaseUrl, Depends(_base_url)]
"""The base URL for URLs in the answer."""

Authorization = Annotated[str | None, Header(include_in_schema=False)]
"""The Authorization header, as it was sent; the document has it as a security scheme."""
