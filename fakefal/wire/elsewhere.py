"""What is not emulated on fal's hosts answers 501 and says what is."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.routing import APIRoute

from fakefal.wire import apps, history, meta, models, storage
from fakefal.wire.answers import refusal
from fakefal.wire.platform import PREFIX, platform_refusal
from fakefal_contracts.hosts import Part

router = APIRouter(tags=["not emulated"], include_in_schema=False)
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
PLATFORM = tuple(part.router for part in (models, history, apps, storage, meta))
EMULATED = dict.fromkeys(
    route.path.removeprefix(PREFIX) for part in PLATFORM for route in part.routes if isinstance(route, APIRoute)
)


@router.api_route(f"/{Part.PLATFORM}/{{path:path}}", methods=METHODS)
async def not_on_the_platform(path: str) -> None:
    """Answer 501 in the Platform API's form."""
    message = f"fakefal does not emulate /{path}, and sent nothing to fal; of /v1 it emulates {', '.join(EMULATED)}"
    raise platform_refusal(501, message, hint=message)


@router.api_route(f"/{Part.SITE}/{{path:path}}", methods=METHODS)
@router.api_route(f"/{Part.WS}/{{path:path}}", methods=METHODS)
@router.api_route(f"/{Part.REST}/{{path:path}}", methods=METHODS)
async def not_emulated(path: str) -> None:
    """Answer 501."""
    detail = f"fakefal does not emulate /{path} of this host, and sent nothing to fal"
    raise refusal(501, detail, hint=detail)
