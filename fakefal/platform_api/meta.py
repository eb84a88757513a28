"""The Platform API's facts about the platform itself."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from fakefal.platform_api.forms import PREFIX, PlatformRoute
from fakefal.wire.answers import Json

router = APIRouter(prefix=PREFIX, tags=["platform"], route_class=PlatformRoute)
WEBHOOK_RANGES = ("127.0.0.1/32", "::1/128")
"""Where the emulator's own webhooks come from."""


@router.get("/meta")
async def meta() -> Response:
    """Read the IP ranges that webhooks come from."""
    return Json({"webhook_ip_ranges": WEBHOOK_RANGES})
