"""What is not emulated on fal's other hosts answers 501 and says so."""

from __future__ import annotations

from fastapi import APIRouter

from fakefal.wire.answers import refusal
from fakefal_contracts.hosts import Part

router = APIRouter(tags=["not emulated"], include_in_schema=False)
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@router.api_route(f"/{Part.PLATFORM}/{{path:path}}", methods=METHODS)
@router.api_route(f"/{Part.SITE}/{{path:path}}", methods=METHODS)
@router.api_route(f"/{Part.WS}/{{path:path}}", methods=METHODS)
@router.api_route(f"/{Part.REST}/{{path:path}}", methods=METHODS)
async def not_emulated(path: str) -> None:
    """Answer 501."""
    detail = f"fakefal does not emulate /{path} of this host, and sent nothing to fal"
    raise refusal(501, detail, hint=detail)
