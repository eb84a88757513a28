"""Browser tokens, as both official clients request them; WebSockets are not emulated."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval
from fastapi import APIRouter, Request
from pydantic import AliasChoices, BaseModel, Field
from starlette.responses import Response

from fakefal.wire.answers import Json, refusal
from fakefal.wire.context import Authorization, TheEmulator
from fakefal.wire.incoming import rest_key
from fakefal.wire.router import no_socket
from fakefal_contracts.hosts import Part

router = APIRouter(tags=["realtime"])
USUAL_SECONDS = 120
LONGEST_SECONDS = 24 * 3600


class TokenBody(BaseModel):
    """The applications that the token is for, and how long it is valid, in seconds (newer name: `duration`)."""

    allowed_apps: list[str]
    token_expiration: Annotated[
        float,
        Interval(gt=0, le=LONGEST_SECONDS),
        Field(validation_alias=AliasChoices("token_expiration", "duration")),
    ] = USUAL_SECONDS


@router.post(f"/{Part.REST}/tokens")
@router.post(f"/{Part.REST}/tokens/realtime")
async def token(
    request: Request, body: TokenBody, emulator: TheEmulator, authorization: Authorization = None
) -> Response:
    """Get a token for browsers that replaces the caller's API key, as both clients do (2026)."""
    key = await rest_key(request, emulator, authorization)
    return Json(emulator.tokens.issue(body.token_expiration, user=key, apps=body.allowed_apps))


@router.get(f"/{Part.RUN}/{{path:path}}/realtime", include_in_schema=False)
async def socket(request: Request, path: str) -> None:
    """Answer 501."""
    detail = no_socket(path)
    request.state.socket = True
    raise refusal(501, detail, hint=detail)
